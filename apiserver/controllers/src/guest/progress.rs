//! How far the objects of a guest are: questions that have yes or no for an answer.

use guestcluster_types::{
    upstream::{
        HasConditions,
        capi::{Machine, MachineDeployment, condition},
        kubeadm::KubeadmControlPlane,
    },
    version::KubernetesVersion,
};

/// Whether a control plane runs a version on all its nodes, and has as many as it is to have.
pub(super) fn control_plane_runs(live: &KubeadmControlPlane, version: &KubernetesVersion) -> bool {
    let version = version.to_string();
    live.spec.version == version && live.status.version.as_ref() == Some(&version) && control_plane_is_complete(live)
}

/// Whether a control plane is as its spec says, and all its nodes are Ready.
pub(super) fn control_plane_is_complete(live: &KubeadmControlPlane) -> bool {
    let status = &live.status;
    let wanted = live.spec.replicas.unwrap_or(1);
    let counts = [status.replicas, status.up_to_date_replicas, status.ready_replicas];
    is_observed(live.metadata.generation, status.observed_generation)
        && counts.iter().all(|count| count.unwrap_or(0) == wanted)
}

/// Whether a pool is as its spec says, and all its nodes are Ready.
pub(super) fn pool_is_complete(live: &MachineDeployment) -> bool {
    let status = &live.status;
    let wanted = live.spec.replicas.unwrap_or(1);
    let counts = [status.replicas, status.up_to_date_replicas, status.ready_replicas];
    is_observed(live.metadata.generation, status.observed_generation)
        && counts.iter().all(|count| count.unwrap_or(0) == wanted)
}

/// Whether the control plane object says what is desired, and its controller has read it.
pub(super) fn control_plane_is_told(live: &KubeadmControlPlane, desired: &KubeadmControlPlane) -> bool {
    let template = |object: &KubeadmControlPlane| object.spec.machine_template.spec.infrastructure_ref.clone();
    live.spec.version == desired.spec.version
        && live.spec.replicas == desired.spec.replicas
        && template(live) == template(desired)
        && is_observed(live.metadata.generation, live.status.observed_generation)
}

/// Whether the deployment of a pool says what is desired, and its controller has read it.
pub(super) fn pool_is_told(live: &MachineDeployment, desired: &MachineDeployment) -> bool {
    live.spec.replicas == desired.spec.replicas
        && !pool_rolls(live, desired)
        && is_observed(live.metadata.generation, live.status.observed_generation)
}

/// Whether what is desired replaces the machines of the control plane.
pub(super) fn control_plane_rolls(live: &KubeadmControlPlane, desired: &KubeadmControlPlane) -> bool {
    let template = |object: &KubeadmControlPlane| object.spec.machine_template.spec.infrastructure_ref.clone();
    live.spec.version != desired.spec.version || template(live) != template(desired)
}

/// Whether what is desired replaces the machines of a pool.
pub(super) fn pool_rolls(live: &MachineDeployment, desired: &MachineDeployment) -> bool {
    let made_from = |object: &MachineDeployment| {
        let machine = &object.spec.template.spec;
        let references = (machine.bootstrap.config_ref.clone(), machine.infrastructure_ref.clone());
        (machine.version.clone(), references, machine.failure_domain.clone())
    };
    made_from(live) != made_from(desired)
}

/// Whether a machine is a Ready node of a version, and as its owner wants it.
pub(super) fn machine_is_new(machine: &Machine, version: &KubernetesVersion) -> bool {
    let outdated = machine
        .condition(condition::UP_TO_DATE)
        .is_some_and(|condition| condition.status == "False");
    machine.spec.version.as_deref() == Some(version.to_string().as_str()) && !outdated
}

/// Whether a machine is a Ready node.
pub(super) fn machine_is_ready(machine: &Machine) -> bool {
    machine.metadata.deletion_timestamp.is_none() && machine.is_true(condition::READY)
}

fn is_observed(generation: Option<i64>, observed: Option<i64>) -> bool {
    // A server without generations for the kind leaves both out.
    generation.is_none() || observed >= generation
}
