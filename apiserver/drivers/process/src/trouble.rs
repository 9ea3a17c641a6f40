//! What keeps a VM from its next step, in words for people.

use vm_driver::Blocked;

/// The condition that shows it: the guest system does not come up.
const CONDITION: &str = "GuestBootstrap";

/// What keeps a VM from its next step; tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    /// CamelCase reason.
    reason: &'static str,
    /// One sentence, without secrets.
    message: String,
}

impl Trouble {
    /// Something that must come first is not there.
    pub(crate) fn waiting(message: impl ToString) -> Self {
        Self::new("Waiting", message)
    }

    /// The guest system can't do what the bootstrap data says.
    pub(crate) fn failed(message: impl ToString) -> Self {
        Self::new("BootstrapFailed", message)
    }

    /// A program does not run.
    pub(crate) fn program(message: impl ToString) -> Self {
        Self::new("ProgramNotRunning", message)
    }

    /// What the guest, or its etcd, answered to a request.
    pub(crate) fn refused(what: &str, error: &kube::Error) -> Self {
        Self::waiting(format!("{what}: {}", summary(error)))
    }

    fn new(reason: &'static str, message: impl ToString) -> Self {
        let message = message.to_string();
        Self { reason, message }
    }
}

impl From<&Trouble> for Blocked {
    fn from(trouble: &Trouble) -> Self {
        Self {
            condition: CONDITION.to_owned(),
            reason: trouble.reason.to_owned(),
            message: trouble.message.clone(),
        }
    }
}

/// The library's own words show requests with their headers.
fn summary(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        _ => "no answer".to_owned(),
    }
}
