//! The objects as they are written.

use serde::Deserialize;

use super::{
    super::{
        matching::{LabelSelector, Rule},
        policy::NamedExpression,
    },
    source::ServiceReference,
};

/// A `ValidatingWebhookConfiguration` or `MutatingWebhookConfiguration`.
#[derive(Debug, Deserialize)]
pub(super) struct ConfigurationObject {
    pub(super) metadata: Named,
    #[serde(default)]
    pub(super) webhooks: Vec<WebhookSpec>,
}

/// The part of metadata that counts.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebhookSpec {
    pub(super) name: String,
    pub(super) client_config: ClientConfig,
    #[serde(default)]
    pub(super) rules: Vec<Rule>,
    pub(super) failure_policy: Option<String>,
    pub(super) namespace_selector: Option<LabelSelector>,
    pub(super) object_selector: Option<LabelSelector>,
    pub(super) side_effects: Option<String>,
    pub(super) timeout_seconds: Option<u64>,
    #[serde(default)]
    pub(super) admission_review_versions: Vec<String>,
    /// Of mutating ones alone.
    pub(super) reinvocation_policy: Option<String>,
    #[serde(default)]
    pub(super) match_conditions: Vec<NamedExpression>,
}

/// Where a webhook is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientConfig {
    pub(super) url: Option<String>,
    pub(super) service: Option<ServiceReference>,
    /// PEM in Base64.
    #[serde(default)]
    pub(super) ca_bundle: String,
}
