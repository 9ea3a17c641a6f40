//! Where webhooks come from, and where they are.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::{super::Surroundings, hook::Webhook};

/// Knows the webhooks of a cluster and the addresses of its services.
#[async_trait]
pub trait WebhookSource: Surroundings {
    /// The webhooks in their order. While they are not known yet, it waits a little; the error then says what is missing.
    async fn hooks(&self) -> Result<Arc<[Arc<Webhook>]>, String>;

    /// Host and port at which a service answers at this moment. The error says why it has none.
    async fn resolve(&self, service: &ServiceReference) -> Result<(String, u16), String>;

    /// Nobody answered at an address that was resolved.
    fn forget(&self, _service: &ServiceReference) {}
}

/// A webhook in the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReference {
    /// Namespace of the service.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of requests, or empty.
    #[serde(default)]
    pub path: String,
    /// Port of the service.
    #[serde(default = "https")]
    pub port: u16,
}

fn https() -> u16 {
    443
}

impl ServiceReference {
    /// The name that its certificate must have.
    pub fn server_name(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}
