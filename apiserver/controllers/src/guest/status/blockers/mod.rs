//! What keeps a guest from being Ready: the lowest object that says why, in its own words, and what to do about it. Pure.

mod advice;
mod leaving;
mod machine;
mod network;
mod owners;
mod replacement;
mod vm;

use guestcluster_types::{BlockedBy, GuestCluster, conditions::reasons};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;

use crate::guest::plan::{Blocked, Object};
pub(super) use leaving::left_behind;
pub(super) use machine::{blocking, uncounted, worst};
pub(super) use network::network;
pub(super) use owners::{control_plane_owner, pool_owner};
pub(super) use vm::stage;

/// Why something is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocker {
    /// The lowest object that says so.
    pub(super) object: Object,
    /// One word, of that object where it gives one.
    pub(super) reason: String,
    /// What that object says itself.
    pub(super) said: String,
    /// One sentence that names the object.
    pub(super) message: String,
    /// Whether it will not go away by waiting alone.
    pub(super) severe: bool,
    /// What to do next.
    pub(super) advice: String,
}

/// What an object waits for, or fails at: the type of its condition, and what that says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waits {
    about: String,
    reason: String,
    said: String,
    severe: bool,
}

/// What a VM, machine or node passes through by itself, beside everything that begins with `WaitingFor`.
const PROGRESS: &[&str] = &[
    "ConnectionDown",
    "Created",
    "DataSecretNotAvailable",
    "Deleting",
    "DoesNotExist",
    "GuestCustomizationIdle",
    "GuestCustomizationPending",
    "GuestCustomizationRunning",
    "InspectionFailed",
    "NoReplicas",
    "NodeDeleted",
    "NodeDoesNotExist",
    "NodeHealthyUnknown",
    "NodeNotHealthy",
    "NodeNotReady",
    "NotAvailable",
    "NotConnected",
    "NotCreated",
    "NotInitialized",
    "NotProvisioned",
    "NotReady",
    "NotUpToDate",
    "NotYetReported",
    "ProbeFailed",
    "RollingOut",
    "ScalingDown",
    "ScalingUp",
    "Starting",
    "Unknown",
    "VirtualMachineNotWritten",
    "VirtualMachineToolsNotRunning",
    reasons::PROVISIONING,
    reasons::POWERING_ON,
    reasons::OK,
    reasons::UNKNOWN,
    reasons::CREATING,
    reasons::REMOVING_MACHINES,
    reasons::ROLLING_OUT,
    reasons::PAUSED,
    reasons::DELETING,
];

/// Whether a reason says more than that things take their time.
pub(in crate::guest) fn is_trouble(reason: &str) -> bool {
    !reason.starts_with("WaitingFor") && !PROGRESS.contains(&reason)
}

/// Whether an API server said no, which it will say again.
fn is_refusal(said: &str) -> bool {
    ["exceeded quota", "is forbidden", "denied the request", "is invalid"]
        .iter()
        .any(|words| said.contains(words))
}

impl Waits {
    fn new(about: &str, reason: &str, said: impl Into<String>) -> Self {
        let said = said.into();
        Self {
            about: about.to_owned(),
            reason: reason.to_owned(),
            severe: is_trouble(reason) || is_refusal(&said),
            said,
        }
    }

    fn of(condition: &Condition) -> Self {
        Self::new(&condition.type_, &condition.reason, one_line(&condition.message))
    }

    fn severe(self) -> Self {
        Self { severe: true, ..self }
    }
}

impl Blocker {
    /// Something that `object` waits for; `what` is how people call it.
    fn waiting(object: Object, what: &str, waits: Waits) -> Self {
        let message = match waits.said.as_str() {
            "" => format!("waiting for {what}: {}", waits.reason),
            said => format!("waiting for {what}: {}: {said}", waits.reason),
        };
        Self::saying(object, message, waits)
    }

    fn saying(object: Object, message: String, waits: Waits) -> Self {
        let advice = advice::advice(&object, &waits);
        let Waits {
            reason, said, severe, ..
        } = waits;
        Self {
            object,
            reason,
            said,
            message,
            severe,
            advice,
        }
    }

    /// What passes by itself as far as anybody knows.
    pub(super) fn passing(object: Object, reason: &str, message: impl Into<String>) -> Self {
        Self::saying(object, message.into(), Waits::new("", reason, ""))
    }

    /// What keeps the guest layer itself from writing anything.
    pub(super) fn of_blocked(blocked: &Blocked, guest: &GuestCluster) -> Self {
        let object = blocked.object.clone().unwrap_or_else(|| Object::of(guest));
        let waits = Waits {
            about: String::new(),
            reason: blocked.reason.to_owned(),
            said: blocked.message.clone(),
            severe: true,
        };
        Self::saying(object, blocked.message.clone(), waits)
    }

    /// Whether it is about what lies below the API server of the guest.
    pub(super) fn is_below_api(&self) -> bool {
        self.severe || !matches!(&*self.object.kind, "Machine" | "Node")
    }

    /// The same while something larger goes on.
    pub(super) fn during(self, what: &str) -> Self {
        Self {
            message: format!("{what}: {}", self.message),
            ..self
        }
    }

    /// As it stands in the status, where so many others block as well.
    pub(super) fn shown(self, others: usize) -> BlockedBy {
        BlockedBy {
            kind: self.object.kind.into_owned(),
            name: self.object.name,
            reason: self.reason,
            message: self.said,
            advice: self.advice,
            others: i32::try_from(others).unwrap_or(i32::MAX),
        }
    }

    /// Its message, where so many others block as well.
    pub(super) fn sentence(&self, others: usize) -> String {
        match others {
            0 => self.message.clone(),
            1 => format!("{} (one other object blocks too)", self.message),
            count => format!("{} ({count} other objects block too)", self.message),
        }
    }
}

/// A message as one line, without the bullets that conditions carry.
fn one_line(message: &str) -> String {
    let lines = message
        .lines()
        .map(|line| line.trim().trim_start_matches("* ").trim())
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

fn is_leaving(object: &impl Resource) -> bool {
    object.meta().deletion_timestamp.is_some()
}

#[cfg(test)]
mod tests;
