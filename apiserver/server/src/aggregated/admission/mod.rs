//! The host's own admission objects, for our kinds: kube-apiserver asks them about its own objects alone.

mod followed;
mod params;
mod policies;
mod services;
#[cfg(test)]
mod tests;
mod webhooks;

use std::sync::Arc;

use generic_apiserver::admission::{
    Admission,
    policy::ValidatingPolicies,
    webhook::{MutatingWebhooks, ValidatingWebhooks, WebhookMetrics},
};
use kube::Client;
use tokio_util::sync::CancellationToken;

use self::{policies::HostPolicies, webhooks::HostWebhooks};
use super::namespaces::HostNamespaces;

/// Policies and webhooks of the host.
pub(super) struct HostAdmission {
    policies: Arc<HostPolicies>,
    mutating: Arc<HostWebhooks>,
    validating: Arc<HostWebhooks>,
    metrics: Arc<WebhookMetrics>,
}

impl HostAdmission {
    /// Asks with the rights of this client. Nothing is written before [`HostAdmission::follow`] has read what there is.
    pub(super) fn new(client: &Client, namespaces: &Arc<HostNamespaces>) -> Arc<HostAdmission> {
        let [mutating, validating] = HostWebhooks::both(client, namespaces);
        Arc::new(HostAdmission {
            policies: HostPolicies::new(client, namespaces.clone()),
            mutating,
            validating,
            metrics: Arc::default(),
        })
    }

    /// The plug-ins, in kube-apiserver's order.
    pub(super) fn plugins(&self) -> Vec<Arc<dyn Admission>> {
        vec![
            Arc::new(MutatingWebhooks::new(self.mutating.clone(), self.metrics.clone())),
            Arc::new(ValidatingPolicies::new(self.policies.clone())),
            Arc::new(ValidatingWebhooks::new(self.validating.clone(), self.metrics.clone())),
        ]
    }

    /// Follows the host's objects until `stop`.
    pub(super) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        tokio::join!(
            self.policies.clone().follow(stop.clone()),
            self.mutating.clone().follow(stop.clone()),
            self.validating.clone().follow(stop),
        );
    }

    /// Whether all of them were read once. The error says what is missing.
    pub(super) fn were_read(&self) -> Result<(), String> {
        self.policies.were_read()?;
        self.mutating.were_read()?;
        self.validating.were_read()
    }

    /// Appends what is counted of webhooks.
    pub(super) fn append_metrics(&self, page: &mut String) {
        self.metrics.append(page);
    }
}
