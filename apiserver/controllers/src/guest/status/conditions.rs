//! The conditions of a guest, and the first reason that keeps it from being Ready.

use std::sync::Arc;

use guestcluster_types::{
    BlockedBy, GuestClusterStatus, Operation,
    conditions::{
        self, CONTROL_PLANE_INITIALIZED, CONTROL_PLANE_READY, CREDENTIALS_READY, DELETING, DISTRIBUTION_RESOLVED,
        Holds, NETWORK_READY, NODE_POOLS_READY, READY, UP_TO_DATE, reasons,
    },
    upstream::capi::{Machine, MachineDeployment},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{
    blockers::{Blocker, blocking, control_plane_owner, left_behind, network, pool_owner, uncounted, worst},
    view::{SignIn, View, VmStage},
};
use crate::guest::plan::Object;

/// What a condition says.
struct Verdict {
    kind: &'static str,
    holds: Holds,
    reason: String,
    message: String,
    /// Why it does not hold.
    blocker: Option<Blocker>,
}

impl Verdict {
    fn holds(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            holds: Holds::True,
            reason: reasons::OK.to_owned(),
            message: message.into(),
            blocker: None,
        }
    }

    fn unknown(kind: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            holds: Holds::Unknown,
            reason: reason.to_owned(),
            message: message.into(),
            blocker: None,
        }
    }

    fn fails(kind: &'static str, blocker: Blocker) -> Self {
        Self {
            kind,
            holds: Holds::False,
            reason: blocker.reason.clone(),
            message: blocker.message.clone(),
            blocker: Some(blocker),
        }
    }

    fn waits(kind: &'static str, object: Object, reason: &str, message: impl Into<String>) -> Self {
        Self::fails(kind, Blocker::passing(object, reason, message))
    }

    fn is_severe(&self) -> bool {
        self.blocker.as_ref().is_some_and(|blocker| blocker.severe)
    }
}

/// All conditions, and what keeps the guest from being Ready. Conditions that the layer does not know are left as they are.
pub(super) fn conditions(
    view: &View<'_>,
    previous: &GuestClusterStatus,
    operation: &Operation,
    now: Timestamp,
) -> (Vec<Condition>, Option<BlockedBy>) {
    let mut verdicts = vec![
        distribution_resolved(view),
        network_ready(view),
        control_plane_initialized(view),
        control_plane_ready(view),
        node_pools_ready(view),
        credentials_ready(view),
        up_to_date(view),
    ];
    let mut ready = ready(view, &verdicts, operation);
    let blocked_by = ready.blocker.take().map(|blocker| {
        let others = others(view, &verdicts, &blocker);
        ready.message = blocker.sentence(others);
        blocker.shown(others)
    });
    verdicts.insert(0, ready);
    if view.is_deleting() {
        verdicts.push(Verdict {
            kind: DELETING,
            reason: reasons::DELETING.to_owned(),
            ..Verdict::holds(DELETING, "")
        });
    }
    let mut all = previous.conditions.clone();
    let generation = view.guest.metadata.generation;
    for verdict in verdicts {
        let Verdict {
            kind,
            holds,
            reason,
            message,
            ..
        } = verdict;
        conditions::set(
            &mut all,
            conditions::condition(kind, holds, &reason, message, generation, now),
        );
    }
    (all, blocked_by)
}

/// How many other objects block, where waiting will not cure what is told of.
fn others(view: &View<'_>, verdicts: &[Verdict], told: &Blocker) -> usize {
    if !told.severe {
        return 0;
    }
    let machines = blocking(view.layers, view.layers.machines.iter().map(AsRef::as_ref));
    let all = machines.chain(verdicts.iter().filter_map(|verdict| verdict.blocker.clone()));
    let severe = all.filter(|blocker| blocker.severe && blocker.object != told.object);
    let mut objects: Vec<_> = severe
        .map(|blocker| (blocker.object.kind, blocker.object.name))
        .collect();
    objects.sort_unstable();
    objects.dedup();
    objects.len()
}

fn ready(view: &View<'_>, verdicts: &[Verdict], operation: &Operation) -> Verdict {
    if let Some(blocked) = view.blocked {
        return Verdict::fails(READY, Blocker::of_blocked(blocked, view.guest));
    }
    if view.is_deleting() {
        let machines = view.layers.machines.iter().map(AsRef::as_ref);
        let blocker = worst(view.layers, machines).filter(|blocker| blocker.severe);
        let waits = || {
            Verdict::waits(
                READY,
                view.object(),
                reasons::DELETING,
                format!("removing {}", operation.name),
            )
        };
        return blocker
            .or_else(|| left_behind(view.layers))
            .map_or_else(waits, |blocker| Verdict::fails(READY, blocker));
    }
    let mut failing = verdicts.iter().filter(|verdict| verdict.holds == Holds::False);
    let first = failing.clone().next();
    match failing.find(|verdict| verdict.is_severe()).or(first) {
        Some(verdict) => Verdict {
            kind: READY,
            holds: Holds::False,
            reason: verdict.reason.clone(),
            message: verdict.message.clone(),
            blocker: verdict.blocker.clone(),
        },
        None if !operation.is_complete() => {
            let message = format!("waiting for {}", operation.name);
            Verdict::waits(READY, view.object(), reasons::ROLLING_OUT, message)
        }
        None => Verdict::holds(READY, ""),
    }
}

fn distribution_resolved(view: &View<'_>) -> Verdict {
    if let Some(blocked) = view
        .blocked
        .filter(|blocked| blocked.condition == DISTRIBUTION_RESOLVED)
    {
        return Verdict::fails(DISTRIBUTION_RESOLVED, Blocker::of_blocked(blocked, view.guest));
    }
    match (view.wanted, view.previous_condition(DISTRIBUTION_RESOLVED)) {
        (Some((plan, _)), _) => {
            let message = format!("{} is {}", view.guest.spec.distribution.version, plan.target);
            Verdict::holds(DISTRIBUTION_RESOLVED, message)
        }
        (None, Some(before)) if before.status == "True" => {
            Verdict::holds(DISTRIBUTION_RESOLVED, before.message.clone())
        }
        (None, _) => Verdict::unknown(DISTRIBUTION_RESOLVED, reasons::UNKNOWN, ""),
    }
}

fn network_ready(view: &View<'_>) -> Verdict {
    if view.network_is_ready() {
        return Verdict::holds(NETWORK_READY, "");
    }
    match view.layers.infrastructure.as_deref() {
        Some(infrastructure) => Verdict::fails(NETWORK_READY, network(view.layers, infrastructure)),
        None => no_objects(view, NETWORK_READY),
    }
}

fn no_objects(view: &View<'_>, kind: &'static str) -> Verdict {
    Verdict::waits(
        kind,
        view.object(),
        reasons::CREATING,
        "waiting for the Cluster API objects",
    )
}

fn control_plane_initialized(view: &View<'_>) -> Verdict {
    if view.api_has_answered() {
        return Verdict::holds(CONTROL_PLANE_INITIALIZED, "");
    }
    let kind = CONTROL_PLANE_INITIALIZED;
    let worst = worst(view.layers, view.layers.control_plane_machines());
    if let Some(blocker) = worst.filter(|blocker| blocker.is_below_api() || view.first_vm() < VmStage::Addressed) {
        return Verdict::fails(kind, blocker);
    }
    match view.layers.control_plane_machines().next() {
        Some(machine) => Verdict::waits(
            kind,
            Object::of(machine),
            reasons::WAITING_FOR_API,
            no_answer(view, machine),
        ),
        None => first_machine(view, kind),
    }
}

/// A VM runs, and the API server on it does not answer.
fn no_answer(view: &View<'_>, machine: &Machine) -> String {
    let name = machine.name_any();
    match view.endpoint() {
        Some(endpoint) => format!("waiting for the API server on VM {name} to answer at https://{endpoint}"),
        None => format!("waiting for the API server on VM {name} to answer"),
    }
}

/// Why there is no control-plane machine at all yet.
fn first_machine(view: &View<'_>, kind: &'static str) -> Verdict {
    let Some(control_plane) = view.layers.control_plane.as_deref() else {
        return no_objects(view, kind);
    };
    if let Some(blocker) = control_plane_owner(view.layers) {
        return Verdict::fails(kind, blocker);
    }
    let object = Object::of(control_plane);
    let message = format!("waiting for the first machine of {}", object.name);
    Verdict::waits(kind, object, reasons::WAITING_FOR_MACHINES, message)
}

fn control_plane_ready(view: &View<'_>) -> Verdict {
    let kind = CONTROL_PLANE_READY;
    if let Some(blocker) = uncounted(view.layers, view.layers.control_plane_machines()) {
        return Verdict::fails(kind, blocker);
    }
    if view.control_plane_is_ready() {
        return Verdict::holds(kind, "");
    }
    let worst = worst(view.layers, view.layers.control_plane_machines());
    if let Some(blocker) = unless_severe(worst, || control_plane_owner(view.layers)) {
        return Verdict::fails(kind, blocker);
    }
    let wanted = view.guest.spec.topology.control_plane.replicas;
    let control_plane = view.layers.control_plane.as_deref();
    let object = control_plane.map_or_else(|| view.object(), Object::of);
    let ready = control_plane.and_then(|live| live.status.ready_replicas).unwrap_or(0);
    if ready >= wanted {
        return Verdict::waits(kind, object, reasons::REMOVING_MACHINES, "removing control-plane nodes");
    }
    let message = format!("{ready} of {wanted} control-plane nodes are Ready");
    Verdict::waits(kind, object, reasons::WAITING_FOR_NODES, message)
}

/// What keeps machines back, or where that may pass by itself, what keeps others from being made.
fn unless_severe(worst: Option<Blocker>, owner: impl FnOnce() -> Option<Blocker>) -> Option<Blocker> {
    match worst {
        Some(severe) if severe.severe => Some(severe),
        worst => owner().or(worst),
    }
}

fn node_pools_ready(view: &View<'_>) -> Verdict {
    let kind = NODE_POOLS_READY;
    let Some((_, desired)) = view.wanted else {
        return Verdict::unknown(kind, reasons::UNKNOWN, "");
    };
    if let Some(blocker) = uncounted(view.layers, view.layers.pool_machines()) {
        return Verdict::fails(kind, blocker);
    }
    if view.pools_are_ready(desired) {
        return Verdict::holds(kind, "");
    }
    let worst = worst(view.layers, view.layers.pool_machines());
    let owner = || {
        view.layers
            .deployments
            .iter()
            .find_map(|pool| pool_owner(view.layers, pool))
    };
    if let Some(blocker) = unless_severe(worst, owner) {
        return Verdict::fails(kind, blocker);
    }
    if view.layers.cluster.is_some() && !view.api_has_answered() {
        let message = "nodes wait for the control plane";
        return Verdict::waits(kind, view.object(), reasons::WAITING_FOR_API, message);
    }
    let wanted = desired.deployments.iter().map(|pool| pool.spec.replicas.unwrap_or(1));
    let wanted = wanted.fold(0, i32::saturating_add);
    let pools = || view.layers.deployments.iter();
    let ready: i32 = pools().map(|pool| pool.status.ready_replicas.unwrap_or(0)).sum();
    let lacks = |pool: &&Arc<MachineDeployment>| pool.status.ready_replicas != pool.spec.replicas;
    let object = pools()
        .find(lacks)
        .map_or_else(|| view.object(), |pool| Object::of(pool.as_ref()));
    if ready >= wanted {
        return Verdict::waits(kind, object, reasons::REMOVING_MACHINES, "removing worker nodes");
    }
    let message = format!("{ready} of {wanted} worker nodes are Ready");
    Verdict::waits(kind, object, reasons::WAITING_FOR_NODES, message)
}

fn credentials_ready(view: &View<'_>) -> Verdict {
    if let Some(blocked) = view.blocked.filter(|blocked| blocked.condition == CREDENTIALS_READY) {
        return Verdict::fails(CREDENTIALS_READY, Blocker::of_blocked(blocked, view.guest));
    }
    let kind = CREDENTIALS_READY;
    match view.sign_in() {
        SignIn::Works => Verdict::holds(kind, ""),
        SignIn::Waits(why) => Verdict::waits(kind, view.object(), reasons::WAITING_FOR_REPORT, why),
        // Who runs no agent has a guest that is ready all the same.
        SignIn::Unreported(why) => Verdict::unknown(
            kind,
            reasons::NOT_REPORTED,
            format!("it is not known whether people can sign in: {why}; see whether the agent runs in the guest"),
        ),
        SignIn::Unconnected => Verdict::waits(
            kind,
            view.layers.cluster.as_deref().map_or_else(|| view.object(), Object::of),
            reasons::WAITING_FOR_CREDENTIALS,
            "waiting for working credentials of the cluster",
        ),
    }
}

fn up_to_date(view: &View<'_>) -> Verdict {
    let kind = UP_TO_DATE;
    let Some((plan, _)) = view.wanted else {
        return Verdict::unknown(kind, reasons::UNKNOWN, "");
    };
    if !view.rolls() {
        return Verdict::holds(kind, "");
    }
    if view.guest.spec.paused {
        let message = "nodes are not replaced while the cluster is paused";
        return Verdict::waits(kind, view.object(), reasons::PAUSED, message);
    }
    let machines = view.layers.machines.iter().map(AsRef::as_ref);
    let blocker = worst(view.layers, machines);
    if let Some(severe) = blocker.clone().filter(|blocker| blocker.severe) {
        return Verdict::fails(kind, severe);
    }
    let message = match &plan.running {
        Some(running) if *running != plan.target => format!("upgrading from {running} to {}", plan.target),
        _ => "replacing nodes".to_owned(),
    };
    match blocker {
        Some(blocker) => Verdict {
            reason: reasons::ROLLING_OUT.to_owned(),
            ..Verdict::fails(kind, blocker.during(&message))
        },
        None => Verdict::waits(kind, view.object(), reasons::ROLLING_OUT, message),
    }
}
