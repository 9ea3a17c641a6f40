//! The plug-in that asks validating webhooks, all at once.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::Value;

use super::{
    super::{Admission, AdmissionRequest, Step, expression::request_object},
    call::Write,
    failure::Failure,
    hook::Webhook,
    metrics::{Ended, Sort, WebhookMetrics},
    source::WebhookSource,
};
use crate::status::Status;

const FAILED_OPEN: &str = "failed-open.validating.webhook.admission.k8s.io/";

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

    /// What is wrong with a write by the word of one webhook.
    async fn judge(
        &self,
        write: &Write<'_>,
        hook: &Webhook,
        object: Option<&Value>,
        index: usize,
    ) -> Result<(), Status> {
        let began = Instant::now();
        let outcome = write.ask(hook, object).await;
        let operation = write.request.operation;
        let ended = Ended::of(&outcome, hook.ignores_failures);
        self.metrics
            .called(Sort::Validating, &hook.name, operation, ended, began.elapsed());
        match outcome {
            Ok(_) => Ok(()),
            Err(Failure::Refused(status)) => Err(status),
            Err(Failure::Calling(error)) if hook.ignores_failures => {
                tracing::warn!(%error, "a webhook failed; the write goes on");
                let key = format!("{FAILED_OPEN}round_0_index_{index}");
                write.request.notes.annotate(&key, &hook.name);
                Ok(())
            }
            Err(Failure::Calling(error)) => Err(Status::internal_error(error.to_string())),
        }
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
            mutating: false,
        };
        let mut meant = Vec::new();
        for hook in &*hooks {
            if hook.is_meant(request, object, &write.described, write.source).await? {
                meant.push(hook);
            }
        }
        let calls = meant.iter().enumerate();
        let calls = calls.map(|(index, hook)| self.judge(&write, hook, object, index));
        join_all(calls).await.into_iter().collect()
    }
}
