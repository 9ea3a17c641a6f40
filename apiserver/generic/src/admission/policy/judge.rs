//! What a policy says of a write. Nothing here waits for anything.

use super::{
    super::expression::{Run, Seen},
    compiled::{Policy, Validation},
};
use crate::schema::cel::{Budget, Value};

/// Longest message that an expression may make, in bytes.
const MAX_MESSAGE: usize = 5 * 1024;

/// What a policy says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// One for each validation, in their order; or one alone, where no validation could run.
    pub(super) decisions: Vec<Decision>,
    /// Keys and values for the audit log.
    pub(super) annotations: Vec<(String, String)>,
    /// Annotations that failed, where that refuses the write.
    pub(super) failed_annotations: Vec<String>,
}

/// What one validation says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing against it.
    Admit,
    /// No: why, and the reason of the status, or an empty one.
    Deny { message: String, reason: String },
}

impl Decision {
    fn deny(message: String) -> Decision {
        Decision::Deny {
            message,
            reason: String::new(),
        }
    }
}

impl Policy {
    /// Runs the policy over a write.
    pub(super) fn judge(&self, seen: Seen<'_>) -> Verdict {
        match self.conditions.hold(seen, &self.variables) {
            Ok(true) => {}
            Ok(false) => return Verdict::default(),
            // With `Ignore`, conditions that fail do not hold.
            Err(_) if self.ignores_failures => return Verdict::default(),
            Err(why) => return self.failed(why),
        }
        let mut run = Run::new(seen, &self.variables, Budget::of_policy());
        let mut outcomes = Vec::with_capacity(self.validations.len());
        for validation in &self.validations {
            match run.value(&validation.expression) {
                Ok(outcome) => outcomes.push(outcome),
                Err(spent) => return self.failed(spent.to_string()),
            }
        }
        let decisions = self.validations.iter().zip(outcomes);
        let decisions = decisions.map(|(validation, outcome)| match outcome {
            Ok(Value::Bool(true)) => Decision::Admit,
            Ok(_) => self.refuse(validation, &mut run),
            Err(why) => self.failure(why),
        });
        let decisions = decisions.collect();
        self.annotate(seen, decisions)
    }

    /// The decision of a validation that did not come to true.
    fn refuse<'a>(&'a self, validation: &'a Validation, run: &mut Run<'a>) -> Decision {
        let made = match validation
            .message_expression
            .as_ref()
            .map(|expression| run.value(expression))
        {
            None | Some(Ok(Err(_))) => None,
            Some(Ok(Ok(made))) => of_use(&made),
            Some(Err(spent)) => return self.failure(format!("failed messageExpression: {spent}")),
        };
        let declared = Some(&validation.message).filter(|message| !message.is_empty());
        let message = made.or(declared.cloned());
        Decision::Deny {
            message: message.unwrap_or_else(|| format!("failed expression: {}", validation.expression.source())),
            reason: validation.reason.clone(),
        }
    }

    fn annotate(&self, seen: Seen<'_>, decisions: Vec<Decision>) -> Verdict {
        let mut verdict = Verdict {
            decisions,
            ..Verdict::default()
        };
        let mut run = Run::new(seen, &self.variables, Budget::of_policy());
        for (key, expression) in &self.annotations {
            match run.value(expression) {
                Ok(Ok(Value::Text(text))) if text.trim().is_empty() => {}
                Ok(Ok(Value::Text(text))) => verdict.annotations.push((key.clone(), text.trim().to_owned())),
                Ok(Ok(Value::Null)) => {}
                Ok(Ok(other)) => verdict.failed_annotations.push(format!(
                    "valueExpression '{}' resulted in unsupported return type: {}. Return type must be either string or null.",
                    expression.source(),
                    other.type_name()
                )),
                Ok(Err(_)) if self.ignores_failures => {}
                Ok(Err(why)) => verdict.failed_annotations.push(why),
                Err(spent) => return self.failed(spent.to_string()),
            }
        }
        verdict
    }

    /// A failure of the policy as a whole.
    fn failed(&self, why: String) -> Verdict {
        Verdict {
            decisions: vec![self.failure(why)],
            ..Verdict::default()
        }
    }

    fn failure(&self, why: String) -> Decision {
        if self.ignores_failures {
            Decision::Admit
        } else {
            Decision::deny(why)
        }
    }
}

/// The message that an expression made, unless it is none that could be shown.
fn of_use(made: &Value<'_>) -> Option<String> {
    let Value::Text(text) = made else { return None };
    let text = text.trim();
    let is_of_use = !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n');
    is_of_use.then(|| text.to_owned())
}
