//! The namespaces of the host, and NamespaceLifecycle over them: nothing is created in one that is missing or going away.

use std::sync::Arc;

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Step},
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, runtime::watcher};
use kubernetes_apiserver::namespaces::{self, NamespacePhase};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::ask::ask;
use crate::followed::Followed;

/// Refuses a create in a missing (404) or terminating (403) namespace of the host, as kube-apiserver words it. What is not
/// known to be active is looked up before it is refused; a look-up that fails is a failure.
pub(crate) struct HostNamespaces {
    api: Api<Namespace>,
    known: Followed<Kept>,
}

/// What is kept of a namespace.
#[derive(Clone, Debug)]
struct Kept {
    /// As expressions see it: without who manages or owns it.
    object: Arc<Value>,
    is_active: bool,
}

impl HostNamespaces {
    /// Asks with the rights of this client, which needs `get`, `list` and `watch` on namespaces. Every create is a look-up
    /// until [`HostNamespaces::follow`] runs.
    pub(crate) fn new(client: Client) -> Arc<HostNamespaces> {
        Arc::new(HostNamespaces {
            api: Api::all(client),
            known: Followed::new("the host's namespaces"),
        })
    }

    /// Follows the host's namespaces until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let begin = || watcher(self.api.clone(), watcher::Config::default());
        self.known.follow(begin, Kept::new, stop).await;
    }

    /// A namespace as an object: as the watch has it, or else as it is. 404 when there is none.
    pub(crate) async fn object(&self, name: &str) -> Result<Arc<Value>, Status> {
        if let Some(known) = self.known.get("", name) {
            return Ok(known.object);
        }
        match self.read(name).await? {
            Some(namespace) => Ok(Kept::new(namespace).object),
            None => Err(NamespacePhase::not_found(name)),
        }
    }

    async fn phase(&self, namespace: &str) -> Result<NamespacePhase, Status> {
        if self.knows_active(namespace) {
            return Ok(NamespacePhase::Active);
        }
        Ok(match self.read(namespace).await? {
            None => NamespacePhase::Missing,
            Some(namespace) if is_active(&namespace) => NamespacePhase::Active,
            Some(_) => NamespacePhase::Terminating,
        })
    }

    fn knows_active(&self, name: &str) -> bool {
        self.known.get("", name).is_some_and(|namespace| namespace.is_active)
    }

    async fn read(&self, name: &str) -> Result<Option<Namespace>, Status> {
        let found = ask(|| self.api.get_opt(name)).await;
        found.map_err(|why| Status::internal(format!("namespace {name:?} cannot be read: {why}")))
    }
}

#[async_trait]
impl Admission for HostNamespaces {
    fn name(&self) -> &'static str {
        namespaces::NAME
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Admit && namespaces::stores_in_a_namespace(request)
    }

    async fn admit(&self, request: &AdmissionRequest<'_>, _: Option<&mut Value>) -> Result<(), Status> {
        let names = &request.resource.names;
        self.phase(request.namespace)
            .await?
            .admit_create(names, request.name, request.namespace)
    }
}

impl Kept {
    fn new(mut namespace: Namespace) -> Kept {
        namespace.metadata.managed_fields = None;
        namespace.metadata.owner_references = None;
        Kept {
            is_active: is_active(&namespace),
            // Maps with keys that are texts, and nothing that can't be written.
            object: Arc::new(serde_json::to_value(&namespace).unwrap_or_default()),
        }
    }
}

fn is_active(namespace: &Namespace) -> bool {
    namespace.metadata.deletion_timestamp.is_none()
}

#[cfg(test)]
mod tests;
