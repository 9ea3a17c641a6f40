//! Conditions as this layer sets them, and how what blocks below is carried up.

use guestcluster_types::conditions::{self, Holds};
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{Cluster, Machine, PAUSED_ANNOTATION, condition};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, ResourceExt};

/// Messages of so many Machines are carried up; the others are counted.
const NAMED_MACHINES: usize = 3;

/// Whether a condition holds, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) holds: Holds,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Verdict {
    /// It holds.
    pub(crate) fn yes(reason: &str) -> Self {
        Self {
            holds: Holds::True,
            reason: reason.to_owned(),
            message: String::new(),
        }
    }

    /// It does not hold.
    pub(crate) fn no(reason: &str, message: impl Into<String>) -> Self {
        Self {
            holds: Holds::False,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// Nobody can say.
    pub(crate) fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self {
            holds: Holds::Unknown,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// What a condition of a lower object says, or that it says nothing.
    pub(crate) fn of(condition: Option<&Condition>, missing: &str, message: &str) -> Self {
        let Some(condition) = condition else {
            return Self::no(missing, message);
        };
        let holds = match condition.status.as_str() {
            "True" => Holds::True,
            "False" => Holds::False,
            _ => Holds::Unknown,
        };
        Self {
            holds,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }
    }

    pub(crate) fn is_true(&self) -> bool {
        self.holds == Holds::True
    }
}

/// That an object is left alone, and why.
pub(crate) fn paused(cluster: &Cluster) -> Verdict {
    let why = if cluster.spec.paused == Some(true) {
        format!("spec.paused of Cluster {} is true", cluster.name_any())
    } else {
        format!("it has the annotation {PAUSED_ANNOTATION}")
    };
    Verdict {
        holds: Holds::True,
        ..Verdict::no("Paused", why)
    }
}

/// What is said of an object that is nobody's: kind `K` names what it has in a field.
pub(crate) fn no_owner<K: Resource<DynamicType = ()>>(field: &str) -> Verdict {
    let kind = K::kind(&());
    Verdict::no(
        "NoOwner",
        format!("no {kind} names it in {field}: until one does, nothing is made of it"),
    )
}

/// Sets conditions of one object.
pub(crate) struct Setter<'a> {
    list: &'a mut Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl<'a> Setter<'a> {
    pub(crate) fn new(list: &'a mut Vec<Condition>, generation: Option<i64>) -> Self {
        Self {
            list,
            generation,
            now: Timestamp::now(),
        }
    }

    /// Says that the object is not left alone.
    pub(crate) fn set_not_paused(&mut self) {
        self.set(condition::PAUSED, Verdict::no("NotPaused", ""));
    }

    /// Sets one condition.
    pub(crate) fn set(&mut self, type_: &str, verdict: Verdict) {
        // A reason must not be empty, and one that is carried up from elsewhere could be.
        let reason = if verdict.reason.is_empty() {
            "Unknown"
        } else {
            &verdict.reason
        };
        let condition = conditions::condition(type_, verdict.holds, reason, verdict.message, self.generation, self.now);
        conditions::set(self.list, condition);
    }

    /// Sets `type_` to the first of `verdicts` that is not true, or to true.
    pub(crate) fn set_summary(&mut self, type_: &str, reason: &str, verdicts: impl IntoIterator<Item = Verdict>) {
        let blocking = verdicts.into_iter().find(|verdict| !verdict.is_true());
        self.set(type_, blocking.unwrap_or_else(|| Verdict::yes(reason)));
    }
}

/// Whether a condition holds for all Machines; the reason is that of the first for which it does not.
pub(crate) fn of_machines<'a>(machines: impl IntoIterator<Item = &'a Machine>, type_: &str, good: &str) -> Verdict {
    let (mut reason, mut messages, mut others) = (None, Vec::new(), 0);
    for machine in machines {
        let verdict = Verdict::of(machine.condition(type_), "NotYetReported", "");
        if verdict.is_true() {
            continue;
        }
        if messages.len() < NAMED_MACHINES {
            messages.push(line(&machine.name_any(), &verdict));
        } else {
            others += 1;
        }
        reason.get_or_insert(verdict.reason);
    }
    let Some(reason) = reason else {
        return Verdict::yes(good);
    };
    if others > 0 {
        messages.push(format!("and {others} more"));
    }
    Verdict::no(&reason, messages.join("; "))
}

fn line(machine: &str, verdict: &Verdict) -> String {
    if verdict.message.is_empty() {
        format!("Machine {machine}: {}", verdict.reason)
    } else {
        format!("Machine {machine}: {}: {}", verdict.reason, verdict.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capi::{MachineSpec, condition::READY};

    fn machine(name: &str, verdict: Verdict) -> Machine {
        let mut machine = Machine::new(name, MachineSpec::default());
        Setter::new(&mut machine.status.conditions, None).set(READY, verdict);
        machine
    }

    #[test]
    fn the_first_reason_that_blocks_is_carried_up_with_its_machine() {
        let machines = [
            machine("a", Verdict::yes("Ready")),
            machine(
                "b",
                Verdict::no(
                    "VirtualMachineClassNotFound",
                    "class \"huge\" is not in namespace team-a",
                ),
            ),
            machine("c", Verdict::no("WaitingForBIOSUUID", "")),
        ];
        let verdict = of_machines(&machines, READY, "Ready");
        assert_eq!(verdict.reason, "VirtualMachineClassNotFound");
        assert_eq!(
            verdict.message,
            "Machine b: VirtualMachineClassNotFound: class \"huge\" is not in namespace team-a; Machine c: WaitingForBIOSUUID"
        );
        assert!(of_machines(&machines[..1], READY, "Ready").is_true());
    }

    #[test]
    fn many_machines_do_not_make_a_long_message() {
        let machines: Vec<_> = (0..50)
            .map(|n| machine(&format!("m{n}"), Verdict::no("Starting", "")))
            .collect();
        let verdict = of_machines(&machines, READY, "Ready");
        assert!(verdict.message.ends_with("; and 47 more"), "{}", verdict.message);
    }
}
