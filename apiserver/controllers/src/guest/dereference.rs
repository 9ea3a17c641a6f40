//! What there is of a guest in the layer below, read from the mirrors.

use std::sync::Arc;

use guestcluster_types::{
    labels, names,
    upstream::{
        capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet},
        capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
        vmoperator::{VirtualMachine, VirtualMachineService},
    },
};
use kube::Resource;

use super::{mirror::ClusterKey, mirrors::Mirrors, plan::Identity};

/// The objects of one guest. What has its name but not its guest UID is not among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Layers {
    pub(super) cluster: Option<Arc<Cluster>>,
    pub(super) infrastructure: Option<Arc<VSphereCluster>>,
    pub(super) control_plane: Option<Arc<KubeadmControlPlane>>,
    pub(super) deployments: Vec<Arc<MachineDeployment>>,
    pub(super) machine_templates: Vec<Arc<VSphereMachineTemplate>>,
    pub(super) config_templates: Vec<Arc<KubeadmConfigTemplate>>,
    pub(super) health_checks: Vec<Arc<MachineHealthCheck>>,
    /// All Machines of the Cluster, by name.
    pub(super) machines: Vec<Arc<Machine>>,
    pub(super) vsphere_machines: Vec<Arc<VSphereMachine>>,
    pub(super) sets: Vec<Arc<MachineSet>>,
    pub(super) vms: Vec<Arc<VirtualMachine>>,
    /// The load balancer before the control plane.
    pub(super) service: Option<Arc<VirtualMachineService>>,
}

/// Reads what there is of a guest.
pub(super) fn layers(mirrors: &Mirrors, identity: &Identity) -> Layers {
    let Identity { namespace, name, uid } = identity;
    let key = ClusterKey {
        namespace: namespace.clone(),
        name: name.clone(),
    };
    let cluster = mirrors
        .clusters
        .get(namespace, name)
        .filter(|cluster| belongs_to(cluster.as_ref(), uid));
    let infrastructure = mirrors
        .infrastructures
        .get(namespace, name)
        .filter(|object| belongs_to(object.as_ref(), uid));
    // What Cluster API makes it labels with the name of the Cluster alone.
    let of_cluster = cluster.is_some();
    Layers {
        service: mirrors.services.get(namespace, name).filter(|service| {
            infrastructure
                .as_ref()
                .is_some_and(|owner| is_owned(service.as_ref(), owner.as_ref()))
        }),
        machines: if_any(of_cluster, || mirrors.machines.of_cluster(&key)),
        vsphere_machines: if_any(of_cluster, || mirrors.vsphere_machines.of_cluster(&key)),
        sets: if_any(of_cluster, || mirrors.sets.of_cluster(&key)),
        vms: if_any(of_cluster, || mirrors.vms.of_cluster(&key)),
        cluster,
        infrastructure,
        control_plane: (mirrors.control_planes.get(namespace, &names::control_plane(name)))
            .filter(|object| belongs_to(object.as_ref(), uid)),
        deployments: ours(mirrors.deployments.of_cluster(&key), uid),
        machine_templates: ours(mirrors.machine_templates.of_cluster(&key), uid),
        config_templates: ours(mirrors.config_templates.of_cluster(&key), uid),
        health_checks: ours(mirrors.health_checks.of_cluster(&key), uid),
    }
}

fn if_any<K>(any: bool, all: impl FnOnce() -> Vec<Arc<K>>) -> Vec<Arc<K>> {
    if any { all() } else { vec![] }
}

/// Whether an object has another one for an owner.
fn is_owned(object: &impl Resource, owner: &impl Resource) -> bool {
    let mut owners = object.meta().owner_references.iter().flatten();
    owners.any(|reference| Some(&reference.uid) == owner.meta().uid.as_ref())
}

fn ours<K: Resource>(objects: Vec<Arc<K>>, uid: &str) -> Vec<Arc<K>> {
    objects
        .into_iter()
        .filter(|object| belongs_to(object.as_ref(), uid))
        .collect()
}

/// Whether an object carries the label of a guest.
pub(super) fn belongs_to<K: Resource>(object: &K, uid: &str) -> bool {
    object
        .meta()
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::GUEST_UID))
        .is_some_and(|label| label == uid)
}

impl Layers {
    /// Machines of the control plane.
    pub(super) fn control_plane_machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines
            .iter()
            .map(AsRef::as_ref)
            .filter(|machine| is_control_plane(machine))
    }

    /// Machines of the pools.
    pub(super) fn pool_machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines
            .iter()
            .map(AsRef::as_ref)
            .filter(|machine| !is_control_plane(machine))
    }

    /// The VM side of a Machine.
    pub(super) fn vsphere_machine(&self, machine: &Machine) -> Option<&VSphereMachine> {
        let name = &machine.spec.infrastructure_ref.name;
        self.vsphere_machines
            .iter()
            .map(AsRef::as_ref)
            .find(|object| object.metadata.name.as_ref() == Some(name))
    }

    /// The VM of a Machine, by the VSphereMachine that controls it.
    pub(super) fn vm(&self, machine: &Machine) -> Option<&VirtualMachine> {
        let name = &machine.spec.infrastructure_ref.name;
        let is_its = |vm: &VirtualMachine| {
            let mut owners = vm.metadata.owner_references.iter().flatten();
            owners.any(|owner| owner.kind == "VSphereMachine" && owner.name == *name)
        };
        self.vms.iter().map(AsRef::as_ref).find(|vm| is_its(vm))
    }

    /// The MachineSets of a MachineDeployment, by name.
    pub(super) fn sets(&self, deployment: &str) -> impl Iterator<Item = &MachineSet> {
        self.sets.iter().map(AsRef::as_ref).filter(move |set: &&MachineSet| {
            let labels = set.metadata.labels.as_ref();
            labels
                .and_then(|labels| labels.get(labels::DEPLOYMENT_NAME))
                .is_some_and(|name| name == deployment)
        })
    }

    /// The MachineDeployment of a name.
    pub(super) fn deployment(&self, name: &str) -> Option<&MachineDeployment> {
        self.deployments
            .iter()
            .map(AsRef::as_ref)
            .find(|object| object.metadata.name.as_deref() == Some(name))
    }

    /// The machine template of a name.
    pub(super) fn machine_template(&self, name: &str) -> Option<&VSphereMachineTemplate> {
        self.machine_templates
            .iter()
            .map(AsRef::as_ref)
            .find(|object| object.metadata.name.as_deref() == Some(name))
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.cluster.is_none()
            && self.infrastructure.is_none()
            && self.control_plane.is_none()
            && self.deployments.is_empty()
            && self.machine_templates.is_empty()
            && self.config_templates.is_empty()
            && self.health_checks.is_empty()
    }
}

/// Whether a Machine is one of a control plane.
fn is_control_plane(machine: &Machine) -> bool {
    machine
        .metadata
        .labels
        .as_ref()
        .is_some_and(|all| all.contains_key(labels::CONTROL_PLANE))
}
