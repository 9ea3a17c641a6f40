//! The course of a VM: which step is next and when, or what keeps it from coming. Pure.

use jiff::{SignedDuration, Timestamp};
use vm_driver::{Blocked, VmState};

use crate::{
    config::{Config, Delays, FaultKind},
    record::{Stage, Vm},
};

/// What a VM does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This stage, at this time.
    Enter(Stage, Timestamp),
    /// The ledger forgets it, at this time.
    Forget(Timestamp),
    /// Nothing before something changes.
    Blocked(Blocked),
    /// Nothing: it is where it shall be.
    Settled,
}

/// The next step of a VM. `room` says whether its class has room for it.
pub(crate) fn next(vm: &Vm, config: &Config, room: bool) -> Next {
    let fails = |kind| config.fails(&vm.key.name, kind);
    let delays = &config.delays;
    let after = |milliseconds| vm.since + SignedDuration::try_from(Delays::duration(milliseconds)).unwrap_or_default();
    match vm.stage {
        Stage::Requested if !room || fails(FaultKind::NoCapacity) => Next::Blocked(no_capacity(vm)),
        Stage::Requested => Next::Enter(Stage::Created, after(delays.create)),
        Stage::Created if !vm.powered_on => Next::Settled,
        Stage::Created if fails(FaultKind::NeverPowersOn) => Next::Blocked(blocked(
            "VirtualMachinePowerStateSynced",
            "PowerOnFailed",
            "the host refuses to power on the VM",
        )),
        Stage::Created => Next::Enter(Stage::PoweredOn, after(delays.power_on)),
        Stage::PoweredOn | Stage::Booted | Stage::Joined if !vm.powered_on => Next::Enter(Stage::Created, vm.since),
        Stage::PoweredOn if fails(FaultKind::NeverBoots) => Next::Blocked(blocked(
            "VirtualMachineTools",
            "VirtualMachineToolsNotRunning",
            "the guest system does not start",
        )),
        Stage::PoweredOn if fails(FaultKind::NoAddress) => Next::Blocked(blocked(
            "VirtualMachineNetworkReady",
            "NoAddress",
            "waiting for DHCP on workload-1",
        )),
        Stage::PoweredOn => Next::Enter(Stage::Booted, after(delays.boot)),
        Stage::Booted if fails(FaultKind::NeverJoins) => Next::Settled,
        Stage::Booted => Next::Enter(Stage::Joined, after(delays.join)),
        Stage::Joined => Next::Settled,
        Stage::Removing => Next::Forget(after(delays.remove)),
    }
}

/// What the driver says of a VM.
pub(crate) fn state(vm: &Vm, next: &Next) -> VmState {
    VmState {
        created: vm.stage >= Stage::Created,
        powered_on: vm.stage >= Stage::PoweredOn && vm.stage < Stage::Removing,
        address: vm.address.filter(|_| vm.is_up()).map(Into::into),
        bios_uuid: (vm.stage >= Stage::Created).then(|| vm.bios_uuid.clone()),
        zone: vm.zone.clone(),
        blocked: match next {
            Next::Blocked(blocked) => Some(blocked.clone()),
            _ => None,
        },
    }
}

fn no_capacity(vm: &Vm) -> Blocked {
    let message = format!("no host has room for another VM of class {:?}", vm.class);
    Blocked {
        condition: "VirtualMachineConditionPlacementReady".to_owned(),
        reason: "NotEnoughResources".to_owned(),
        message,
    }
}

fn blocked(condition: &str, reason: &str, message: &str) -> Blocked {
    Blocked {
        condition: condition.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::vm;

    fn at(stage: Stage) -> Vm {
        Vm {
            stage,
            ..vm("dev-cp-1")
        }
    }

    fn config(text: &str) -> Config {
        Config::from_yaml(text).unwrap()
    }

    #[test]
    fn a_vm_goes_through_every_stage_in_order() {
        let config = config("delays: {create: 1, powerOn: 2, boot: 3, join: 4, remove: 5}");
        let mut vm = at(Stage::Requested);
        let mut seen = Vec::new();
        while let Next::Enter(stage, due) = next(&vm, &config, true) {
            seen.push((stage, due.as_millisecond() - vm.since.as_millisecond()));
            vm.enter(stage, due);
        }
        assert_eq!(
            seen,
            [
                (Stage::Created, 1),
                (Stage::PoweredOn, 2),
                (Stage::Booted, 3),
                (Stage::Joined, 4)
            ]
        );
    }

    #[test]
    fn each_fault_stops_it_at_its_stage_with_a_reason() {
        for (fault, stage, reason) in [
            ("NoCapacity", Stage::Requested, "NotEnoughResources"),
            ("NeverPowersOn", Stage::Created, "PowerOnFailed"),
            ("NeverBoots", Stage::PoweredOn, "VirtualMachineToolsNotRunning"),
            ("NoAddress", Stage::PoweredOn, "NoAddress"),
        ] {
            let config = config(&format!("faults: [{{name: 'dev-*', kind: {fault}}}]"));
            let vm = at(stage);
            let next = next(&vm, &config, true);
            assert_eq!(
                state(&vm, &next).blocked.map(|blocked| blocked.reason).as_deref(),
                Some(reason),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_full_class_blocks_only_what_is_not_placed() {
        assert!(matches!(
            next(&at(Stage::Requested), &Config::default(), false),
            Next::Blocked(_)
        ));
        assert!(matches!(
            next(&at(Stage::Created), &Config::default(), false),
            Next::Enter(Stage::PoweredOn, _)
        ));
    }

    #[test]
    fn a_vm_that_is_switched_off_shows_no_address() {
        let vm = Vm {
            powered_on: false,
            address: Some([127, 64, 0, 1].into()),
            ..at(Stage::Joined)
        };
        let next = next(&vm, &Config::default(), true);
        assert_eq!(next, Next::Enter(Stage::Created, vm.since));
        assert_eq!(state(&vm, &next).address, None);
    }
}
