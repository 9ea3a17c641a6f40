//! What keeps a machine from being a Ready node, in the words of the layer that knows.

use guestcluster_types::{
    conditions::reasons,
    upstream::{
        HasConditions,
        capi::{Machine, condition},
        capv::{self, VSphereMachine},
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

use crate::guest::dereference::Layers;

/// Why something is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocker {
    /// One word, of the lowest layer that gives one.
    pub(super) reason: String,
    /// One sentence that names the object.
    pub(super) message: String,
    /// Whether it will not go away by waiting alone.
    pub(super) severe: bool,
}

/// What a VM, machine or node passes through by itself, beside everything that begins with `WaitingFor`.
const PROGRESS: &[&str] = &[
    "ConnectionDown",
    "Created",
    "DataSecretNotAvailable",
    "Deleting",
    "DoesNotExist",
    "InspectionFailed",
    "NoReplicas",
    "NodeDeleted",
    "NodeDoesNotExist",
    "NodeNotHealthy",
    "NodeNotReady",
    "NotAvailable",
    "NotConnected",
    "NotCreated",
    "NotInitialized",
    "NotProvisioned",
    "NotReady",
    "NotUpToDate",
    "NotYetReported",
    "PoweringOn",
    "ProbeFailed",
    "Provisioning",
    "RollingOut",
    "ScalingDown",
    "ScalingUp",
    "Starting",
    "Unknown",
    "VirtualMachineNotWritten",
];

/// Whether a reason says more than that things take their time.
pub(in crate::guest) fn is_trouble(reason: &str) -> bool {
    const OURS: &[&str] = &[
        reasons::OK,
        reasons::UNKNOWN,
        reasons::CREATING,
        reasons::REMOVING_MACHINES,
        reasons::ROLLING_OUT,
        reasons::PAUSED,
        reasons::DELETING,
    ];
    !reason.starts_with("WaitingFor") && !PROGRESS.contains(&reason) && !OURS.contains(&reason)
}

/// The worst of what keeps machines back: the first that waiting won't cure, else the first at all.
pub(super) fn worst<'a>(layers: &Layers, machines: impl Iterator<Item = &'a Machine>) -> Option<Blocker> {
    let mut first = None;
    for machine in machines {
        match blocker(machine, layers.vsphere_machine(machine)) {
            Some(severe) if severe.severe => return Some(severe),
            blocker => first = first.or(blocker),
        }
    }
    first
}

/// What keeps one machine back.
pub(super) fn blocker(machine: &Machine, vm: Option<&VSphereMachine>) -> Option<Blocker> {
    let name = machine.name_any();
    if machine.metadata.deletion_timestamp.is_some() {
        return Some(leaving(machine, &name));
    }
    if let Some(vm) = vm
        && let Some(waits) = vm.condition(capv::condition::VIRTUAL_MACHINE_PROVISIONED)
        && waits.status != "True"
    {
        return Some(because("VM", &name, waits));
    }
    if vm.is_none_or(|vm| vm.status.initialization.provisioned != Some(true)) {
        let before = [condition::BOOTSTRAP_CONFIG_READY, condition::INFRASTRUCTURE_READY];
        let waits = before
            .iter()
            .filter_map(|kind| machine.condition(kind))
            .find(|waits| waits.status != "True");
        return Some(waits.map_or_else(|| on_its_way(&name), |waits| because("VM", &name, waits)));
    }
    if machine.is_true(condition::READY) {
        return None;
    }
    let after = [condition::NODE_HEALTHY, condition::NODE_READY, condition::READY];
    let waits = after
        .iter()
        .filter_map(|kind| machine.condition(kind))
        .find(|waits| waits.status != "True");
    Some(waits.map_or_else(|| on_its_way(&name), |waits| because("node", &name, waits)))
}

fn because(what: &str, name: &str, waits: &Condition) -> Blocker {
    let said = first_line(&waits.message);
    let message = match said.as_str() {
        "" => format!("waiting for {what} {name}: {}", waits.reason),
        said => format!("waiting for {what} {name}: {}: {said}", waits.reason),
    };
    Blocker {
        reason: waits.reason.clone(),
        message,
        severe: is_trouble(&waits.reason),
    }
}

fn on_its_way(name: &str) -> Blocker {
    Blocker {
        reason: reasons::WAITING_FOR_MACHINES.to_owned(),
        message: format!("waiting for VM {name}"),
        severe: false,
    }
}

/// A machine on its way out. Only a drain that does not come to an end holds anybody up.
fn leaving(machine: &Machine, name: &str) -> Blocker {
    let waits = machine.condition(condition::DELETING);
    let said = waits.map(|waits| first_line(&waits.message)).unwrap_or_default();
    let drains = waits.is_some_and(|waits| waits.reason == "DrainingNode");
    if drains && !said.is_empty() {
        let message = format!("waiting for node {name} to drain: {said}");
        return Blocker {
            reason: reasons::DRAINING.to_owned(),
            message,
            severe: true,
        };
    }
    Blocker {
        reason: reasons::REMOVING_MACHINES.to_owned(),
        message: format!("removing {name}"),
        severe: false,
    }
}

/// A message as one line, without the bullets that conditions carry.
fn first_line(message: &str) -> String {
    let lines = message
        .lines()
        .map(|line| line.trim().trim_start_matches("* ").trim())
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}
