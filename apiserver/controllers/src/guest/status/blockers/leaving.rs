//! What keeps machines and other objects from going.

use guestcluster_types::{
    conditions::reasons,
    upstream::{
        HasConditions as _,
        capi::{Machine, condition},
    },
};
use kube::{Resource, ResourceExt as _};

use super::{Blocker, Waits, is_leaving, one_line, vm};
use crate::guest::{dereference::Layers, plan::Object};

/// Finalizers that the layers set, ours and upstream's: whoever set them is at work.
const OF_LAYERS: [&str; 13] = [
    "foregroundDeletion",
    "cluster.cluster.x-k8s.io",
    "cluster.x-k8s.io/machinedeployment",
    "cluster.x-k8s.io/machineset",
    "guestclusters.dev/vm",
    "kubeadm.controlplane.cluster.x-k8s.io",
    "machine.cluster.x-k8s.io",
    "virtualmachine.vmoperator.vmware.com",
    "virtualmachineservice.vmoperator.vmware.com",
    "vmoperator.vmware.com/virtualmachine",
    "vmoperator.vmware.com/virtualmachineservice",
    "vspherecluster.vmware.infrastructure.cluster.x-k8s.io",
    "vspheremachine.infrastructure.cluster.x-k8s.io",
];

/// A machine on its way out. Only what does not come to an end by itself holds anybody up.
pub(super) fn leaving(layers: &Layers, machine: &Machine) -> Blocker {
    let name = machine.name_any();
    if let Some(blocker) = before_its_vm(machine, &name) {
        return blocker;
    }
    if let Some(vm) = layers.vm(machine).filter(|vm| is_leaving(*vm)) {
        let waits = vm::removal(vm).or_else(|| kept(vm));
        let what = format!("VM {}", vm.name_any());
        return match waits {
            Some(waits) => removing(Object::of(vm), &what, waits),
            None => Blocker::passing(Object::of(vm), reasons::REMOVING_MACHINES, format!("removing {what}")),
        };
    }
    let infrastructure = layers.vsphere_machine(machine);
    if let Some(waits) = infrastructure.and_then(kept)
        && let Some(object) = infrastructure
    {
        return removing(Object::of(object), &format!("VSphereMachine {name}"), waits);
    }
    let object = Object::of(machine);
    match kept(machine) {
        Some(waits) => removing(object, &format!("Machine {name}"), waits),
        None => Blocker::passing(object, reasons::REMOVING_MACHINES, format!("removing {name}")),
    }
}

/// What a deleted object that belongs to a guest is kept by, lowest object first.
pub(in crate::guest::status) fn left_behind(layers: &Layers) -> Option<Blocker> {
    fn of<K: Resource<DynamicType = ()>>(object: &K) -> Option<Blocker> {
        let object_of = Object::of(object);
        let what = format!("{} {}", object_of.kind, object_of.name);
        Some(removing(object_of, &what, kept(object)?))
    }
    let deployments = || layers.deployments.iter().find_map(|it| of(it.as_ref()));
    let control_plane = || of(layers.control_plane.as_deref()?);
    let service = || of(layers.service.as_deref()?);
    let infrastructure = || of(layers.infrastructure.as_deref()?);
    let cluster = || of(layers.cluster.as_deref()?);
    deployments()
        .or_else(control_plane)
        .or_else(service)
        .or_else(infrastructure)
        .or_else(cluster)
}

/// What comes before a machine's VM is deleted.
fn before_its_vm(machine: &Machine, name: &str) -> Option<Blocker> {
    let waits = machine.condition(condition::DELETING)?;
    let said = one_line(&waits.message);
    if said.is_empty() {
        return None;
    }
    let node = machine.status.node_ref.as_ref().map(|node| node.name.clone());
    let node = node.map_or_else(|| Object::of(machine), |name| Object::new("Node", name));
    match waits.reason.as_str() {
        "DrainingNode" => {
            let message = format!("waiting for node {name} to drain: {said}");
            let waits = Waits::new(condition::DELETING, reasons::DRAINING, said);
            Some(Blocker::saying(node, message, waits))
        }
        // Whoever set a hook has to take it away.
        "WaitingForPreDrainHook" | "WaitingForPreTerminateHook" => {
            let waits = Waits::of(waits).severe();
            Some(removing(Object::of(machine), &format!("machine {name}"), waits))
        }
        "WaitingForVolumeDetach" => Some(removing(node, &format!("node {name}"), Waits::of(waits))),
        _ => None,
    }
}

/// What an object that was deleted is kept by, where that is nobody whom we know.
fn kept(object: &impl Resource) -> Option<Waits> {
    if !is_leaving(object) {
        return None;
    }
    let foreign = object.meta().finalizers.iter().flatten();
    let foreign: Vec<_> = foreign
        .filter(|finalizer| !OF_LAYERS.contains(&finalizer.as_str()))
        .map(String::as_str)
        .collect();
    let said = format!("it is deleted and kept by finalizer {}", foreign.join(", "));
    (!foreign.is_empty()).then(|| Waits::new("", reasons::KEPT_BY_FINALIZER, said))
}

fn removing(object: Object, what: &str, waits: Waits) -> Blocker {
    let message = match waits.said.as_str() {
        "" => format!("waiting for {what} to go: {}", waits.reason),
        said => format!("waiting for {what} to go: {}: {said}", waits.reason),
    };
    Blocker::saying(object, message, waits)
}
