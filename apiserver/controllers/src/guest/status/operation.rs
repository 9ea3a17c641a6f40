//! Which operation runs on a guest, and how far it is.

use guestcluster_types::{
    GuestClusterStatus, Operation, OperationKind,
    conditions::whole_seconds,
    upstream::capi::{Machine, MachineDeployment},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::view::{SignIn, View, VmStage};
use crate::guest::{build::Desired, plan::Plan, progress};

/// A step, and whether it is done by itself; it counts when all before it are done too.
type Step = (&'static str, bool);

/// The operation that runs, or the last one. A new one begins only when the one before is complete and something is asked for.
pub(super) fn operation(view: &View<'_>, previous: &GuestClusterStatus, now: Timestamp) -> Operation {
    let before = previous.operation.as_ref();
    let kind = kind(view, previous);
    let steps = match (kind, view.wanted) {
        (OperationKind::Delete, _) => delete_steps(view),
        (_, None) => return before.cloned().unwrap_or_else(|| not_begun(now)),
        (OperationKind::Create, _) => create_steps(view),
        (OperationKind::Scale, Some((_, desired))) => scale_steps(view, desired),
        (OperationKind::Upgrade, Some((plan, desired))) => upgrade_steps(view, plan, desired),
    };
    match before.filter(|before| before.kind == kind && continues(before, view, previous)) {
        Some(before) if before.is_complete() => before.clone(),
        Some(before) => progressed(kind, &steps, before.step, before.since.clone()),
        None => progressed(kind, &steps, 0, Time(whole_seconds(now))),
    }
}

fn not_begun(now: Timestamp) -> Operation {
    Operation {
        kind: OperationKind::Create,
        step: 0,
        of: CREATE_STEPS,
        name: "spec accepted".to_owned(),
        since: Time(whole_seconds(now)),
    }
}

/// Completed steps never become undone: a node that is not Ready for a moment does not throw an operation back.
fn progressed(kind: OperationKind, steps: &[Step], at_least: i32, since: Time) -> Operation {
    let of = i32::try_from(steps.len()).unwrap_or(i32::MAX);
    let done = steps.iter().take_while(|(_, done)| *done).count();
    let step = i32::try_from(done).unwrap_or(of).max(at_least).min(of);
    let current = usize::try_from(step).unwrap_or(0).min(steps.len().saturating_sub(1));
    let name = steps
        .get(current)
        .map_or_else(String::new, |(name, _)| (*name).to_owned());
    Operation {
        kind,
        step,
        of,
        name,
        since,
    }
}

fn kind(view: &View<'_>, previous: &GuestClusterStatus) -> OperationKind {
    if view.is_deleting() {
        return OperationKind::Delete;
    }
    let asked = asked_for(view, previous);
    match &previous.operation {
        None => OperationKind::Create,
        Some(running) if !running.is_complete() && running.kind == OperationKind::Create => OperationKind::Create,
        // A rollout that is asked for while nodes are added takes the rest with it.
        Some(running) if !running.is_complete() && running.kind == OperationKind::Scale => {
            if asked == Some(OperationKind::Upgrade) {
                OperationKind::Upgrade
            } else {
                OperationKind::Scale
            }
        }
        Some(running) if !running.is_complete() => running.kind,
        Some(complete) => asked.unwrap_or(complete.kind),
    }
}

/// Whether the operation before is still the one that is shown.
fn continues(before: &Operation, view: &View<'_>, previous: &GuestClusterStatus) -> bool {
    !before.is_complete() || asked_for(view, previous).is_none()
}

/// What is asked for and not there yet. Machines that come and go by themselves are no operation.
fn asked_for(view: &View<'_>, previous: &GuestClusterStatus) -> Option<OperationKind> {
    if view.is_deleting() || view.wanted.is_none() || view.guest.spec.paused || view.is_complete() {
        return None;
    }
    if view.rolls() {
        return Some(OperationKind::Upgrade);
    }
    let new_spec = previous.observed_generation != view.guest.metadata.generation;
    let untold = view.wanted.is_some_and(|(_, desired)| {
        !view.control_plane_is_told(desired)
            || !view.pools_are_told(desired)
            || view.layers.deployments.len() != desired.deployments.len()
    });
    (new_spec || untold).then_some(OperationKind::Scale)
}

const CREATE_STEPS: i32 = 10;

fn create_steps(view: &View<'_>) -> Vec<Step> {
    let desired = view.wanted.map(|(_, desired)| desired);
    let answers = view.api_has_answered();
    let first_vm_is = |stage: VmStage| answers || view.first_vm() >= stage;
    vec![
        ("spec accepted", true),
        ("Cluster API objects", view.objects_exist()),
        ("network and address", view.network_is_ready()),
        ("first control-plane VM", first_vm_is(VmStage::Created)),
        ("powered on", first_vm_is(VmStage::PoweredOn)),
        ("address", first_vm_is(VmStage::Addressed)),
        ("API server", answers),
        ("control plane", view.control_plane_is_ready()),
        ("nodes", desired.is_some_and(|desired| view.pools_are_ready(desired))),
        ("login", matches!(view.sign_in(), SignIn::Works | SignIn::Unreported(_))),
    ]
}

fn scale_steps(view: &View<'_>, desired: &Desired) -> Vec<Step> {
    vec![
        ("spec accepted", true),
        (
            "Cluster API objects",
            view.control_plane_is_told(desired) && view.pools_are_told(desired),
        ),
        ("control plane", view.control_plane_is_complete()),
        ("nodes", view.is_complete()),
    ]
}

fn upgrade_steps(view: &View<'_>, plan: &Plan, desired: &Desired) -> Vec<Step> {
    // What the owners of the machines count holds, also where a machine itself has not been seen yet.
    let done = view.is_complete();
    let is_new = |machine: &Machine| progress::machine_is_new(machine, &plan.target);
    let is_new_node = |machine: &Machine| is_new(machine) && progress::machine_is_ready(machine);
    let control_plane = || view.layers.control_plane_machines();
    let has_begun = |pool: &MachineDeployment| {
        let name = pool.metadata.name.as_deref().unwrap_or_default();
        pool.spec.replicas == Some(0) || view.machines_of_pool(name).any(is_new)
    };
    let pools_move = view.pools_move();
    vec![
        ("version resolved", true),
        ("control plane object", view.control_plane_is_told(desired)),
        ("first new control-plane VM", done || control_plane().any(is_new)),
        ("first new control-plane node", done || control_plane().any(is_new_node)),
        ("control-plane nodes replaced", done || control_plane().all(is_new)),
        ("control plane", view.control_plane_is_complete()),
        ("node pool objects", pools_move && view.pools_are_told(desired)),
        ("first new nodes", done || desired.deployments.iter().all(has_begun)),
        ("nodes replaced", done || view.layers.pool_machines().all(is_new)),
        ("nodes", done),
    ]
}

fn delete_steps(view: &View<'_>) -> Vec<Step> {
    let layers = view.layers;
    vec![
        (
            "deletion accepted",
            layers
                .cluster
                .as_ref()
                .is_none_or(|cluster| cluster.metadata.deletion_timestamp.is_some()),
        ),
        (
            "worker nodes",
            layers.deployments.is_empty() && layers.pool_machines().next().is_none(),
        ),
        (
            "control plane",
            layers.control_plane.is_none() && layers.machines.is_empty(),
        ),
        ("network and address", layers.infrastructure.is_none()),
        ("Cluster API objects", layers.cluster.is_none()),
        ("templates", !view.leftovers()),
    ]
}
