//! The plug-in that asks validating webhooks, all at once.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::Value;

use super::{
    super::{Admission, AdmissionRequest, Step, expression::request_object},
    call::Write,
    metrics::{Sort, WebhookMetrics},
    source::WebhookSource,
};
use crate::status::Status;

/// `ValidatingAdmissionWebhook`: lets the webhooks of a source judge final objects.
pub struct ValidatingWebhooks {
    source: Arc<dyn WebhookSource>,
    metrics: Arc<WebhookMetrics>,
}

impl ValidatingWebhooks {
    /// The webhooks that this source knows; what becomes of calls is counted.
    pub fn new(source: Arc<dyn WebhookSource>, metrics: Arc<WebhookMetrics>) -> ValidatingWebhooks {
        ValidatingWebhooks { source, metrics }
    }
}

#[async_trait]
impl Admission for ValidatingWebhooks {
    fn name(&self) -> &'static str {
        "ValidatingAdmissionWebhook"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Validate && request.is_for_policies()
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let hooks = self.source.hooks().await.map_err(|why| Status::not_ready(&why))?;
        if hooks.is_empty() {
            return Ok(());
        }
        let write = Write {
            request,
            described: request_object(request),
            source: &*self.source,
            sort: Sort::Validating,
            metrics: &self.metrics,
        };
        let mut meant = Vec::new();
        for hook in &*hooks {
            if hook.is_meant(request, object, &write.described, write.source).await? {
                meant.push(hook);
            }
        }
        let write = &write;
        let calls = meant.iter().enumerate().map(|(index, hook)| async move {
            let place = format!("round_0_index_{index}");
            write.pass(hook, object, &place).await.map(drop)
        });
        join_all(calls).await.into_iter().collect()
    }
}
