//! What is true of a MachineDeployment.

use super::{bounds, is_of_template};
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::error::Error;
use crate::machine::machine_set::status::{scaling_down, scaling_up, selector_text};
use crate::machine::remediation::any_remediating;
use crate::machine::replicas::{is_deleting, sum_versions};
use guestcluster_types::conditions::Holds;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{MachineDeployment, MachineDeploymentStatus, MachineSet, condition};
use std::sync::Arc;

pub(super) fn of(
    deployment: &MachineDeployment,
    sets: &[Arc<MachineSet>],
    hash: &str,
    error: Option<&Error>,
) -> MachineDeploymentStatus {
    let mut status = counted(deployment, sets);
    let sum = |of: fn(&MachineSet) -> Option<i32>| sets.iter().filter_map(|set| of(set)).sum::<i32>();
    let current = sets.iter().find(|set| is_of_template(set, hash));
    status.up_to_date_replicas = Some(current.and_then(|set| set.status.replicas).unwrap_or_default());
    let existing = sum(|set| set.status.replicas);
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let stale = sets
        .iter()
        .filter(|set| !is_of_template(set, hash))
        .filter_map(|set| set.status.replicas)
        .sum::<i32>();
    status.phase = Some(phase(existing, wanted, stale).to_owned());

    let failure = current
        .and_then(|set| set.condition(condition::SCALING_UP))
        .filter(|condition| {
            [" is blocked: ", " waits: "]
                .iter()
                .any(|word| condition.message.contains(word))
        });
    let available = status.available_replicas.unwrap_or_default();
    let mut conditions = Setter::new(&mut status.conditions, deployment.metadata.generation);
    let ready = of_sets(sets, condition::MACHINES_READY, "Ready");
    let missing = match failure {
        Some(condition) => condition.message.clone(),
        None if ready.is_true() => format!("{available} of {wanted} replicas are available"),
        None => ready.message.clone(),
    };
    let enough = available >= wanted - bounds(deployment).unavailable;
    conditions.set(
        condition::AVAILABLE,
        match enough {
            _ if error.is_some() => refused(error),
            true => Verdict::yes("Available"),
            false if ready.is_true() => Verdict::no("NotAvailable", missing),
            false => Verdict::no(&ready.reason, missing),
        },
    );
    conditions.set(condition::MACHINES_READY, ready);
    conditions.set(
        condition::MACHINES_UP_TO_DATE,
        match stale {
            0 => Verdict::yes("UpToDate"),
            count => Verdict::no("NotUpToDate", format!("{count} replicas are of an older template")),
        },
    );
    conditions.set(
        condition::ROLLING_OUT,
        match stale {
            0 => Verdict::no("NotRollingOut", ""),
            count => Verdict {
                holds: Holds::True,
                ..Verdict::no("RollingOut", format!("Rolling out {count} not up-to-date replicas"))
            },
        },
    );
    conditions.set(
        condition::SCALING_UP,
        match failure {
            Some(condition) => Verdict {
                holds: Holds::True,
                ..Verdict::no("ScalingUp", condition.message.clone())
            },
            None => scaling_up(existing, wanted, None),
        },
    );
    conditions.set(condition::SCALING_DOWN, scaling_down(existing, wanted, None));
    let sets = sets.iter().map(|set| &**set);
    conditions.set(condition::REMEDIATING, any_remediating(sets));
    conditions.set(condition::DELETING, Verdict::no("NotDeleting", ""));
    conditions.set_not_paused();
    status
}

/// What keeps the deployment from what its spec says.
fn refused(error: Option<&Error>) -> Verdict {
    let reason = match error {
        Some(Error::Invalid(_)) => "InvalidSpec",
        _ => "NotAvailable",
    };
    Verdict::no(reason, error.map(ToString::to_string).unwrap_or_default())
}

/// While it is deleted only the counts and the condition say anything.
pub(super) fn deleting(deployment: &MachineDeployment, sets: &[Arc<MachineSet>]) -> MachineDeploymentStatus {
    let mut status = counted(deployment, sets);
    status.phase = Some("ScalingDown".to_owned());
    let left = sets.iter().filter_map(|set| set.status.replicas).sum::<i32>();
    let message = format!("{left} Machines are left");
    let mut conditions = Setter::new(&mut status.conditions, deployment.metadata.generation);
    conditions.set(
        condition::DELETING,
        Verdict {
            holds: Holds::True,
            ..Verdict::no("Deleting", message)
        },
    );
    status
}

fn counted(deployment: &MachineDeployment, sets: &[Arc<MachineSet>]) -> MachineDeploymentStatus {
    let sum = |of: fn(&MachineSet) -> Option<i32>| Some(sets.iter().filter_map(|set| of(set)).sum::<i32>());
    MachineDeploymentStatus {
        conditions: deployment.status.conditions.clone(),
        selector: Some(selector_text(&deployment.spec.selector)),
        replicas: sum(|set| set.status.replicas),
        ready_replicas: sum(|set| set.status.ready_replicas),
        available_replicas: sum(|set| set.status.available_replicas),
        up_to_date_replicas: deployment.status.up_to_date_replicas,
        versions: sum_versions(sets.iter().map(|set| &**set)),
        phase: None,
        observed_generation: deployment.metadata.generation,
    }
}

fn phase(existing: i32, wanted: i32, stale: i32) -> &'static str {
    match existing.cmp(&wanted) {
        std::cmp::Ordering::Less => "ScalingUp",
        std::cmp::Ordering::Greater => "ScalingDown",
        std::cmp::Ordering::Equal if stale > 0 => "ScalingUp",
        std::cmp::Ordering::Equal => "Running",
    }
}

/// A condition over all sets: the first that is not true blocks.
fn of_sets(sets: &[Arc<MachineSet>], type_: &str, good: &str) -> Verdict {
    let live = sets.iter().filter(|set| !is_deleting(&***set));
    let verdicts = live.map(|set| Verdict::of(set.condition(type_), "NotYetReported", ""));
    verdicts
        .into_iter()
        .find(|verdict| !verdict.is_true())
        .unwrap_or_else(|| Verdict::yes(good))
}
