//! From the state of the layers to the status of a GuestCluster. Pure.

mod blockers;
mod conditions;
mod operation;
mod view;

use guestcluster_types::{
    ApiEndpoint, ControlPlaneStatus, DistributionStatus, GuestCluster, GuestClusterStatus, NodePoolStatus, Operation,
    OperationKind, Phase,
    conditions::{CREDENTIALS_READY, Holds, READY, condition, find, is_true, reasons, set},
    names,
    version::{Candidate, updates},
};
use jiff::Timestamp;

use super::{
    build::Desired,
    dereference::Layers,
    plan::{Blocked, Plan},
    progress,
    validate::{self, Catalogue},
};
use crate::reports::Report;
use blockers::Blocker;
pub(super) use blockers::is_trouble;
use view::View;

/// Everything that a status is made from.
pub(super) struct Input<'a> {
    pub(super) guest: &'a GuestCluster,
    pub(super) guest_uid: Option<&'a str>,
    pub(super) layers: &'a Layers,
    /// What the guest is to be, and the objects that say so; none where something blocks.
    pub(super) wanted: Option<(&'a Plan, &'a Desired)>,
    pub(super) blocked: Option<&'a Blocked>,
    pub(super) catalogue: &'a Catalogue,
    /// What the guest's nodes report about credentials.
    pub(super) report: &'a Report,
    pub(super) now: Timestamp,
}

/// The status of a guest.
pub(super) fn status(input: &Input<'_>) -> GuestClusterStatus {
    let view = View::new(input);
    let previous = input.guest.status.clone().unwrap_or_default();
    let operation = operation::operation(&view, &previous, input.now);
    let (conditions, blocked_by) = conditions::conditions(&view, &previous, &operation, input.now);
    GuestClusterStatus {
        observed_generation: input.guest.metadata.generation,
        guest_uid: input.guest_uid.map(str::to_owned).or(previous.guest_uid),
        phase: Some(phase(&view, &operation, previous.phase)),
        message: message(&view, &conditions),
        blocked_by,
        distribution: distribution(&view, input.catalogue),
        api_endpoint: view.endpoint().map(|endpoint| ApiEndpoint {
            host: endpoint.host.clone(),
            port: endpoint.port,
        }),
        control_plane: Some(control_plane(&view)),
        node_pools: node_pools(&view),
        replicas: Some(
            view.layers
                .deployments
                .iter()
                .map(|pool| pool.status.replicas.unwrap_or(0))
                .sum(),
        ),
        operation: Some(operation),
        conditions,
    }
}

/// The status of a guest of which nothing can be read: what was known before, and what is in the way.
pub(super) fn unread(guest: &GuestCluster, blocked: &Blocked, now: Timestamp) -> GuestClusterStatus {
    let Some(mut status) = guest.status.clone().filter(|status| status.operation.is_some()) else {
        return self::status(&Input {
            guest,
            guest_uid: None,
            layers: &Layers::default(),
            wanted: None,
            blocked: Some(blocked),
            catalogue: &[],
            report: &Report::Unheard,
            now,
        });
    };
    let generation = guest.metadata.generation;
    let ready = condition(
        READY,
        Holds::False,
        blocked.reason,
        blocked.message.as_str(),
        generation,
        now,
    );
    set(&mut status.conditions, ready);
    GuestClusterStatus {
        observed_generation: generation,
        phase: Some(match status.phase {
            _ if guest.metadata.deletion_timestamp.is_some() => Phase::Deleting,
            Some(phase) => phase,
            None => Phase::Pending,
        }),
        message: Some(blocked.message.clone()),
        blocked_by: Some(Blocker::of_blocked(blocked, guest).shown(0)),
        ..status
    }
}

/// Whether a report about credentials is waited for, which may never come.
pub(super) fn waits_for_report(status: &GuestClusterStatus) -> bool {
    find(&status.conditions, CREDENTIALS_READY).is_some_and(|ready| ready.reason == reasons::WAITING_FOR_REPORT)
}

/// Whether nothing of a guest is being replaced, added or removed: then old templates are of no use to anybody.
pub(super) fn is_at_rest(status: &GuestClusterStatus) -> bool {
    status.operation.as_ref().is_some_and(Operation::is_complete)
        && is_true(&status.conditions, guestcluster_types::conditions::UP_TO_DATE)
}

fn phase(view: &View<'_>, operation: &Operation, previous: Option<Phase>) -> Phase {
    if view.is_deleting() {
        return Phase::Deleting;
    }
    match view.blocked {
        Some(blocked) if blocked.terminal => return Phase::Failed,
        Some(_) if view.layers.cluster.is_none() => return Phase::Pending,
        Some(_) => {
            return previous
                .filter(|phase| *phase != Phase::Failed)
                .unwrap_or(Phase::Pending);
        }
        None => {}
    }
    if view.guest.spec.paused && view.layers.cluster.is_none() {
        return Phase::Pending;
    }
    match operation.kind {
        _ if operation.is_complete() => Phase::Running,
        OperationKind::Create => Phase::Provisioning,
        OperationKind::Delete => Phase::Deleting,
        OperationKind::Scale | OperationKind::Upgrade => Phase::Updating,
    }
}

fn message(
    view: &View<'_>,
    conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition],
) -> Option<String> {
    let ready = find(conditions, READY)
        .filter(|ready| ready.status != "True")
        .map(|ready| ready.message.clone());
    if view.guest.spec.paused && !view.is_deleting() {
        return Some("paused: nothing is changed until spec.paused is false".to_owned());
    }
    ready.filter(|message| !message.is_empty())
}

/// The version stays the old one until everything runs the new one.
fn distribution(view: &View<'_>, catalogue: &Catalogue) -> Option<DistributionStatus> {
    let Some((plan, _)) = view.wanted else {
        return view
            .guest
            .status
            .as_ref()
            .and_then(|status| status.distribution.clone());
    };
    let arrived = plan.running.is_none() || everything_runs(view, plan);
    let version = if arrived {
        Some(&plan.target)
    } else {
        plan.running.as_ref()
    }?;
    let candidates: Vec<_> = catalogue.iter().filter_map(|release| Candidate::of(release)).collect();
    Some(DistributionStatus {
        version: Some(version.to_string()),
        target: (*version != plan.target).then(|| plan.target.to_string()),
        updates_available: updates(version, &candidates).iter().map(ToString::to_string).collect(),
    })
}

fn everything_runs(view: &View<'_>, plan: &Plan) -> bool {
    let control_plane = view.layers.control_plane.as_deref();
    control_plane.is_some_and(|live| progress::control_plane_runs(live, &plan.target)) && view.is_complete()
}

fn control_plane(view: &View<'_>) -> ControlPlaneStatus {
    let live = view.layers.control_plane.as_deref();
    let version = view.target();
    let up_to_date = view.layers.control_plane_machines().filter(|machine| {
        version
            .as_ref()
            .is_some_and(|version| progress::machine_is_new(machine, version))
            && progress::machine_is_ready(machine)
    });
    ControlPlaneStatus {
        desired: view.guest.spec.topology.control_plane.replicas,
        ready: live.and_then(|live| live.status.ready_replicas).unwrap_or(0),
        up_to_date: count(up_to_date),
    }
}

fn node_pools(view: &View<'_>) -> Vec<NodePoolStatus> {
    let version = view.target();
    let pools = view.guest.spec.topology.node_pools.iter();
    pools
        .map(|pool| {
            let name = names::pool(view.name(), &pool.name);
            let up_to_date = view.machines_of_pool(&name).filter(|machine| {
                version
                    .as_ref()
                    .is_some_and(|version| progress::machine_is_new(machine, version))
                    && progress::machine_is_ready(machine)
            });
            let live = view.layers.deployment(&name);
            NodePoolStatus {
                name: pool.name.clone(),
                desired: pool.replicas,
                ready: live.and_then(|live| live.status.ready_replicas).unwrap_or(0),
                up_to_date: count(up_to_date),
            }
        })
        .collect()
}

fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}

impl View<'_> {
    /// The version that nodes are to have.
    fn target(&self) -> Option<guestcluster_types::version::KubernetesVersion> {
        match self.wanted {
            Some((plan, _)) => Some(plan.target.clone()),
            None => validate::running(self.guest, self.layers.control_plane.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests;
