//! Replaces the unwell Machines of a set: they are deleted, and the set makes others.

use super::machines;
use crate::machine::conditions::Verdict;
use crate::machine::context::{Context, in_namespace_of};
use crate::machine::error::Error;
use crate::machine::machine_deployment;
use crate::machine::remediation::{deferred, deleting, forget, is_due, refused, tell};
use crate::machine::replicas::{amount, is_deleting};
use crate::machine::writes::controller_of;
use guestcluster_types::upstream::capi::{Machine, MachineDeployment, MachineSet, REMEDIATE_MACHINE_ANNOTATION};
use jiff::Timestamp;
use kube::ResourceExt;
use std::cmp::Reverse;
use std::sync::Arc;

pub(super) async fn proceed(context: &Context, set: &MachineSet, hold: Option<&str>) -> Result<(), Error> {
    for machine in machines(context, set) {
        forget(context, &machine).await?;
    }
    let machines = machines(context, set);
    let Some(bounds) = bounds(context, set) else {
        return Ok(());
    };
    let due: Vec<_> = machines
        .iter()
        .filter(|machine| is_due(machine))
        .map(Patient::of)
        .collect();
    if due.is_empty() {
        return Ok(());
    }
    for (name, verdict) in decide(due, bounds) {
        let Some(machine) = machines.iter().find(|machine| machine.name_any() == name) else {
            continue;
        };
        // Nothing could follow it.
        let verdict = match hold {
            Some(what) if verdict == deleting() => deferred(what),
            _ => verdict,
        };
        let goes = verdict == deleting();
        // Said first: of a Machine that is being deleted nobody asks any more why.
        tell(context, machine, verdict).await?;
        if goes {
            context.machines.delete(machine).await?;
        }
    }
    Ok(())
}

/// What counts of a Machine that is to be replaced.
#[derive(Clone, Debug)]
struct Patient {
    name: String,
    /// Its deletion is under way.
    is_going: bool,
    /// Somebody asked for it by hand.
    is_asked: bool,
    created: Timestamp,
}

impl Patient {
    fn of(machine: &Arc<Machine>) -> Self {
        Self {
            name: machine.name_any(),
            is_going: is_deleting(&**machine),
            is_asked: machine.annotations().contains_key(REMEDIATE_MACHINE_ANNOTATION),
            created: machine.creation_timestamp().map_or(Timestamp::MIN, |time| time.0),
        }
    }
}

/// What bounds the replacements of a set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Bounds {
    /// The set is of an older template: its Machines go by the rollout anyway.
    is_outdated: bool,
    /// How many may go at a time.
    at_a_time: Option<usize>,
}

/// None if the set's deployment is not known.
fn bounds(context: &Context, set: &MachineSet) -> Option<Bounds> {
    let Some(owner) = controller_of::<MachineDeployment>(&set.metadata) else {
        return Some(Bounds {
            is_outdated: false,
            at_a_time: None,
        });
    };
    let deployment = context.deployments.get(&in_namespace_of(set, &owner.name))?;
    let wanted = deployment.spec.replicas.unwrap_or(1);
    let at_a_time = deployment.spec.remediation.max_in_flight.as_ref();
    Some(Bounds {
        is_outdated: !machine_deployment::is_up_to_date(&deployment, set),
        at_a_time: at_a_time.map(|bound| usize::try_from(amount(bound, wanted, true)).unwrap_or_default()),
    })
}

/// What is said at each Machine that is not going yet; [`deleting`] means that it goes now. First those that somebody
/// asked for, then the youngest: one that does not come up has the least to lose.
fn decide(due: Vec<Patient>, bounds: Bounds) -> Vec<(String, Verdict)> {
    let (going, mut due): (Vec<_>, Vec<_>) = due.into_iter().partition(|patient| patient.is_going);
    due.sort_by(|one, other| {
        let key = |patient: &Patient| (!patient.is_asked, Reverse(patient.created));
        key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
    });
    let mut tokens = bounds
        .at_a_time
        .map_or(usize::MAX, |at_a_time| at_a_time.saturating_sub(going.len()));
    let verdict = |_: &Patient| {
        if bounds.is_outdated {
            return refused("the rollout replaces it, as it does all Machines of an older template");
        }
        if tokens == 0 {
            let most = bounds.at_a_time.unwrap_or_default();
            return deferred(format!(
                "others are being replaced; spec.remediation.maxInFlight of the MachineDeployment allows {most} at a time"
            ));
        }
        tokens -= 1;
        deleting()
    };
    let verdicts: Vec<_> = due.iter().map(verdict).collect();
    due.into_iter().map(|patient| patient.name).zip(verdicts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient(name: &str, created: i64) -> Patient {
        Patient {
            name: name.to_owned(),
            is_going: false,
            is_asked: false,
            created: Timestamp::from_second(created).unwrap(),
        }
    }

    fn bounds(at_a_time: Option<usize>) -> Bounds {
        Bounds {
            is_outdated: false,
            at_a_time,
        }
    }

    /// Names and reasons in the order of the decision.
    fn decided(due: &[Patient], bounds: Bounds) -> Vec<(String, String)> {
        let decided = decide(due.to_vec(), bounds).into_iter();
        decided.map(|(name, verdict)| (name, verdict.reason)).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(name, reason)| ((*name).to_owned(), (*reason).to_owned()))
            .collect()
    }

    #[test]
    fn without_a_bound_all_go_at_once() {
        let due = [patient("a", 1), patient("b", 2)];
        let expected = pairs(&[("b", "MachineDeleting"), ("a", "MachineDeleting")]);
        assert_eq!(decided(&due, bounds(None)), expected);
    }

    #[test]
    fn a_bound_lets_those_go_first_that_were_asked_for_and_then_the_youngest() {
        let mut due = [patient("a", 1), patient("b", 2), patient("c", 3), patient("d", 3)];
        due[0].is_asked = true;
        let expected = pairs(&[
            ("a", "MachineDeleting"),
            ("c", "MachineDeleting"),
            ("d", "RemediationDeferred"),
            ("b", "RemediationDeferred"),
        ]);
        assert_eq!(decided(&due, bounds(Some(2))), expected);
        due[3].is_going = true;
        let expected = pairs(&[
            ("a", "MachineDeleting"),
            ("c", "RemediationDeferred"),
            ("b", "RemediationDeferred"),
        ]);
        assert_eq!(decided(&due, bounds(Some(2))), expected, "one is going already");
        due[1].is_going = true;
        due[2].is_going = true;
        let expected = pairs(&[("a", "RemediationDeferred")]);
        assert_eq!(decided(&due, bounds(Some(2))), expected, "more are going than may");
    }

    #[test]
    fn machines_of_an_older_template_are_left_to_the_rollout() {
        let outdated = Bounds {
            is_outdated: true,
            at_a_time: None,
        };
        let expected = pairs(&[("a", "CannotBeRemediated")]);
        assert_eq!(decided(&[patient("a", 1)], outdated), expected);
    }
}
