//! What is true of a MachineSet.

use crate::machine::conditions::{Setter, Verdict, of_machines};
use crate::machine::error::Error;
use crate::machine::remediation::remediating;
use crate::machine::replicas::{count, is_deleting};
use guestcluster_types::conditions::Holds;
use guestcluster_types::upstream::capi::{Machine, MachineSet, MachineSetStatus, condition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::sync::Arc;

/// What keeps an owner from making Machines.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// Something failed, and is tried again.
    Blocked(String),
    /// The spec can't be followed.
    Invalid(String),
    /// Something else comes first.
    Waits(String),
}

impl Obstacle {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Invalid(message) => Self::Invalid(message.clone()),
            error => Self::Blocked(error.to_string()),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Blocked(failure) | Self::Invalid(failure) => format!(" is blocked: {failure}"),
            Self::Waits(what) => format!(" waits: {what}"),
        }
    }
}

pub(super) fn of(set: &MachineSet, machines: &[Arc<Machine>], obstacle: Option<&Obstacle>) -> MachineSetStatus {
    let mut status = set.status.clone();
    let live: Vec<_> = machines
        .iter()
        .map(|machine| &**machine)
        .filter(|machine| !is_deleting(*machine))
        .collect();
    let wanted = set.spec.replicas.unwrap_or(1);
    let counts = count(live.iter().copied(), wanted);
    let existing = counts.replicas.unwrap_or_default();
    status.replicas = counts.replicas;
    status.ready_replicas = counts.ready_replicas;
    status.available_replicas = counts.available_replicas;
    status.up_to_date_replicas = counts.up_to_date_replicas;
    status.versions = counts.versions;
    status.selector = Some(selector_text(&set.spec.selector));
    status.observed_generation = set.metadata.generation;

    let mut conditions = Setter::new(&mut status.conditions, set.metadata.generation);
    conditions.set(
        condition::MACHINES_READY,
        of_machines(live.iter().copied(), condition::READY, "Ready"),
    );
    conditions.set(
        condition::MACHINES_UP_TO_DATE,
        of_machines(live.iter().copied(), condition::UP_TO_DATE, "UpToDate"),
    );
    conditions.set(condition::SCALING_UP, scaling_up(existing, wanted, obstacle));
    conditions.set(condition::SCALING_DOWN, scaling_down(existing, wanted, None));
    let all = machines.iter().map(|machine| &**machine);
    conditions.set(condition::REMEDIATING, remediating(all));
    conditions.set(condition::DELETING, Verdict::no("NotDeleting", ""));
    conditions.set_not_paused();
    status
}

/// Whether Machines are being added, and what keeps it from it.
pub(crate) fn scaling_up(existing: i32, wanted: i32, obstacle: Option<&Obstacle>) -> Verdict {
    match obstacle {
        // Nothing is under way that could say so.
        Some(Obstacle::Invalid(message)) if existing == wanted => return Verdict::no("InvalidSpec", message),
        _ if existing >= wanted => return Verdict::no("NotScalingUp", ""),
        _ => {}
    }
    let words = obstacle.map(Obstacle::words).unwrap_or_default();
    let message = format!("Scaling up from {existing} to {wanted} replicas{words}");
    Verdict {
        holds: Holds::True,
        ..Verdict::no("ScalingUp", message)
    }
}

/// Whether Machines are being removed, and what keeps it from it.
pub(crate) fn scaling_down(existing: i32, wanted: i32, obstacle: Option<&Obstacle>) -> Verdict {
    if existing <= wanted {
        return Verdict::no("NotScalingDown", "");
    }
    let words = obstacle.map(Obstacle::words).unwrap_or_default();
    let message = format!("Scaling down from {existing} to {wanted} replicas{words}");
    Verdict {
        holds: Holds::True,
        ..Verdict::no("ScalingDown", message)
    }
}

/// A selector of labels as the scale subresource shows it.
pub(crate) fn selector_text(selector: &LabelSelector) -> String {
    let labels = selector
        .match_labels
        .iter()
        .flatten()
        .map(|(key, value)| format!("{key}={value}"));
    labels.collect::<Vec<_>>().join(",")
}
