//! The host's webhook configurations.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{
        Surroundings,
        webhook::{ServiceReference, Webhook, WebhookSource, Webhooks},
    },
};
use kube::Client;
use parking_lot::Mutex;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    super::namespaces::HostNamespaces,
    followed::{Followed, Sink},
    services::HostServices,
};

/// Follows the configurations of one kind.
pub(crate) struct HostWebhooks {
    known: Known,
    configurations: Followed,
    services: Arc<HostServices>,
    namespaces: Arc<HostNamespaces>,
}

#[derive(Default)]
struct Known {
    all: Mutex<Webhooks>,
    hooks: ArcSwap<Arc<[Arc<Webhook>]>>,
}

impl HostWebhooks {
    /// The mutating and the validating ones. Asks with the rights of this client, which needs `get`, `list` and `watch` on
    /// configurations, and to find services `get` on them and `list` on their endpoint slices. Nothing is written before
    /// [`HostWebhooks::follow`] has read them.
    pub(crate) fn both(client: &Client, namespaces: &Arc<HostNamespaces>) -> [Arc<HostWebhooks>; 2] {
        let services = Arc::new(HostServices::new(client.clone()));
        let kinds = [
            ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations"),
            ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations"),
        ];
        kinds.map(|(kind, plural)| {
            Arc::new(HostWebhooks {
                known: Known::default(),
                configurations: Followed::new(client.clone(), kind, plural),
                services: services.clone(),
                namespaces: namespaces.clone(),
            })
        })
    }

    /// Follows them until `stop`.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        self.configurations.follow(&self.known, stop).await;
    }

    /// Whether all of them were read once. The error says what is missing.
    pub(crate) fn were_read(&self) -> Result<(), String> {
        self.configurations.were_read()
    }
}

#[async_trait]
impl Surroundings for HostWebhooks {
    async fn namespace(&self, name: &str) -> Result<Arc<Value>, Status> {
        self.namespaces.object(name).await
    }
}

#[async_trait]
impl WebhookSource for HostWebhooks {
    async fn hooks(&self) -> Result<Arc<[Arc<Webhook>]>, String> {
        self.configurations.known().await?;
        Ok(Arc::clone(&self.known.hooks.load()))
    }

    async fn resolve(&self, service: &ServiceReference) -> Result<(String, u16), String> {
        self.services.resolve(service).await
    }

    fn forget(&self, service: &ServiceReference) {
        self.services.forget(service);
    }
}

impl Sink for Known {
    fn set(&self, object: &Value) -> Result<(), String> {
        self.all.lock().set(object)
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        self.all.lock().retain(keep);
    }

    fn publish(&self) {
        // Under the lock, so that a later state is not overtaken by an earlier one.
        let all = self.all.lock();
        self.hooks.store(Arc::new(all.hooks()));
    }
}
