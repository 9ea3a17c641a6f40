//! How far a VM is and what it waits for, as its VirtualMachine says.

use guestcluster_types::{
    conditions::reasons,
    upstream::{
        HasConditions as _,
        vmoperator::{VirtualMachine, condition},
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Waits, is_trouble};
use crate::guest::status::view::VmStage;

const ON: &str = "PoweredOn";

/// What may keep a VM from coming into being, beside what must hold before, in the order in which a reason is looked for.
const CREATION: [&str; 3] = [
    condition::IMAGE_CACHE_READY,
    condition::ENCRYPTION_SYNCED,
    condition::CREATED,
];
/// What may keep one that exists from being switched on.
const POWER: [&str; 3] = [
    condition::POWER_STATE_SYNCED,
    condition::HARDWARE_VERIFIED,
    condition::ENCRYPTION_SYNCED,
];
/// What may keep one that runs from having an address. That its guest system is silent says least.
const ADDRESS: [&str; 5] = [
    condition::NETWORK_READY,
    condition::GUEST_CUSTOMIZATION,
    condition::GUEST_BOOTSTRAP,
    condition::GUEST_NETWORK_SYNCED,
    condition::TOOLS,
];
/// What may keep one that has an address from being a node.
const NODE: [&str; 2] = [condition::GUEST_BOOTSTRAP, condition::GUEST_CUSTOMIZATION];
/// What is False on VMs that nothing is wrong with, or is wrong with them and keeps nothing back.
const HARMLESS: [&str; 7] = [
    "GuestIDReconfigured",
    "Ready",
    "VirtualMachineBackupUpToDate",
    "VirtualMachineClassConfigurationSynced",
    "VirtualMachineDiskPromotionStarted",
    "VirtualMachineDiskPromotionSynced",
    "VirtualMachineSnapshotRevertSucceeded",
];

/// How far a VM is.
pub(in crate::guest::status) fn stage(vm: &VirtualMachine) -> VmStage {
    if !vm.is_true(condition::CREATED) {
        VmStage::Absent
    } else if vm.status.power_state.as_deref() != Some(ON) {
        VmStage::Created
    } else if address(vm).is_none() {
        VmStage::PoweredOn
    } else {
        VmStage::Addressed
    }
}

/// What a VM waits for before it can be a node; none where that is up to others.
pub(super) fn waits(vm: &VirtualMachine) -> Option<Waits> {
    if let Some(paused) = failing(vm, condition::RECONCILE_READY) {
        return Some(Waits::of(paused).severe());
    }
    let passing = |about: &str, reason: &str, said: &str| Some(Waits::new(about, reason, said));
    match stage(vm) {
        VmStage::Absent => unmet(vm)
            .or_else(|| first(vm, &CREATION))
            .or_else(|| passing(condition::CREATED, reasons::PROVISIONING, "")),
        VmStage::Created => switched_off(vm)
            .or_else(|| first(vm, &POWER))
            .or_else(|| passing(condition::POWER_STATE_SYNCED, reasons::POWERING_ON, "")),
        VmStage::PoweredOn => {
            first(vm, &ADDRESS).or_else(|| passing(condition::GUEST_NETWORK_SYNCED, reasons::WAITING_FOR_ADDRESS, ""))
        }
        VmStage::Addressed => first(vm, &NODE).or_else(|| {
            let known = vm.status.bios_uuid.as_deref().is_some_and(|uuid| !uuid.is_empty());
            let waits = || Waits::new(condition::CREATED, reasons::WAITING_FOR_IDENTITY, "");
            (!known).then(waits)
        }),
    }
}

/// That a VM does not run, though it did.
pub(super) fn fallen(vm: &VirtualMachine) -> Option<Waits> {
    let state = vm.status.power_state.as_deref().filter(|state| *state != ON)?;
    if let Some(waits) = switched_off(vm).or_else(|| first(vm, &POWER[..1])) {
        return Some(waits);
    }
    let said = format!("it is {state} and not {ON}");
    Some(Waits::new(condition::POWER_STATE_SYNCED, reasons::POWERED_OFF, said))
}

/// What a VM that is being deleted fails at, where it says so.
pub(super) fn removal(vm: &VirtualMachine) -> Option<Waits> {
    failing(vm, condition::RECONCILE_READY)
        .map(|paused| Waits::of(paused).severe())
        .or_else(|| other(vm))
}

/// That somebody asks for it not to run.
fn switched_off(vm: &VirtualMachine) -> Option<Waits> {
    let wanted = vm.spec.power_state.as_deref().filter(|wanted| *wanted != ON)?;
    let said = format!("spec.powerState is {wanted}");
    Some(Waits::new(condition::POWER_STATE_SYNCED, reasons::POWERED_OFF, said))
}

/// The first thing that must hold before a VM can be created, and does not.
fn unmet(vm: &VirtualMachine) -> Option<Waits> {
    let failing = condition::PREREQUISITES.iter().find_map(|kind| failing(vm, kind))?;
    let waits = Waits::of(failing);
    let severe = waits.severe || !waits.said.is_empty();
    Some(Waits { severe, ..waits })
}

/// The first of these conditions that waiting will not cure; else any other such; else the first of these that is False.
fn first(vm: &VirtualMachine, kinds: &[&str]) -> Option<Waits> {
    let failing = || kinds.iter().filter_map(|kind| failing(vm, kind));
    let trouble = failing().find(|condition| is_trouble(&condition.reason));
    trouble
        .map(Waits::of)
        .or_else(|| other(vm))
        // What takes its time has words for that already, but for a silent guest system.
        .or_else(|| {
            failing()
                .find(|condition| condition.type_ == condition::TOOLS)
                .map(Waits::of)
        })
}

/// Trouble of a kind that is not known.
fn other(vm: &VirtualMachine) -> Option<Waits> {
    let is_known = |kind: &str| {
        let known = [&condition::PREREQUISITES[..], &CREATION, &POWER, &ADDRESS, &HARMLESS];
        known.iter().any(|kinds| kinds.contains(&kind))
    };
    let all = vm.status.conditions.iter();
    let mut failing = all.filter(|condition| condition.status == "False" && is_trouble(&condition.reason));
    failing.find(|condition| !is_known(&condition.type_)).map(Waits::of)
}

fn failing<'a>(vm: &'a VirtualMachine, kind: &str) -> Option<&'a Condition> {
    vm.condition(kind).filter(|condition| condition.status == "False")
}

/// The address that others use.
pub(super) fn address(vm: &VirtualMachine) -> Option<&str> {
    let network = vm.status.network.as_ref()?;
    let address = network.primary_ip4.as_deref().or(network.primary_ip6.as_deref());
    address.filter(|address| !address.is_empty())
}
