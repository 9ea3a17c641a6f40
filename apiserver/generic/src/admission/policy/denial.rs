//! What comes of all verdicts on one write.

use serde::Serialize;

use super::{
    super::AdmissionRequest,
    compiled::{Binding, Policy},
    judge::{Decision, Verdict},
};
use crate::status::{Forbidden, Status, StatusCause};

/// More failures are not listed in the audit log.
const MAX_FAILURES: usize = 50;
/// Longest value of an annotation, in bytes.
const MAX_ANNOTATION: usize = 10 * 1024;
const FAILURES: &str = "validation.policy.admission.k8s.io/validation_failure";

/// The first refusal, and what the audit log is told.
#[derive(Default)]
pub(super) struct Outcome<'a> {
    denial: Option<Denial>,
    failures: Vec<Failure<'a>>,
    /// Of the policy that is being asked: each key with its different values.
    annotations: Vec<(String, Vec<String>)>,
}

struct Denial {
    /// Who refuses, and why.
    message: String,
    reason: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    message: String,
    policy: &'a str,
    binding: &'a str,
    expression_index: usize,
    validation_actions: &'a [String],
}

impl<'a> Outcome<'a> {
    /// The policy, or its binding, can't be asked as it is.
    pub(super) fn misconfigured(&mut self, policy: &Policy, binding: Option<&Binding>, why: &str) {
        if policy.ignores_failures {
            return;
        }
        let what = if binding.is_some() { "binding" } else { "policy" };
        self.deny(policy, binding, &format!("failed to configure {what}: {why}"), "");
    }

    /// Takes in what a policy says, by the actions of the binding.
    pub(super) fn take(
        &mut self,
        policy: &'a Policy,
        binding: &'a Binding,
        verdict: Verdict,
        request: &AdmissionRequest<'_>,
    ) {
        for (index, decision) in verdict.decisions.into_iter().enumerate() {
            if let Decision::Deny { message, reason } = decision {
                self.act(policy, binding, (index, &message, &reason), request);
            }
        }
        for (key, value) in verdict.annotations {
            self.annotate(key, value);
        }
        for why in verdict.failed_annotations {
            self.deny(policy, Some(binding), &why, "");
        }
    }

    fn act(
        &mut self,
        policy: &'a Policy,
        binding: &'a Binding,
        (expression_index, message, reason): (usize, &str, &str),
        request: &AdmissionRequest<'_>,
    ) {
        for action in &binding.actions {
            match action.as_str() {
                "Deny" => self.deny(policy, Some(binding), message, reason),
                "Warn" => request.notes.warn(format!(
                    "Validation failed for ValidatingAdmissionPolicy '{}' with binding '{}': {message}",
                    policy.name, binding.name
                )),
                "Audit" if self.failures.len() < MAX_FAILURES => self.failures.push(Failure {
                    message: message.to_owned(),
                    policy: &policy.name,
                    binding: &binding.name,
                    expression_index,
                    validation_actions: &binding.actions,
                }),
                _ => {}
            }
        }
    }

    /// Only the first refusal is told.
    fn deny(&mut self, policy: &Policy, binding: Option<&Binding>, why: &str, reason: &str) {
        let by = binding.map_or_else(String::new, |binding| format!(" with binding '{}'", binding.name));
        self.denial.get_or_insert_with(|| Denial {
            message: format!("ValidatingAdmissionPolicy '{}'{by} denied request: {why}", policy.name),
            reason: reason.to_owned(),
        });
    }

    fn annotate(&mut self, key: String, mut value: String) {
        let end = (0..=MAX_ANNOTATION.min(value.len()))
            .rev()
            .find(|end| value.is_char_boundary(*end));
        value.truncate(end.unwrap_or(0));
        match self.annotations.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) if values.contains(&value) => {}
            Some((_, values)) => values.push(value),
            None => self.annotations.push((key, vec![value])),
        }
    }

    /// All bindings of a policy have been asked.
    pub(super) fn publish(&mut self, policy: &Policy, request: &AdmissionRequest<'_>) {
        for (key, values) in self.annotations.drain(..) {
            request
                .notes
                .annotate(&format!("{}/{key}", policy.name), &values.join(", "));
        }
    }

    /// All policies have been asked.
    pub(super) fn end(self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        if !self.failures.is_empty()
            && let Ok(failures) = serde_json::to_string(&self.failures)
        {
            request.notes.annotate(FAILURES, &failures);
        }
        self.denial.map_or(Ok(()), |denial| Err(denial.status(request)))
    }
}

impl Denial {
    fn status(self, request: &AdmissionRequest<'_>) -> Status {
        let names = &request.resource.names;
        let what = Forbidden {
            group: &names.group,
            resource: &names.plural,
            name: request.shown_name(),
        };
        let mut status = Status::forbidden(what, &self.message);
        status.reason = if self.reason.is_empty() {
            "Invalid".to_owned()
        } else {
            self.reason
        };
        status.code = match status.reason.as_str() {
            "Forbidden" => 403,
            "Unauthorized" => 401,
            "RequestEntityTooLarge" => 413,
            _ => 422,
        };
        if let Some(details) = &mut status.details {
            details.causes.push(StatusCause {
                reason: String::new(),
                message: self.message,
                field: String::new(),
            });
        }
        status
    }
}
