//! What is true of a Cluster.

use super::deletion::is_control_plane;
use super::{Parts, validate};
use crate::machine::conditions::{Setter, Verdict, of_machines};
use crate::machine::guests::Link;
use crate::machine::replicas::{count, is_deleting, sum};
use guestcluster_types::conditions::Holds;
use guestcluster_types::upstream::capi::{ClusterStatus, Machine, condition};
use guestcluster_types::upstream::capv::VSphereCluster;
use guestcluster_types::upstream::kubeadm::KubeadmControlPlane;
use guestcluster_types::upstream::{ContractReference, HasConditions, capv, kubeadm};
use kube::{Resource, ResourceExt};

pub(super) fn of(parts: &Parts) -> ClusterStatus {
    let mut status = parts.cluster.status.clone();
    initialization(parts, &mut status);
    let (control_plane, workers): (Vec<_>, Vec<_>) = machines(parts).partition(|machine| is_control_plane(machine));
    let wanted = parts
        .control_plane
        .as_ref()
        .map_or(0, |object| object.spec.replicas.unwrap_or(1));
    status.control_plane = Some(count(control_plane.iter().copied(), wanted));
    let wanted = sum(parts.deployments.iter().map(|pool| pool.spec.replicas.unwrap_or(1)));
    status.workers = Some(count(workers.iter().copied(), wanted));
    status.observed_generation = parts.cluster.metadata.generation;
    status.phase = Some(phase(parts, &status).to_owned());
    conditions(parts, &control_plane, &workers, &mut status);
    status
}

fn machines(parts: &Parts) -> impl Iterator<Item = &Machine> {
    parts.machines.iter().map(|machine| &**machine)
}

fn initialization(parts: &Parts, status: &mut ClusterStatus) {
    if let Some(infrastructure) = &parts.infrastructure {
        status
            .failure_domains
            .clone_from(&infrastructure.status.failure_domains);
        let endpoint = parts.cluster.spec.control_plane_endpoint.is_known();
        if infrastructure.status.initialization.provisioned == Some(true) && endpoint {
            status.initialization.infrastructure_provisioned = Some(true);
        }
    }
    let control_plane = parts.control_plane.as_ref();
    if control_plane.is_some_and(|object| object.status.initialization.control_plane_initialized == Some(true)) {
        status.initialization.control_plane_initialized = Some(true);
    }
}

fn phase(parts: &Parts, status: &ClusterStatus) -> &'static str {
    if is_deleting(&*parts.cluster) {
        return "Deleting";
    }
    let provisioned = status.initialization.infrastructure_provisioned == Some(true);
    if provisioned && parts.cluster.spec.control_plane_endpoint.is_known() {
        return "Provisioned";
    }
    if parts.cluster.spec.infrastructure_ref.is_some() {
        "Provisioning"
    } else {
        "Pending"
    }
}

fn conditions(parts: &Parts, control_plane: &[&Machine], workers: &[&Machine], status: &mut ClusterStatus) {
    let initialized = status.initialization.control_plane_initialized == Some(true);
    let deleting = is_deleting(&*parts.cluster);
    let infrastructure = infrastructure(parts);
    let available = control_plane_available(parts);
    let mut set = Setter::new(&mut status.conditions, parts.cluster.metadata.generation);
    set.set(condition::INFRASTRUCTURE_READY, infrastructure.clone());
    set.set(
        condition::CONTROL_PLANE_INITIALIZED,
        if initialized {
            Verdict::yes("Initialized")
        } else {
            Verdict::no("NotInitialized", control_plane_message(parts, control_plane))
        },
    );
    set.set(condition::CONTROL_PLANE_AVAILABLE, available.clone());
    let machines_of = |machines: &[&Machine], type_, good: &str| {
        if machines.is_empty() {
            Verdict::yes("NoReplicas")
        } else {
            of_machines(machines.iter().copied(), type_, good)
        }
    };
    set.set(
        condition::CONTROL_PLANE_MACHINES_READY,
        machines_of(control_plane, condition::READY, "Ready"),
    );
    set.set(
        condition::CONTROL_PLANE_MACHINES_UP_TO_DATE,
        machines_of(control_plane, condition::UP_TO_DATE, "UpToDate"),
    );
    set.set(condition::WORKERS_AVAILABLE, workers_available(parts));
    set.set(
        condition::WORKER_MACHINES_READY,
        machines_of(workers, condition::READY, "Ready"),
    );
    set.set(
        condition::WORKER_MACHINES_UP_TO_DATE,
        machines_of(workers, condition::UP_TO_DATE, "UpToDate"),
    );
    for (type_, idle) in [
        (condition::ROLLING_OUT, "NotRollingOut"),
        (condition::REMEDIATING, "NotRemediating"),
        (condition::SCALING_UP, "NotScalingUp"),
        (condition::SCALING_DOWN, "NotScalingDown"),
    ] {
        set.set(type_, of_owners(parts, type_, idle));
    }
    set.set_not_paused();
    set.set(condition::REMOTE_CONNECTION_PROBE, connection(parts));
    set.set(
        condition::DELETING,
        if deleting {
            Verdict {
                holds: true.into(),
                ..Verdict::no("Deleting", "")
            }
        } else {
            Verdict::no("NotDeleting", "")
        },
    );
    let usable = if deleting {
        Verdict::no("Deleting", "the cluster is being deleted")
    } else {
        Verdict::yes("NotDeleting")
    };
    let valid = validate::cluster(&parts.cluster).map_or_else(
        |message| Verdict::no("InvalidSpec", message),
        |()| Verdict::yes("Valid"),
    );
    set.set_summary(
        condition::AVAILABLE,
        "Available",
        [usable, valid, infrastructure, available, workers_available(parts)],
    );
}

fn infrastructure(parts: &Parts) -> Verdict {
    let Some(object) = &parts.infrastructure else {
        let reference = parts.cluster.spec.infrastructure_ref.as_ref();
        return Verdict::no(
            "DoesNotExist",
            missing::<VSphereCluster>("spec.infrastructureRef", reference),
        );
    };
    Verdict::of(
        object.condition(capv::condition::READY),
        "NotReady",
        "the infrastructure object reports nothing yet",
    )
}

/// Why there is no object where a reference points.
fn missing<K: Resource<DynamicType = ()>>(field: &str, reference: Option<&ContractReference>) -> String {
    match reference {
        None => format!("{field} names no {}", K::kind(&())),
        Some(reference) if !reference.is::<K>() => {
            let (kind, group) = (&reference.kind, &reference.api_group);
            format!(
                "{field} names a {kind} of {group:?}: accepted is {} of {}",
                K::kind(&()),
                K::group(&())
            )
        }
        Some(reference) => format!("{field}: {} {} does not exist", K::kind(&()), reference.name),
    }
}

fn control_plane_available(parts: &Parts) -> Verdict {
    let Some(object) = &parts.control_plane else {
        let reference = parts.cluster.spec.control_plane_ref.as_ref();
        return Verdict::no(
            "DoesNotExist",
            missing::<KubeadmControlPlane>("spec.controlPlaneRef", reference),
        );
    };
    Verdict::of(
        object.condition(condition::AVAILABLE),
        "NotAvailable",
        "the control plane reports nothing yet",
    )
}

fn control_plane_message(parts: &Parts, machines: &[&Machine]) -> String {
    if !machines.is_empty() {
        let verdict = of_machines(machines.iter().copied(), condition::READY, "Ready");
        if !verdict.is_true() {
            return verdict.message;
        }
    }
    let condition = parts
        .control_plane
        .as_ref()
        .and_then(|object| object.condition(kubeadm::condition::INITIALIZED));
    condition.map_or_else(
        || "the control plane reports nothing yet".to_owned(),
        |condition| condition.message.clone(),
    )
}

fn workers_available(parts: &Parts) -> Verdict {
    let verdicts = parts.deployments.iter().map(|pool| {
        let verdict = Verdict::of(
            pool.condition(condition::AVAILABLE),
            "NotAvailable",
            "reports nothing yet",
        );
        (pool, verdict)
    });
    let mut blocking = verdicts.filter(|(_, verdict)| !verdict.is_true());
    match blocking.next() {
        None => Verdict::yes("Available"),
        Some((pool, verdict)) => {
            let name = pool.metadata.name.as_deref().unwrap_or_default();
            Verdict::no(
                &verdict.reason,
                format!("MachineDeployment {name}: {}", verdict.message),
            )
        }
    }
}

/// Whether the control plane or a pool is at it, and which ones say so.
fn of_owners(parts: &Parts, type_: &str, idle: &str) -> Verdict {
    let control_plane = parts.control_plane.iter().map(|object| {
        let name = format!("KubeadmControlPlane {}", object.name_any());
        (name, object.condition(type_))
    });
    let pools = parts.deployments.iter().map(|pool| {
        let name = format!("MachineDeployment {}", pool.name_any());
        (name, pool.condition(type_))
    });
    let at_it: Vec<_> = control_plane
        .chain(pools)
        .filter_map(|(name, condition)| Some((name, condition.filter(|condition| condition.status == "True")?)))
        .collect();
    let Some((_, first)) = at_it.first() else {
        return Verdict::no(idle, "");
    };
    let lines = at_it.iter().map(|(name, condition)| match condition.message.as_str() {
        "" => name.clone(),
        message => format!("{name}: {message}"),
    });
    Verdict {
        holds: Holds::True,
        ..Verdict::no(&first.reason, lines.collect::<Vec<_>>().join("; "))
    }
}

fn connection(parts: &Parts) -> Verdict {
    match &parts.link {
        Link::Up(_) => Verdict::yes("ProbeSucceeded"),
        Link::Trying(Some(failure)) => Verdict::no("ProbeFailed", failure.to_string()),
        // This process has just begun to connect, which is no news about the guest.
        Link::None | Link::Trying(None) => Verdict::of(
            parts.cluster.condition(condition::REMOTE_CONNECTION_PROBE),
            "NotConnected",
            "the control plane has no machine to answer yet",
        ),
    }
}
