//! What is kept of objects that are only looked at for what blocks: thousands of them stay in memory.

use guestcluster_types::{
    labels::LOAD_BALANCER_BLOCKED,
    upstream::{
        capi::{MachineSet, MachineSetSpec},
        vmoperator::{VirtualMachine, VirtualMachineService, VirtualMachineServiceSpec, VirtualMachineSpec},
    },
};

use super::mirror::keep_no_fields;

/// Its status.
pub(super) fn set(set: &mut MachineSet) {
    keep_no_fields(set);
    set.spec = MachineSetSpec::default();
}

/// Its status, and whether it is to run.
pub(super) fn vm(vm: &mut VirtualMachine) {
    keep_no_fields(vm);
    vm.spec = VirtualMachineSpec {
        power_state: vm.spec.power_state.take(),
        ..VirtualMachineSpec::default()
    };
}

/// Its status, and what our VM layer says beside it.
pub(super) fn service(service: &mut VirtualMachineService) {
    let told = service.metadata.annotations.take();
    keep_no_fields(service);
    service.metadata.annotations = told.map(|mut told| {
        told.retain(|name, _| name == LOAD_BALANCER_BLOCKED);
        told
    });
    service.spec = VirtualMachineServiceSpec::default();
}
