//! What a health check writes: its own label and owner, and what it found at the Machines.

use super::decide::{Finding, Plan};
use super::dereference::Parts;
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::context::Context;
use crate::machine::error::Error;
use crate::machine::replicas::is_deleting;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Machine, MachineHealthCheck, MachineStatus, condition};
use kube::{Resource, ResourceExt};

/// Gives the health check its cluster's label, by which it is found when a Machine changes.
pub(super) async fn label(context: &Context, check: &MachineHealthCheck) -> Result<(), Error> {
    let mut meta = check.metadata.clone();
    let labels = meta.labels.get_or_insert_default();
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), check.spec.cluster_name.clone());
    context.health_checks.patch_metadata(check, &meta).await
}

/// Makes the Cluster an owner, with which it goes.
pub(super) async fn own(context: &Context, parts: &Parts) -> Result<(), Error> {
    let uid = parts.cluster.metadata.uid.as_ref();
    // What was just written counts.
    let check = context
        .health_checks
        .get(&crate::machine::engine::Key::of(&*parts.check));
    let Some(check) = check.filter(|check| !check.owner_references().iter().any(|owner| Some(&owner.uid) == uid))
    else {
        return Ok(());
    };
    let mut meta = check.metadata.clone();
    meta.owner_references
        .get_or_insert_default()
        .extend(parts.cluster.owner_ref(&()));
    context.health_checks.patch_metadata(&check, &meta).await
}

/// Says at each Machine what was found, and asks for its replacement where that is allowed. One that can't be written
/// keeps none of the others from it.
pub(super) async fn mark(context: &Context, parts: &Parts, plan: &Plan) -> Result<(), Error> {
    let mut outcome = Ok(());
    for (name, finding) in &plan.findings {
        let target = parts.targets.iter().find(|target| target.machine.name_any() == *name);
        let Some(machine) = target.map(|target| &*target.machine) else {
            continue;
        };
        let status = marked(machine, finding, plan.allowed.is_some());
        let written = context
            .machines
            .patch_shared_status(machine, &machine.status, &status)
            .await;
        outcome = outcome.and(written);
    }
    outcome
}

/// The Machine's status with what was found.
pub(super) fn marked(machine: &Machine, finding: &Finding, allowed: bool) -> MachineStatus {
    let mut status = machine.status.clone();
    let mut set = Setter::new(&mut status.conditions, machine.metadata.generation);
    match finding {
        Finding::Pending(_) | Finding::Unknown => {}
        Finding::Well => set.set(condition::HEALTH_CHECK_SUCCEEDED, Verdict::yes("HealthCheckSucceeded")),
        Finding::Unwell(verdict) => {
            set.set(condition::HEALTH_CHECK_SUCCEEDED, verdict.clone());
            // A remediation that was begun is its owner's to report on.
            let is_begun = machine
                .condition(condition::OWNER_REMEDIATED)
                .is_some_and(|condition| condition.status != "True");
            if allowed && !is_begun && !is_deleting(machine) {
                let waits = Verdict::no("WaitingForRemediation", "waiting for the owner to replace the Machine");
                set.set(condition::OWNER_REMEDIATED, waits);
            }
        }
    }
    status
}
