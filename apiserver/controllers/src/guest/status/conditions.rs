//! The conditions of a guest, and the first reason that keeps it from being Ready.

use guestcluster_types::{
    GuestClusterStatus, Operation,
    conditions::{
        self, CONTROL_PLANE_INITIALIZED, CONTROL_PLANE_READY, CREDENTIALS_READY, DELETING, DISTRIBUTION_RESOLVED,
        Holds, NETWORK_READY, NODE_POOLS_READY, READY, UP_TO_DATE, reasons,
    },
    upstream::HasConditions,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use super::{
    blockers::{Blocker, is_trouble, worst},
    view::{SignIn, View},
};

/// What a condition says.
struct Verdict {
    kind: &'static str,
    holds: Holds,
    reason: String,
    message: String,
    severe: bool,
}

impl Verdict {
    fn holds(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            holds: Holds::True,
            reason: reasons::OK.to_owned(),
            message: message.into(),
            severe: false,
        }
    }

    fn fails(kind: &'static str, blocker: Blocker) -> Self {
        Self {
            kind,
            holds: Holds::False,
            reason: blocker.reason,
            message: blocker.message,
            severe: blocker.severe,
        }
    }

    fn waits(kind: &'static str, reason: &str, message: impl Into<String>) -> Self {
        Self::fails(
            kind,
            Blocker {
                reason: reason.to_owned(),
                message: message.into(),
                severe: false,
            },
        )
    }
}

/// All conditions. Those that the layer does not know are left as they are.
pub(super) fn conditions(
    view: &View<'_>,
    previous: &GuestClusterStatus,
    operation: &Operation,
    now: Timestamp,
) -> Vec<Condition> {
    let mut verdicts = vec![
        distribution_resolved(view),
        network_ready(view),
        control_plane_initialized(view),
        control_plane_ready(view),
        node_pools_ready(view),
        credentials_ready(view),
        up_to_date(view),
    ];
    let ready = ready(view, &verdicts, operation);
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
    all
}

fn ready(view: &View<'_>, verdicts: &[Verdict], operation: &Operation) -> Verdict {
    if let Some(blocked) = view.blocked {
        return Verdict::waits(READY, blocked.reason, blocked.message.clone());
    }
    if view.is_deleting() {
        let blocker =
            worst(view.layers, view.layers.machines.iter().map(AsRef::as_ref)).filter(|blocker| blocker.severe);
        let waits = || Verdict::waits(READY, reasons::DELETING, format!("removing {}", operation.name));
        return blocker.map_or_else(waits, |blocker| Verdict::fails(READY, blocker));
    }
    let mut failing = verdicts.iter().filter(|verdict| verdict.holds == Holds::False);
    let first = failing.clone().next();
    match failing.find(|verdict| verdict.severe).or(first) {
        Some(verdict) => Verdict {
            kind: READY,
            holds: Holds::False,
            reason: verdict.reason.clone(),
            message: verdict.message.clone(),
            severe: verdict.severe,
        },
        None if !operation.is_complete() => {
            Verdict::waits(READY, reasons::ROLLING_OUT, format!("waiting for {}", operation.name))
        }
        None => Verdict::holds(READY, ""),
    }
}

fn distribution_resolved(view: &View<'_>) -> Verdict {
    if let Some(blocked) = view
        .blocked
        .filter(|blocked| blocked.condition == DISTRIBUTION_RESOLVED)
    {
        return Verdict::waits(DISTRIBUTION_RESOLVED, blocked.reason, blocked.message.clone());
    }
    match (view.wanted, view.previous_condition(DISTRIBUTION_RESOLVED)) {
        (Some((plan, _)), _) => {
            let message = format!("{} is {}", view.guest.spec.distribution.version, plan.target);
            Verdict::holds(DISTRIBUTION_RESOLVED, message)
        }
        (None, Some(before)) if before.status == "True" => {
            Verdict::holds(DISTRIBUTION_RESOLVED, before.message.clone())
        }
        (None, _) => Verdict {
            holds: Holds::Unknown,
            ..Verdict::waits(DISTRIBUTION_RESOLVED, reasons::UNKNOWN, "")
        },
    }
}

fn network_ready(view: &View<'_>) -> Verdict {
    if view.network_is_ready() {
        return Verdict::holds(NETWORK_READY, "");
    }
    let Some(infrastructure) = view.layers.infrastructure.as_deref() else {
        return Verdict::waits(NETWORK_READY, reasons::CREATING, "waiting for the Cluster API objects");
    };
    // Ready is the sum of the others, which say more.
    let parts = infrastructure
        .conditions()
        .iter()
        .filter(|condition| !matches!(condition.type_.as_str(), "Ready" | "Paused"));
    let Some(waits) = parts.clone().find(|condition| condition.status == "False") else {
        return Verdict::waits(
            NETWORK_READY,
            reasons::WAITING_FOR_NETWORK,
            "waiting for the network and an address",
        );
    };
    let said = if waits.message.is_empty() {
        String::new()
    } else {
        format!(": {}", waits.message)
    };
    let message = format!("waiting for the network of {}: {}{said}", view.name(), waits.reason);
    let severe = is_trouble(&waits.reason);
    Verdict::fails(
        NETWORK_READY,
        Blocker {
            reason: waits.reason.clone(),
            message,
            severe,
        },
    )
}

fn control_plane_initialized(view: &View<'_>) -> Verdict {
    if view.api_has_answered() {
        return Verdict::holds(CONTROL_PLANE_INITIALIZED, "");
    }
    let kind = CONTROL_PLANE_INITIALIZED;
    match worst(view.layers, view.layers.control_plane_machines()) {
        Some(blocker) => Verdict::fails(kind, blocker),
        None if view.layers.control_plane_machines().next().is_some() => {
            Verdict::waits(kind, reasons::WAITING_FOR_API, "waiting for the API server to answer")
        }
        None => first_machine(view, kind),
    }
}

/// Why there is no control-plane machine at all yet.
fn first_machine(view: &View<'_>, kind: &'static str) -> Verdict {
    let Some(control_plane) = view.layers.control_plane.as_deref() else {
        return Verdict::waits(kind, reasons::CREATING, "waiting for the Cluster API objects");
    };
    let name = control_plane.name_any();
    let trouble = (control_plane.conditions().iter())
        .filter(|condition| {
            matches!(
                condition.type_.as_str(),
                "CertificatesAvailable" | "MachinesReady" | "Available"
            )
        })
        .find(|condition| condition.status == "False" && is_trouble(&condition.reason));
    let message = match trouble {
        Some(trouble) => format!(
            "waiting for the first machine of {name}: {}: {}",
            trouble.reason, trouble.message
        ),
        None => format!("waiting for the first machine of {name}"),
    };
    Verdict::waits(kind, reasons::WAITING_FOR_MACHINES, message)
}

fn control_plane_ready(view: &View<'_>) -> Verdict {
    let kind = CONTROL_PLANE_READY;
    if view.control_plane_is_ready() {
        return Verdict::holds(kind, "");
    }
    if let Some(blocker) = worst(view.layers, view.layers.control_plane_machines()) {
        return Verdict::fails(kind, blocker);
    }
    let wanted = view.guest.spec.topology.control_plane.replicas;
    let status = view.layers.control_plane.as_deref().map(|live| &live.status);
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    if ready >= wanted {
        return Verdict::waits(kind, reasons::REMOVING_MACHINES, "removing control-plane nodes");
    }
    Verdict::waits(
        kind,
        reasons::WAITING_FOR_NODES,
        format!("{ready} of {wanted} control-plane nodes are Ready"),
    )
}

fn node_pools_ready(view: &View<'_>) -> Verdict {
    let kind = NODE_POOLS_READY;
    let Some((_, desired)) = view.wanted else {
        return Verdict {
            holds: Holds::Unknown,
            ..Verdict::waits(kind, reasons::UNKNOWN, "")
        };
    };
    if view.pools_are_ready(desired) {
        return Verdict::holds(kind, "");
    }
    if let Some(blocker) = worst(view.layers, view.layers.pool_machines()) {
        return Verdict::fails(kind, blocker);
    }
    if view.layers.cluster.is_some() && !view.api_has_answered() {
        return Verdict::waits(kind, reasons::WAITING_FOR_API, "nodes wait for the control plane");
    }
    let wanted: i32 = desired
        .deployments
        .iter()
        .map(|pool| pool.spec.replicas.unwrap_or(1))
        .sum();
    let ready: i32 = view
        .layers
        .deployments
        .iter()
        .map(|pool| pool.status.ready_replicas.unwrap_or(0))
        .sum();
    if ready >= wanted {
        return Verdict::waits(kind, reasons::REMOVING_MACHINES, "removing worker nodes");
    }
    Verdict::waits(
        kind,
        reasons::WAITING_FOR_NODES,
        format!("{ready} of {wanted} worker nodes are Ready"),
    )
}

fn credentials_ready(view: &View<'_>) -> Verdict {
    if let Some(blocked) = view.blocked.filter(|blocked| blocked.condition == CREDENTIALS_READY) {
        return Verdict::waits(CREDENTIALS_READY, blocked.reason, blocked.message.clone());
    }
    let kind = CREDENTIALS_READY;
    match view.sign_in() {
        SignIn::Works => Verdict::holds(kind, ""),
        SignIn::Waits(why) => Verdict::waits(kind, reasons::WAITING_FOR_REPORT, why),
        // Who runs no agent has a guest that is ready all the same.
        SignIn::Unreported(why) => Verdict {
            holds: Holds::Unknown,
            ..Verdict::waits(
                kind,
                reasons::NOT_REPORTED,
                format!("it is not known whether people can sign in: {why}; see whether the agent runs in the guest"),
            )
        },
        SignIn::Unconnected => Verdict::waits(
            kind,
            reasons::WAITING_FOR_CREDENTIALS,
            "waiting for working credentials of the cluster",
        ),
    }
}

fn up_to_date(view: &View<'_>) -> Verdict {
    let kind = UP_TO_DATE;
    let Some((plan, _)) = view.wanted else {
        return Verdict {
            holds: Holds::Unknown,
            ..Verdict::waits(kind, reasons::UNKNOWN, "")
        };
    };
    if !view.rolls() {
        return Verdict::holds(kind, "");
    }
    if view.guest.spec.paused {
        return Verdict::waits(
            kind,
            reasons::PAUSED,
            "nodes are not replaced while the cluster is paused",
        );
    }
    let machines = view.layers.machines.iter().map(AsRef::as_ref);
    if let Some(blocker) = worst(view.layers, machines).filter(|blocker| blocker.severe) {
        return Verdict::fails(kind, blocker);
    }
    let message = match &plan.running {
        Some(running) if *running != plan.target => format!("upgrading from {running} to {}", plan.target),
        _ => "replacing nodes".to_owned(),
    };
    Verdict::waits(kind, reasons::ROLLING_OUT, message)
}
