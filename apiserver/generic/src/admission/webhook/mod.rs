//! Admission webhooks: `ValidatingWebhookConfiguration` and `MutatingWebhookConfiguration` objects, as kube-apiserver calls them.
//!
//! A [`WebhookSource`] knows the objects, [`Webhooks`] reads them, [`ValidatingWebhooks`] and [`MutatingWebhooks`] are the
//! plug-ins that call them.

mod call;
mod definition;
mod failure;
mod hook;
mod metrics;
mod mutating;
mod patched;
mod review;
mod set;
mod source;
mod validating;

pub use self::{
    hook::Webhook,
    metrics::WebhookMetrics,
    mutating::MutatingWebhooks,
    set::Webhooks,
    source::{ServiceReference, WebhookSource},
    validating::ValidatingWebhooks,
};
