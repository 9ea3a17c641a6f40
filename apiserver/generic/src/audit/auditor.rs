//! Decides how much is kept of a request, and hands events to the log.

use super::{AuditFile, Level, Policy, policy::Verdict};
use crate::{authn::User, request::RequestInfo};

/// A resource whose bodies carry credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confidential {
    /// API group, empty for core.
    pub group: &'static str,
    /// Plural name.
    pub resource: &'static str,
    /// Subresource, or empty.
    pub subresource: &'static str,
}

/// A policy, and the log that events go to.
pub struct Auditor {
    policy: Policy,
    confidential: Vec<Confidential>,
    log: AuditFile,
}

impl Auditor {
    /// Events by `policy` go to `log`. Of `confidential` resources no body is kept, nor the words of a refusal, whatever the policy
    /// says.
    pub fn new(policy: Policy, confidential: &[Confidential], log: AuditFile) -> Auditor {
        Auditor {
            policy,
            confidential: confidential.to_vec(),
            log,
        }
    }

    /// Writes what waits, and ends the log.
    pub async fn close(&self) {
        self.log.close().await;
    }

    /// Counts of events, in the text exposition format.
    pub(crate) fn append_metrics(&self, page: &mut String) {
        let (written, lost) = self.log.counts();
        for (name, help, count) in [
            (
                "apiserver_audit_event_total",
                "Audit events that were written.",
                written,
            ),
            ("apiserver_audit_error_total", "Audit events that were lost.", lost),
        ] {
            *page += &format!("# HELP {name} {help}\n# TYPE {name} counter\n{name}{{plugin=\"log\"}} {count}\n");
        }
    }

    pub(super) fn judge(&self, info: &RequestInfo, user: &User) -> Verdict {
        let mut verdict = self.policy.judge(info, user);
        let is_confidential = self
            .confidential
            .iter()
            .any(|one| (one.group, one.resource, one.subresource) == (&info.group, &info.resource, &info.subresource));
        if is_confidential {
            verdict.confidential = true;
            verdict.level = verdict.level.min(Level::Metadata);
        }
        verdict
    }

    pub(super) fn write(&self, event: &serde_json::Value) {
        self.log.write(event);
    }
}
