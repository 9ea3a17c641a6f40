//! What is counted of calls, under kube-apiserver's names.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use super::{super::Operation, failure::Failure, review::Answer};
use crate::metrics::{Histogram, declare, line};

const BOUNDS: [f64; 8] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0];
/// Webhooks come and go: no more than so many are told apart.
const SERIES: usize = 2000;

const DURATION: &str = "apiserver_admission_webhook_admission_duration_seconds";
const REQUESTS: &str = "apiserver_admission_webhook_request_total";
const REJECTIONS: &str = "apiserver_admission_webhook_rejection_count";
const FAILED_OPEN: &str = "apiserver_admission_webhook_fail_open_count";

/// Which webhooks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Mutating,
    Validating,
}

impl Sort {
    /// How the annotation of a call begins that failed and refused nothing.
    pub(super) fn failed_open(self) -> &'static str {
        match self {
            Sort::Mutating => "failed-open.mutation.webhook.admission.k8s.io/",
            Sort::Validating => "failed-open.validating.webhook.admission.k8s.io/",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    Allowed,
    /// The webhook said no, with this code.
    Refused(u16),
    /// It could not be asked, and the write is refused.
    Failed(u16),
    /// It could not be asked, and the write goes on.
    FailedOpen(u16),
}

/// Calls by webhook; shared by the plug-ins of a server.
#[derive(Default)]
pub struct WebhookMetrics(Mutex<BTreeMap<Call, Histogram<{ BOUNDS.len() }>>>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    webhook: String,
    sort: Sort,
    operation: Operation,
    ended: Ended,
}

impl Ended {
    pub(super) fn of(outcome: &Result<Answer, Failure>, ignores_failures: bool) -> Ended {
        match outcome {
            Ok(_) => Ended::Allowed,
            Err(Failure::Refused(status)) => Ended::Refused(status.code),
            Err(Failure::Calling(error)) if ignores_failures => Ended::FailedOpen(error.code),
            Err(Failure::Calling(error)) => Ended::Failed(error.code),
        }
    }

    fn code(self) -> u16 {
        match self {
            Ended::Allowed => 200,
            Ended::Refused(code) | Ended::Failed(code) | Ended::FailedOpen(code) => code,
        }
    }

    fn is_rejected(self) -> bool {
        matches!(self, Ended::Refused(_) | Ended::Failed(_))
    }
}

impl Call {
    /// Which webhook. Its name is a DNS name: nothing in it needs escaping.
    fn webhook(&self) -> String {
        let step = match self.sort {
            Sort::Mutating => "admit",
            Sort::Validating => "validating",
        };
        format!("name=\"{}\",type=\"{step}\"", self.webhook)
    }

    fn duration(&self) -> String {
        let (operation, rejected) = (self.operation.as_str(), self.ended.is_rejected());
        format!("{},operation=\"{operation}\",rejected=\"{rejected}\"", self.webhook())
    }

    fn request(&self) -> String {
        let (operation, code, rejected) = (self.operation.as_str(), self.ended.code(), self.ended.is_rejected());
        let webhook = self.webhook();
        format!("{webhook},operation=\"{operation}\",code=\"{code}\",rejected=\"{rejected}\"")
    }

    fn rejection(&self) -> Option<String> {
        let error = match self.ended {
            Ended::Refused(_) => "no_error",
            Ended::Failed(_) => "calling_webhook_error",
            Ended::Allowed | Ended::FailedOpen(_) => return None,
        };
        let (webhook, operation, code) = (self.webhook(), self.operation.as_str(), self.ended.code());
        Some(format!(
            "{webhook},operation=\"{operation}\",error_type=\"{error}\",rejection_code=\"{code}\""
        ))
    }

    fn failed_open(&self) -> Option<String> {
        matches!(self.ended, Ended::FailedOpen(_)).then(|| self.webhook())
    }
}

impl WebhookMetrics {
    pub(super) fn called(&self, sort: Sort, webhook: &str, operation: Operation, ended: Ended, took: Duration) {
        let call = Call {
            webhook: webhook.to_owned(),
            sort,
            operation,
            ended,
        };
        let mut counted = self.0.lock();
        if counted.len() < SERIES || counted.contains_key(&call) {
            counted.entry(call).or_default().observe(&BOUNDS, took.as_secs_f64());
        }
    }

    /// Appends them in the text exposition format.
    pub fn append(&self, page: &mut String) {
        let counted = self.0.lock().clone();
        declare(
            page,
            DURATION,
            "histogram",
            "How long calls of admission webhooks took.",
        );
        for (labels, histogram) in grouped(&counted, |call| Some(call.duration())) {
            histogram.render(page, DURATION, &labels, &BOUNDS);
        }
        let count = |page: &mut String, metric, help, labels: fn(&Call) -> Option<String>| {
            declare(page, metric, "counter", help);
            for (labels, histogram) in grouped(&counted, labels) {
                line(page, metric, &labels, histogram.count());
            }
        };
        count(page, REQUESTS, "Calls of admission webhooks.", |call| {
            Some(call.request())
        });
        count(
            page,
            REJECTIONS,
            "Writes that admission webhooks or their failures refused.",
            Call::rejection,
        );
        count(
            page,
            FAILED_OPEN,
            "Calls of admission webhooks that failed and refused nothing.",
            Call::failed_open,
        );
    }
}

/// What was counted, by the labels that a metric has.
fn grouped(
    counted: &BTreeMap<Call, Histogram<{ BOUNDS.len() }>>,
    labels: fn(&Call) -> Option<String>,
) -> BTreeMap<String, Histogram<{ BOUNDS.len() }>> {
    let mut groups: BTreeMap<String, Histogram<{ BOUNDS.len() }>> = BTreeMap::new();
    for (call, histogram) in counted {
        if let Some(labels) = labels(call) {
            groups.entry(labels).or_default().add(histogram);
        }
    }
    groups
}
