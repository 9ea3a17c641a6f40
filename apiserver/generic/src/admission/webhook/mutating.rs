//! The plug-in that lets mutating webhooks change objects, one after the other.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{
    super::{Admission, AdmissionRequest, Step, expression::request_object},
    call::Write,
    hook::Webhook,
    metrics::{Sort, WebhookMetrics},
    patched::patched,
    source::WebhookSource,
};
use crate::status::Status;

const MUTATION: &str = "mutation.webhook.admission.k8s.io/";

/// `MutatingAdmissionWebhook`: lets the webhooks of a source change objects before they are validated. Those that want to are
/// called once more when others changed the object after them.
pub struct MutatingWebhooks {
    source: Arc<dyn WebhookSource>,
    metrics: Arc<WebhookMetrics>,
}

/// One of the two times that webhooks are called, or might be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    First,
    Again,
}

/// Which webhooks have been called, by their places.
#[derive(Default)]
struct Called {
    /// They want to be called again if the object changes.
    waiting: HashSet<usize>,
    /// It has changed since.
    again: HashSet<usize>,
}

impl MutatingWebhooks {
    /// The webhooks that this source knows; what becomes of calls is counted.
    pub fn new(source: Arc<dyn WebhookSource>, metrics: Arc<WebhookMetrics>) -> MutatingWebhooks {
        MutatingWebhooks { source, metrics }
    }

    async fn round(
        &self,
        round: Round,
        hooks: &[Arc<Webhook>],
        write: &Write<'_>,
        object: &mut Option<&mut Value>,
        called: &mut Called,
    ) -> Result<(), Status> {
        // Whoever is called a second time was called a first time.
        let chosen = (round == Round::Again).then(|| std::mem::take(&mut called.again));
        for (index, hook) in hooks.iter().enumerate() {
            if chosen.as_ref().is_some_and(|chosen| !chosen.contains(&index)) {
                continue;
            }
            let seen = object.as_deref();
            if !hook
                .is_meant(write.request, seen, &write.described, write.source)
                .await?
            {
                continue;
            }
            let changed = self.call(hook, write, object, (round, index)).await?;
            if changed {
                called.again.extend(called.waiting.drain());
            }
            if hook.is_reinvoked {
                called.waiting.insert(index);
            }
        }
        Ok(())
    }

    /// Calls a webhook; says whether it changed the object.
    async fn call(
        &self,
        hook: &Webhook,
        write: &Write<'_>,
        object: &mut Option<&mut Value>,
        (round, index): (Round, usize),
    ) -> Result<bool, Status> {
        let place = format!("round_{}_index_{index}", u8::from(round == Round::Again));
        let answer = write.pass(hook, object.as_deref(), &place).await?;
        let changed = match answer.and_then(|answer| answer.patch) {
            Some(patch) => patched(&hook.name, write.request, object.as_deref(), &patch)?,
            None => None,
        };
        let told = json!({"configuration": hook.configuration, "webhook": hook.name, "mutated": changed.is_some()});
        let key = format!("{MUTATION}{place}");
        write.request.notes.annotate(&key, &told.to_string());
        let (Some(new), Some(object)) = (changed, object) else {
            return Ok(false);
        };
        **object = new;
        Ok(true)
    }
}

#[async_trait]
impl Admission for MutatingWebhooks {
    fn name(&self) -> &'static str {
        "MutatingAdmissionWebhook"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Admit && request.is_for_policies()
    }

    async fn admit(&self, request: &AdmissionRequest<'_>, mut object: Option<&mut Value>) -> Result<(), Status> {
        let hooks = self.source.hooks().await.map_err(|why| Status::not_ready(&why))?;
        if hooks.is_empty() {
            return Ok(());
        }
        let write = Write {
            request,
            described: request_object(request),
            source: &*self.source,
            sort: Sort::Mutating,
            metrics: &self.metrics,
        };
        let mut called = Called::default();
        self.round(Round::First, &hooks, &write, &mut object, &mut called)
            .await?;
        if called.again.is_empty() {
            return Ok(());
        }
        self.round(Round::Again, &hooks, &write, &mut object, &mut called).await
    }
}
