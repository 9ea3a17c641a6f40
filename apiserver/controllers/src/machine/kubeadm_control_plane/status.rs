//! What is true of a KubeadmControlPlane.

use super::is_initialized;
use super::remediation::record;
use crate::machine::conditions::{Setter, Verdict, no_owner, of_machines};
use crate::machine::context::{Context, has_infrastructure};
use crate::machine::error::Error;
use crate::machine::machine_set::status::{Obstacle, scaling_down, scaling_up};
use crate::machine::remediation::remediating;
use crate::machine::replicas::{count, is_available};
use guestcluster_types::conditions::Holds;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, CONTROL_PLANE_LABEL, Cluster, Machine, condition};
use guestcluster_types::upstream::kubeadm::{self, KubeadmControlPlane, KubeadmControlPlaneStatus};
use std::sync::Arc;

/// Everything that the status is derived from.
pub(super) struct View<'a> {
    pub(super) object: &'a KubeadmControlPlane,
    pub(super) cluster: &'a Cluster,
    pub(super) machines: &'a [Arc<Machine>],
    pub(super) outcome: &'a Result<(), Error>,
}

pub(super) fn of(context: &Context, view: &View<'_>) -> KubeadmControlPlaneStatus {
    let mut status = counted(view.object, view.machines);
    if is_initialized(context, view.cluster, view.object) {
        status.initialization.control_plane_initialized = Some(true);
    }
    let initialized = status.initialization.control_plane_initialized == Some(true);
    // Replicas that count here are up to date as of this moment; the Machines' own conditions follow.
    let outdated = view
        .machines
        .iter()
        .filter(|machine| !super::is_up_to_date(context, view.object, machine))
        .count();
    let total = view.machines.len();
    status.up_to_date_replicas = i32::try_from(total - outdated).ok();
    let last = record::last(view.object, view.machines.iter().map(|machine| &**machine));
    status.last_remediation = last.or(status.last_remediation);
    conditions(view, initialized, outdated, &mut status);
    status
}

/// No Cluster has it.
pub(super) fn alone(object: &KubeadmControlPlane) -> KubeadmControlPlaneStatus {
    let mut status = object.status.clone();
    let verdict = no_owner::<Cluster>("spec.controlPlaneRef");
    let mut set = Setter::new(&mut status.conditions, object.metadata.generation);
    set.set(condition::AVAILABLE, verdict);
    status
}

/// While it is deleted only the counts and the condition say anything.
pub(super) fn deleting(object: &KubeadmControlPlane, machines: &[Arc<Machine>]) -> KubeadmControlPlaneStatus {
    let mut status = counted(object, machines);
    let message = format!("{} Machines are left", machines.len());
    let mut set = Setter::new(&mut status.conditions, object.metadata.generation);
    set.set(
        condition::DELETING,
        Verdict {
            holds: Holds::True,
            ..Verdict::no("Deleting", message)
        },
    );
    status
}

fn counted(object: &KubeadmControlPlane, machines: &[Arc<Machine>]) -> KubeadmControlPlaneStatus {
    let counts = count(
        machines.iter().map(|machine| &**machine),
        object.spec.replicas.unwrap_or(1),
    );
    KubeadmControlPlaneStatus {
        selector: Some(selector(object)),
        replicas: counts.replicas,
        ready_replicas: counts.ready_replicas,
        available_replicas: counts.available_replicas,
        up_to_date_replicas: counts.up_to_date_replicas,
        version: lowest_version(machines),
        versions: counts.versions,
        observed_generation: object.metadata.generation,
        ..object.status.clone()
    }
}

/// The selector of its Machines, as the scale subresource shows it: a cluster has one control plane.
fn selector(object: &KubeadmControlPlane) -> String {
    let cluster = super::build::cluster_name(object);
    format!("{CLUSTER_NAME_LABEL}={cluster},{CONTROL_PLANE_LABEL}")
}

/// The lowest version that runs, by its numbers.
fn lowest_version(machines: &[Arc<Machine>]) -> Option<String> {
    let versions = machines.iter().filter_map(|machine| machine.spec.version.clone());
    versions.min_by_key(|version| {
        let numbers = version
            .trim_start_matches('v')
            .split(['.', '-', '+'])
            .take(3)
            .map(|part| part.parse::<u32>().unwrap_or_default());
        (numbers.collect::<Vec<_>>(), version.clone())
    })
}

fn conditions(view: &View<'_>, initialized: bool, outdated: usize, status: &mut KubeadmControlPlaneStatus) {
    let machines = || view.machines.iter().map(|machine| &**machine);
    let ready = if view.machines.is_empty() {
        Verdict::no("NoReplicas", "no Machine exists yet")
    } else {
        of_machines(machines(), condition::READY, "Ready")
    };
    let existing = i32::try_from(view.machines.len()).unwrap_or(i32::MAX);
    let wanted = view.object.spec.replicas.unwrap_or(1);
    let available = machines().filter(|machine| is_available(machine)).count();
    let certificates = certificates(view.outcome);
    let obstacle = view.outcome.as_ref().err().map(Obstacle::of);
    let start = initialization(view, initialized, &ready);
    let mut set = Setter::new(&mut status.conditions, view.object.metadata.generation);
    set.set(kubeadm::condition::CERTIFICATES_AVAILABLE, certificates.clone());
    set.set(kubeadm::condition::INITIALIZED, start.clone());
    let healthy = if ready.is_true() {
        Verdict::yes("Healthy")
    } else {
        ready.clone()
    };
    set.set(kubeadm::condition::CONTROL_PLANE_COMPONENTS_HEALTHY, healthy);
    set.set(condition::DELETING, Verdict::no("NotDeleting", ""));
    set.set_not_paused();
    set.set(condition::MACHINES_READY, ready.clone());
    set.set(
        condition::MACHINES_UP_TO_DATE,
        match outdated {
            0 => Verdict::yes("UpToDate"),
            count => Verdict::no(
                "NotUpToDate",
                format!("{count} Machines are of an older version or template"),
            ),
        },
    );
    set.set(
        condition::ROLLING_OUT,
        match outdated {
            0 => Verdict::no("NotRollingOut", ""),
            count => Verdict {
                holds: Holds::True,
                ..Verdict::no("RollingOut", format!("Rolling out {count} not up-to-date replicas"))
            },
        },
    );
    set.set(condition::SCALING_UP, scaling_up(existing, wanted, obstacle.as_ref()));
    set.set(
        condition::SCALING_DOWN,
        scaling_down(existing, wanted, obstacle.as_ref()),
    );
    set.set(condition::REMEDIATING, remediating(machines()));
    // A quorum serves.
    let quorum = if available > view.machines.len() / 2 {
        Verdict::yes("Available")
    } else {
        Verdict::no(
            if ready.is_true() { "NotAvailable" } else { &ready.reason },
            ready.message,
        )
    };
    set.set_summary(condition::AVAILABLE, "Available", [certificates, start, quorum]);
}

fn certificates(outcome: &Result<(), Error>) -> Verdict {
    match outcome {
        Err(error @ (Error::Certificates(_) | Error::Secret { .. })) => Verdict::no("NotAvailable", error.to_string()),
        _ => Verdict::yes("Available"),
    }
}

fn initialization(view: &View<'_>, initialized: bool, ready: &Verdict) -> Verdict {
    if initialized {
        return Verdict::yes("Initialized");
    }
    if let Err(error @ Error::Invalid(_)) = view.outcome {
        return Verdict::no("InvalidSpec", error.to_string());
    }
    if !has_infrastructure(view.cluster) {
        return Verdict::no(
            "WaitingForClusterInfrastructureReady",
            "the cluster's load balancer has no address yet",
        );
    }
    if let Err(error) = view.outcome {
        return Verdict::no("NotInitialized", error.to_string());
    }
    if ready.is_true() {
        Verdict::no("NotInitialized", "the guest's API server has not answered yet")
    } else {
        Verdict::no(&ready.reason, ready.message.clone())
    }
}
