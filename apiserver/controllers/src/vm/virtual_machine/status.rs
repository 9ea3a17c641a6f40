//! The status of a VirtualMachine, from what the driver says. Pure.

use std::net::IpAddr;

use guestcluster_types::upstream::vmoperator::{
    VirtualMachine, VirtualMachineNetworkStatus, VirtualMachineStatus, condition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use vm_driver::VmState;

use super::validate::Unmet;

/// What was found, before it is merged with the times of the last status.
pub(super) struct Observed {
    status: VirtualMachineStatus,
    conditions: Vec<Finding>,
}

struct Finding {
    r#type: String,
    status: bool,
    reason: String,
    message: String,
}

/// Whether the driver has the VM.
pub(super) fn is_created(machine: &VirtualMachine) -> bool {
    machine
        .status
        .conditions
        .iter()
        .any(|found| found.type_ == condition::CREATED && found.status == "True")
}

/// What the driver says.
pub(super) fn of(state: &VmState) -> Observed {
    let mut conditions: Vec<_> = condition::PREREQUISITES.iter().map(|name| met(name)).collect();
    conditions.push(if state.created {
        met(condition::CREATED)
    } else {
        not_created()
    });
    if let Some(blocked) = &state.blocked {
        let finding = Finding {
            r#type: blocked.condition.clone(),
            status: false,
            reason: blocked.reason.clone(),
            message: blocked.message.clone(),
        };
        match conditions
            .iter_mut()
            .find(|condition| condition.r#type == blocked.condition)
        {
            Some(condition) => *condition = finding,
            None => conditions.push(finding),
        }
    }
    let status = VirtualMachineStatus {
        power_state: state
            .created
            .then(|| if state.powered_on { "PoweredOn" } else { "PoweredOff" }.to_owned()),
        network: state.address.map(network),
        bios_uuid: state.bios_uuid.clone(),
        instance_uuid: state.bios_uuid.clone(),
        zone: state.zone.clone(),
        ..VirtualMachineStatus::default()
    };
    Observed { status, conditions }
}

/// A prerequisite does not hold, so the driver was not asked.
pub(super) fn unmet(unmet: &Unmet) -> Observed {
    let finding = Finding {
        r#type: unmet.condition.to_owned(),
        status: false,
        reason: unmet.reason.to_owned(),
        message: unmet.message.clone(),
    };
    Observed {
        status: VirtualMachineStatus::default(),
        conditions: vec![finding, not_created()],
    }
}

/// The new status: a condition keeps its transition time while its status stays, and goes when nothing speaks of it.
pub(super) fn merged(live: &VirtualMachineStatus, observed: Observed, now: jiff::Timestamp) -> VirtualMachineStatus {
    let now = Time(now);
    let conditions = observed.conditions.into_iter().map(|finding| {
        let status = if finding.status { "True" } else { "False" };
        let last = live
            .conditions
            .iter()
            .find(|last| last.type_ == finding.r#type && last.status == status);
        Condition {
            type_: finding.r#type,
            status: status.to_owned(),
            reason: finding.reason,
            message: finding.message,
            last_transition_time: last.map_or_else(|| now.clone(), |last| last.last_transition_time.clone()),
            observed_generation: None,
        }
    });
    VirtualMachineStatus {
        conditions: conditions.collect(),
        ..observed.status
    }
}

fn met(name: &str) -> Finding {
    Finding {
        r#type: name.to_owned(),
        status: true,
        reason: "True".to_owned(),
        message: String::new(),
    }
}

fn not_created() -> Finding {
    Finding {
        r#type: condition::CREATED.to_owned(),
        status: false,
        reason: "NotCreated".to_owned(),
        message: "the VM does not exist yet".to_owned(),
    }
}

fn network(address: IpAddr) -> VirtualMachineNetworkStatus {
    let text = Some(address.to_string());
    match address {
        IpAddr::V4(_) => VirtualMachineNetworkStatus {
            primary_ip4: text,
            ..VirtualMachineNetworkStatus::default()
        },
        IpAddr::V6(_) => VirtualMachineNetworkStatus {
            primary_ip6: text,
            ..VirtualMachineNetworkStatus::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use vm_driver::Blocked;

    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_blocks_is_told_with_its_reason() {
        let blocked = Blocked {
            condition: condition::PLACEMENT_READY.to_owned(),
            reason: "NotEnoughResources".to_owned(),
            message: "no host has 2 CPUs left".to_owned(),
        };
        let state = VmState {
            blocked: Some(blocked),
            ..VmState::default()
        };
        let status = merged(&VirtualMachineStatus::default(), of(&state), at(1));
        let placement = status
            .conditions
            .iter()
            .find(|found| found.type_ == condition::PLACEMENT_READY)
            .unwrap();
        assert_eq!(
            (placement.status.as_str(), placement.reason.as_str()),
            ("False", "NotEnoughResources")
        );
    }

    #[test]
    fn the_same_state_later_is_the_same_status() {
        let state = VmState {
            created: true,
            powered_on: true,
            ..VmState::default()
        };
        let first = merged(&VirtualMachineStatus::default(), of(&state), at(1));
        assert_eq!(merged(&first, of(&state), at(9)), first);
    }

    #[test]
    fn a_condition_that_turns_takes_the_new_time() {
        let off = merged(&VirtualMachineStatus::default(), of(&VmState::default()), at(1));
        let on = merged(
            &off,
            of(&VmState {
                created: true,
                ..VmState::default()
            }),
            at(9),
        );
        let created = on
            .conditions
            .iter()
            .find(|found| found.type_ == condition::CREATED)
            .unwrap();
        assert_eq!(created.last_transition_time.0, at(9));
    }
}
