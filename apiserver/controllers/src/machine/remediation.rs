//! What the owners of Machines share when they replace those that a health check found unwell.

use super::conditions::{Setter, Verdict, of_machines};
use super::context::Context;
use super::error::Error;
use super::replicas::is_deleting;
use guestcluster_types::conditions::Holds;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{Machine, condition};
use kube::ResourceExt;

/// Unwell Machines that a message names.
const NAMED: usize = 3;

/// Whether a health check found the Machine unwell.
pub(crate) fn is_unwell(machine: &Machine) -> bool {
    is_false(machine, condition::HEALTH_CHECK_SUCCEEDED)
}

/// Whether the owner is to replace the Machine.
pub(crate) fn is_due(machine: &Machine) -> bool {
    is_unwell(machine) && is_false(machine, condition::OWNER_REMEDIATED)
}

/// The replacement was begun.
pub(crate) fn deleting() -> Verdict {
    Verdict::no(
        "MachineDeleting",
        "the Machine is being deleted, and another one replaces it",
    )
}

/// It may be replaced later.
pub(crate) fn deferred(message: impl Into<String>) -> Verdict {
    Verdict::no("RemediationDeferred", message)
}

/// It can't be replaced as things are.
pub(crate) fn refused(message: impl Into<String>) -> Verdict {
    Verdict::no("CannotBeRemediated", message)
}

/// Says at a Machine what its owner does about it.
pub(crate) async fn tell(context: &Context, machine: &Machine, verdict: Verdict) -> Result<(), Error> {
    let mut status = machine.status.clone();
    Setter::new(&mut status.conditions, machine.metadata.generation).set(condition::OWNER_REMEDIATED, verdict);
    context
        .machines
        .patch_shared_status(machine, &machine.status, &status)
        .await
}

/// Takes back the request to replace a Machine that is well again.
pub(crate) async fn forget(context: &Context, machine: &Machine) -> Result<(), Error> {
    let is_well = machine.is_true(condition::HEALTH_CHECK_SUCCEEDED);
    if is_deleting(machine) || !is_well || !is_false(machine, condition::OWNER_REMEDIATED) {
        return Ok(());
    }
    let mut status = machine.status.clone();
    status
        .conditions
        .retain(|condition| condition.type_ != condition::OWNER_REMEDIATED);
    context
        .machines
        .patch_shared_status(machine, &machine.status, &status)
        .await
}

/// Whether Machines of an owner are being replaced; while none is, the message names those that are unwell.
pub(crate) fn remediating<'a>(machines: impl IntoIterator<Item = &'a Machine>) -> Verdict {
    let unwell: Vec<_> = machines.into_iter().filter(|machine| is_unwell(machine)).collect();
    let due: Vec<_> = unwell.iter().copied().filter(|machine| is_due(machine)).collect();
    if due.is_empty() {
        let mut names: Vec<_> = unwell.iter().take(NAMED).map(|machine| machine.name_any()).collect();
        if unwell.len() > NAMED {
            names.push(format!("{} more", unwell.len() - NAMED));
        }
        let message = match unwell.len() {
            0 => String::new(),
            _ => format!("unwell, and nobody asked for a replacement: {}", names.join(", ")),
        };
        return Verdict::no("NotRemediating", message);
    }
    Verdict {
        holds: Holds::True,
        ..Verdict::no("Remediating", of_machines(due, condition::OWNER_REMEDIATED, "").message)
    }
}

/// The same one level up: the first of the lower objects that replaces Machines counts.
pub(crate) fn any_remediating<'a, K: HasConditions + 'a>(owners: impl IntoIterator<Item = &'a K>) -> Verdict {
    let conditions = owners
        .into_iter()
        .filter_map(|owner| owner.condition(condition::REMEDIATING));
    let mut verdicts = conditions.map(|condition| Verdict::of(Some(condition), "", ""));
    verdicts
        .find(Verdict::is_true)
        .unwrap_or_else(|| Verdict::no("NotRemediating", ""))
}

fn is_false(machine: &Machine, type_: &str) -> bool {
    machine
        .condition(type_)
        .is_some_and(|condition| condition.status == "False")
}
