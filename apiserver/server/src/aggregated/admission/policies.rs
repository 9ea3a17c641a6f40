//! The host's `ValidatingAdmissionPolicy` objects and their bindings.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{
        Surroundings,
        policy::{Hook, ParamQuery, Policies, PolicySource},
    },
};
use kube::Client;
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    super::namespaces::HostNamespaces,
    followed::{Followed, Sink},
    params::HostParams,
};

/// Follows policies and bindings, and reads what they take as parameters when they are asked.
pub(crate) struct HostPolicies {
    known: Known,
    policies: Followed,
    bindings: Followed,
    params: HostParams,
    namespaces: Arc<HostNamespaces>,
}

#[derive(Default)]
struct Known {
    all: Mutex<Policies>,
    /// Those that are in force.
    hooks: ArcSwap<Arc<[Hook]>>,
}

impl HostPolicies {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on policies and bindings, and `get` and `list`
    /// on what they take as parameters. Nothing is written before [`HostPolicies::follow`] has read them.
    pub(crate) fn new(client: &Client, namespaces: Arc<HostNamespaces>) -> Arc<HostPolicies> {
        Arc::new(HostPolicies {
            known: Known::default(),
            policies: Followed::new(
                client.clone(),
                "ValidatingAdmissionPolicy",
                "validatingadmissionpolicies",
            ),
            bindings: Followed::new(
                client.clone(),
                "ValidatingAdmissionPolicyBinding",
                "validatingadmissionpolicybindings",
            ),
            params: HostParams::new(client.clone()),
            namespaces,
        })
    }

    /// Follows them until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let (policies, bindings) = (PolicySink(&self.known), BindingSink(&self.known));
        tokio::join!(
            self.policies.follow(&policies, stop.clone()),
            self.bindings.follow(&bindings, stop),
        );
    }

    /// Whether all of them were read once. The error says what is missing.
    pub(crate) fn were_read(&self) -> Result<(), String> {
        self.policies.were_read().and_then(|()| self.bindings.were_read())
    }
}

#[async_trait]
impl Surroundings for HostPolicies {
    async fn namespace(&self, name: &str) -> Result<Arc<Value>, Status> {
        self.namespaces.object(name).await
    }
}

#[async_trait]
impl PolicySource for HostPolicies {
    async fn hooks(&self) -> Result<Arc<[Hook]>, String> {
        self.policies.known().await?;
        self.bindings.known().await?;
        Ok(Arc::clone(&self.known.hooks.load()))
    }

    async fn params(&self, query: ParamQuery<'_>) -> Result<Vec<Value>, String> {
        self.params.find(query).await
    }
}

struct PolicySink<'a>(&'a Known);

impl Sink for PolicySink<'_> {
    fn set(&self, object: &Value) -> Result<(), String> {
        self.0.all.lock().set_policy(object)
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        self.0.all.lock().retain_policies(keep);
    }

    fn publish(&self) {
        self.0.publish();
    }
}

struct BindingSink<'a>(&'a Known);

impl Sink for BindingSink<'_> {
    fn set(&self, object: &Value) -> Result<(), String> {
        self.0.all.lock().set_binding(object)
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        self.0.all.lock().retain_bindings(keep);
    }

    fn publish(&self) {
        self.0.publish();
    }
}

impl Known {
    fn publish(&self) {
        // Under the lock, so that a later state is not overtaken by an earlier one.
        let all = self.all.lock();
        self.hooks.store(Arc::new(all.hooks()));
    }
}
