//! One call of a webhook.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    super::AdmissionRequest,
    failure::Failure,
    hook::{Place, Target, Webhook},
    metrics::{Ended, Sort, WebhookMetrics},
    review::{Answer, Question, Unusable},
    source::WebhookSource,
};
use crate::{
    https::{Bounds, Peer, Unanswered, exchange},
    status::Status,
};

/// Largest answer in bytes: as large as the largest request.
const LARGEST: usize = 3 * 1024 * 1024;
/// Most of an answer that a message shows, in bytes.
const SHOWN: usize = 2048;

/// A write that webhooks are asked about.
pub(super) struct Write<'a> {
    pub(super) request: &'a AdmissionRequest<'a>,
    /// `request` in expressions and reviews.
    pub(super) described: Value,
    pub(super) source: &'a dyn WebhookSource,
    /// By which webhooks it is seen.
    pub(super) sort: Sort,
    pub(super) metrics: &'a WebhookMetrics,
}

impl Write<'_> {
    /// What a webhook answers who lets the write through, or none where it failed and its failure policy lets the write go on.
    /// `place` tells in annotations which call it was.
    pub(super) async fn pass(
        &self,
        hook: &Webhook,
        object: Option<&Value>,
        place: &str,
    ) -> Result<Option<Answer>, Status> {
        let began = Instant::now();
        let outcome = self.ask(hook, object).await;
        let ended = Ended::of(&outcome, hook.ignores_failures);
        let operation = self.request.operation;
        self.metrics
            .called(self.sort, &hook.name, operation, ended, began.elapsed());
        match outcome {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Refused(status)) => Err(status),
            Err(Failure::Calling(error)) if hook.ignores_failures => {
                tracing::warn!(%error, "a webhook failed; the write goes on");
                let key = format!("{}{place}", self.sort.failed_open());
                self.request.notes.annotate(&key, &hook.name);
                Ok(None)
            }
            Err(Failure::Calling(error)) => Err(Status::internal_error(error.to_string())),
        }
    }

    /// Asks a webhook; leaves its warnings and annotations with the request, whatever it says.
    async fn ask(&self, hook: &Webhook, object: Option<&Value>) -> Result<Answer, Failure> {
        let request = self.request;
        if request.dry_run && !hook.knows_dry_run {
            let why = format!("admission webhook {:?} does not support dry run", hook.name);
            return Err(Failure::Refused(Status::bad_request(why)));
        }
        let Some(version) = hook.review_version else {
            let why = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
            return Err(Failure::calling(&hook.name, why, 400));
        };
        let target = hook
            .target
            .as_ref()
            .map_err(|why| Failure::calling(&hook.name, format!("could not get REST client: {why}"), 500))?;
        let uid = uuid::Uuid::new_v4().to_string();
        let question = Question {
            uid: &uid,
            version,
            described: &self.described,
            object,
            old_object: request.old,
        };
        let body = self
            .send(hook, target, question.body())
            .await
            .map_err(|why| Failure::calling(&hook.name, format!("failed to call webhook: {why}"), 503))?;
        let answer = question
            .answer(&body, self.sort == Sort::Mutating)
            .map_err(|unusable| {
                let why = match unusable {
                    Unusable::Undecodable(why) => {
                        format!("failed to call webhook: couldn't get version/kind; json parse error: {why}")
                    }
                    Unusable::Invalid(why) => format!("received invalid webhook response: {why}"),
                    Unusable::PatchType(why) => why,
                };
                Failure::calling(&hook.name, why, 503)
            })?;
        for (key, value) in &answer.annotations {
            request.notes.annotate(&format!("{}/{key}", hook.name), value);
        }
        for warning in &answer.warnings {
            request.notes.warn(warning);
        }
        if answer.allowed {
            return Ok(answer);
        }
        Err(Failure::Refused(answer.refusal(&hook.name)))
    }

    /// The body of the answer; the error is in the words of kube-apiserver's client where it has some.
    async fn send(&self, hook: &Webhook, target: &Target, body: Vec<u8>) -> Result<Bytes, String> {
        let url = format!("{}?timeout={}s", target.shown(), hook.timeout.as_secs());
        let said = |why: String| format!("Post {url:?}: {why}");
        let late = || said("context deadline exceeded".to_owned());
        let deadline = Instant::now() + hook.timeout;
        let (host, port, name) = match &target.place {
            Place::Url { host, port, .. } => (host.clone(), *port, host.clone()),
            Place::Service(service) => {
                let found = timeout_at(deadline, self.source.resolve(service)).await;
                let (host, port) = found.map_err(|_| late())?.map_err(said)?;
                (host, port, service.server_name())
            }
        };
        let request = Request::post(format!("{}?timeout={}s", target.path, hook.timeout.as_secs()))
            .header(header::HOST, authority(target))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json, */*")
            .body(Full::from(body))
            .map_err(|error| said(error.to_string()))?;
        let peer = Peer {
            host: &host,
            port,
            name: &name,
            tls: &target.tls,
        };
        let bounds = Bounds {
            deadline: deadline.saturating_duration_since(Instant::now()),
            largest: LARGEST,
        };
        let answered = exchange(peer, request, bounds).await;
        if let (Err(_), Place::Service(service)) = (&answered, &target.place) {
            self.source.forget(service);
        }
        let (status, body) = answered.map_err(|unanswered| match unanswered {
            Unanswered::Late(_) => late(),
            Unanswered::Failed(why) => said(why),
        })?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(refused(status, &body))
        }
    }
}

fn authority(target: &Target) -> String {
    match &target.place {
        Place::Url { authority, .. } => authority.clone(),
        Place::Service(service) => format!("{}:{}", service.server_name(), service.port),
    }
}

/// What an HTTP error means.
fn refused(status: StatusCode, body: &[u8]) -> String {
    if let Ok(told) = serde_json::from_slice::<Value>(body)
        && told["kind"] == "Status"
        && let Some(message) = told["message"].as_str()
    {
        return message.to_owned();
    }
    match status.as_u16() {
        404 => "the server could not find the requested resource".to_owned(),
        code if code >= 500 => {
            let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN)]);
            format!(
                "an error on the server ({:?}) has prevented the request from succeeding",
                text.trim_end()
            )
        }
        _ => "the server rejected our request for an unknown reason".to_owned(),
    }
}
