//! How a call may end other than with a yes.

use std::fmt;

use crate::status::Status;

/// Why a write does not go on.
#[derive(Debug)]
pub(super) enum Failure {
    /// The webhook could not be asked: its failure policy decides.
    Calling(CallError),
    /// It, or we in its place, said no.
    Refused(Status),
}

/// What went wrong with a call.
#[derive(Debug)]
pub(super) struct CallError {
    webhook: String,
    why: String,
    /// What metrics count it as.
    pub(super) code: u16,
}

impl Failure {
    pub(super) fn calling(webhook: &str, why: impl Into<String>, code: u16) -> Failure {
        Failure::Calling(CallError {
            webhook: webhook.to_owned(),
            why: why.into(),
            code,
        })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed calling webhook {:?}: {}", self.webhook, self.why)
    }
}
