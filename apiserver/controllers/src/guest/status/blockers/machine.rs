//! What keeps a machine from being a Ready node.

use guestcluster_types::{
    conditions::reasons,
    upstream::{
        HasConditions as _,
        capi::{Machine, condition},
        capv::{self, VSphereMachine},
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::{Blocker, Waits, is_leaving, leaving, replacement, vm};
use crate::guest::{dereference::Layers, plan::Object};

const VM: &str = "VirtualMachine";
const INFRASTRUCTURE: &str = "VSphereMachine";

/// The worst of what keeps machines back: what waiting won't cure before all else, then the lowest object, then the first by name.
pub(in crate::guest::status) fn worst<'a>(
    layers: &Layers,
    machines: impl Iterator<Item = &'a Machine>,
) -> Option<Blocker> {
    blocking(layers, machines).min_by_key(|blocker| (!blocker.severe, height(blocker)))
}

/// What keeps each machine back, in the order of the machines.
pub(in crate::guest::status) fn blocking<'a>(
    layers: &Layers,
    machines: impl Iterator<Item = &'a Machine>,
) -> impl Iterator<Item = Blocker> {
    machines.filter_map(|machine| blocker(layers, machine))
}

/// What the counts of owners do not show: a machine that counts as Ready and whose VM does not run any more, as owners are slower
/// than VMs; and one that is not counted any more and can't go.
pub(in crate::guest::status) fn uncounted<'a>(
    layers: &Layers,
    machines: impl Iterator<Item = &'a Machine>,
) -> Option<Blocker> {
    let mut uncounted = machines.filter(|machine| is_leaving(*machine) || machine.is_true(condition::READY));
    uncounted.find_map(|machine| blocker(layers, machine).filter(|blocker| blocker.severe))
}

/// How far above the infrastructure an object is.
fn height(blocker: &Blocker) -> u8 {
    match &*blocker.object.kind {
        VM => 0,
        INFRASTRUCTURE => 1,
        _ => 2,
    }
}

fn blocker(layers: &Layers, machine: &Machine) -> Option<Blocker> {
    if is_leaving(machine) {
        return Some(leaving::leaving(layers, machine));
    }
    if machine.is_true(condition::READY) {
        return of_ready(layers, machine);
    }
    let below = of_vm(layers, machine).or_else(|| of_infrastructure(layers, machine));
    Some(below.unwrap_or_else(|| of_node(layers, machine)))
}

fn of_ready(layers: &Layers, machine: &Machine) -> Option<Blocker> {
    let vm = layers.vm(machine)?;
    let waits = if is_leaving(vm) {
        being_deleted()
    } else {
        vm::fallen(vm)?
    };
    Some(because_of_vm(machine, Object::of(vm), waits))
}

/// What the VM itself says, which nobody above says sooner.
fn of_vm(layers: &Layers, machine: &Machine) -> Option<Blocker> {
    let vm = layers.vm(machine)?;
    let joined = machine.status.node_ref.is_some();
    let waits = if is_leaving(vm) {
        being_deleted()
    } else if let Some(fallen) = vm::fallen(vm).filter(|_| joined) {
        fallen
    } else {
        vm::waits(vm)?
    };
    Some(because_of_vm(machine, Object::of(vm), waits))
}

fn being_deleted() -> Waits {
    Waits::new(
        "",
        reasons::BEING_DELETED,
        "it is being deleted while its machine is not",
    )
}

/// Where there is no VM, or nothing wrong with it: why it is not written, or not taken over.
fn of_infrastructure(layers: &Layers, machine: &Machine) -> Option<Blocker> {
    let object = layers.vsphere_machine(machine);
    if object.is_some_and(|object| object.status.initialization.provisioned == Some(true)) {
        return None;
    }
    let has_vm = layers.vm(machine).is_some();
    if let Some(object) = object {
        if let Some(paused) = paused(object.condition(condition::PAUSED)) {
            return Some(because_of_vm(machine, Object::of(object), paused));
        }
        let waits = object.condition(capv::condition::VIRTUAL_MACHINE_PROVISIONED);
        if let Some(waits) = waits.filter(|waits| waits.status != "True").map(Waits::of)
            // What it says of a VM that has moved on is old.
            && (!has_vm || waits.severe)
        {
            return Some(because_of_vm(machine, Object::of(object), waits));
        }
        if has_vm {
            return Some(not_taken_over(object));
        }
    }
    let before = [
        condition::PAUSED,
        condition::BOOTSTRAP_CONFIG_READY,
        condition::INFRASTRUCTURE_READY,
    ];
    let waits = before.iter().find_map(|kind| failing(machine, kind));
    let object = bootstrap(machine).filter(|_| {
        waits
            .as_ref()
            .is_some_and(|waits| waits.about == condition::BOOTSTRAP_CONFIG_READY && waits.severe)
    });
    let object = object.unwrap_or_else(|| Object::of(machine));
    Some(waits.map_or_else(|| on_its_way(machine), |waits| because_of_vm(machine, object, waits)))
}

/// Where the VM has all it needs: what its node lacks.
fn of_node(layers: &Layers, machine: &Machine) -> Blocker {
    let after = [
        condition::PAUSED,
        condition::NODE_HEALTHY,
        condition::NODE_READY,
        condition::READY,
    ];
    let name = machine.name_any();
    let Some(mut waits) = after.iter().find_map(|kind| failing(machine, kind)) else {
        return on_its_way(machine);
    };
    let is_unwell = matches!(waits.about.as_str(), condition::NODE_HEALTHY | condition::NODE_READY);
    if is_unwell && let Some(kept) = replacement::kept_from(layers, machine) {
        waits.said = match waits.said.as_str() {
            "" => kept,
            said => format!("{said}; {kept}"),
        };
    }
    let node = machine.status.node_ref.as_ref().map(|node| node.name.clone());
    let object = match node.filter(|node| !node.is_empty()) {
        Some(name) => Object::new("Node", name),
        None => Object::of(machine),
    };
    Blocker::waiting(object, &format!("node {name}"), waits)
}

/// What a condition of a Machine waits for, if it does not hold.
fn failing(machine: &Machine, kind: &str) -> Option<Waits> {
    let condition = machine.condition(kind);
    if kind == condition::PAUSED {
        return paused(condition);
    }
    condition.filter(|condition| condition.status != "True").map(Waits::of)
}

pub(super) fn paused(condition: Option<&Condition>) -> Option<Waits> {
    let paused = condition.filter(|condition| condition.status == "True")?;
    let said = super::one_line(&paused.message);
    Some(Waits::new(condition::PAUSED, reasons::OBJECT_PAUSED, said).severe())
}

fn bootstrap(machine: &Machine) -> Option<Object> {
    let name = machine.spec.bootstrap.config_ref.as_ref()?.name.clone();
    Some(Object::new("KubeadmConfig", name))
}

fn because_of_vm(machine: &Machine, object: Object, waits: Waits) -> Blocker {
    let name = if object.kind == VM {
        object.name.clone()
    } else {
        machine.name_any()
    };
    Blocker::waiting(object, &format!("VM {name}"), waits)
}

fn not_taken_over(object: &VSphereMachine) -> Blocker {
    let waits = Waits::new(
        "",
        reasons::WAITING_FOR_MACHINES,
        "it has not taken over what its VM has",
    );
    let object = Object::of(object);
    let what = format!("{INFRASTRUCTURE} {}", object.name);
    Blocker::waiting(object, &what, waits)
}

fn on_its_way(machine: &Machine) -> Blocker {
    let message = format!("waiting for VM {}", machine.name_any());
    Blocker::passing(Object::of(machine), reasons::WAITING_FOR_MACHINES, message)
}
