//! Statuses of VirtualMachines as VM Operator writes them.

use serde_json::{Value, json};

/// How far a VM is.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Stage {
    Wanted,
    Created,
    PoweredOn,
    Addressed,
    Identified,
}

/// A condition that is False: type, reason, message.
pub(super) type Failing = (&'static str, &'static str, &'static str);

/// The status of a VM that is so far and of which these conditions are False.
pub(super) fn status(stage: Stage, failing: &[Failing]) -> Value {
    let mut conditions: Vec<_> = failing
        .iter()
        .map(|(kind, reason, message)| condition(kind, "False", reason, message))
        .collect();
    let is_failing = |kind: &str| failing.iter().any(|(failing, ..)| *failing == kind);
    if stage >= Stage::Created && !is_failing("VirtualMachineCreated") {
        conditions.push(condition("VirtualMachineCreated", "True", "True", ""));
    }
    // Null takes away what an earlier status had.
    let mut status = json!({"conditions": conditions, "powerState": null, "network": null, "biosUUID": null});
    if stage >= Stage::Created {
        status["powerState"] = json!("PoweredOff");
    }
    if stage >= Stage::PoweredOn {
        status["powerState"] = json!("PoweredOn");
    }
    if stage >= Stage::Addressed {
        status["network"] = json!({"primaryIP4": "10.0.0.9"});
    }
    status
}

/// A condition as of now: health checks count from then.
pub(super) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    let now = format!("{:.0}", jiff::Timestamp::now());
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now})
}
