//! Which Machines a set creates or deletes next. Pure.

use crate::machine::replicas::is_deleting;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{DELETE_MACHINE_ANNOTATION, Machine, condition};
use jiff::Timestamp;
use kube::ResourceExt;
use std::cmp::Reverse;

/// So many Machines are made at a time: whatever number is asked for, there is an end to what is held in memory.
const AT_ONCE: usize = 256;

/// What a set does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// The number is right.
    Nothing,
    /// Creates so many Machines; what is still missing then follows when these are there.
    Create(usize),
    /// Deletes the Machines of these names.
    Delete(Vec<String>),
}

/// Which of several equal Machines goes first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Order {
    /// Any.
    Random,
    /// The youngest.
    Newest,
    /// The oldest.
    Oldest,
}

impl Order {
    /// As in `spec.deletion.order`; anything else is `Random`.
    pub(crate) fn of(text: Option<&str>) -> Self {
        match text {
            Some("Newest") => Self::Newest,
            Some("Oldest") => Self::Oldest,
            _ => Self::Random,
        }
    }
}

/// What counts of a Machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) deleting: bool,
    pub(crate) marked: bool,
    pub(crate) ready: bool,
    pub(crate) created: Timestamp,
}

impl Member {
    pub(crate) fn of(machine: &Machine) -> Self {
        Self {
            name: machine.name_any(),
            deleting: is_deleting(machine),
            marked: machine.annotations().contains_key(DELETE_MACHINE_ANNOTATION),
            ready: machine.is_true(condition::READY),
            created: machine.creation_timestamp().map_or(Timestamp::MIN, |time| time.0),
        }
    }
}

/// The next action. Machines that are being deleted are not counted, as pods of a ReplicaSet are not.
pub(crate) fn decide(members: &[Member], wanted: usize, order: Order) -> Action {
    let mut live: Vec<_> = members.iter().filter(|member| !member.deleting).collect();
    if live.len() < wanted {
        return Action::Create((wanted - live.len()).min(AT_ONCE));
    }
    let surplus = live.len() - wanted;
    if surplus == 0 {
        return Action::Nothing;
    }
    live.sort_by_key(|member| {
        let age = match order {
            Order::Random => 0,
            Order::Newest => -member.created.as_second(),
            Order::Oldest => member.created.as_second(),
        };
        (Reverse(member.marked), member.ready, age, member.name.as_str())
    });
    Action::Delete(live[..surplus].iter().map(|member| member.name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(name: &str, created: i64) -> Member {
        let created = Timestamp::from_second(created).unwrap();
        Member {
            name: name.to_owned(),
            deleting: false,
            marked: false,
            ready: true,
            created,
        }
    }

    fn deleted(members: &[Member], wanted: usize, order: Order) -> Vec<String> {
        match decide(members, wanted, order) {
            Action::Delete(names) => names,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn machines_that_are_marked_or_not_ready_go_first_then_by_age() {
        let mut members = [member("a", 1), member("b", 2), member("c", 3), member("d", 4)];
        assert_eq!(deleted(&members, 3, Order::Oldest), ["a"]);
        assert_eq!(deleted(&members, 3, Order::Newest), ["d"]);
        assert_eq!(deleted(&members, 3, Order::Random), ["a"]);
        members[1].ready = false;
        assert_eq!(deleted(&members, 2, Order::Newest), ["b", "d"]);
        members[2].marked = true;
        assert_eq!(deleted(&members, 3, Order::Newest), ["c"]);
    }

    #[test]
    fn a_machine_that_is_being_deleted_is_replaced_and_not_deleted_again() {
        let mut members = [member("a", 1), member("b", 2)];
        members[0].deleting = true;
        assert_eq!(decide(&members, 2, Order::Random), Action::Create(1));
        assert_eq!(decide(&members, 1, Order::Random), Action::Nothing);
        assert_eq!(deleted(&members, 0, Order::Random), ["b"]);
    }

    #[test]
    fn whatever_number_is_asked_for_there_is_an_end_to_what_is_made_at_a_time() {
        assert_eq!(decide(&[], AT_ONCE, Order::Random), Action::Create(AT_ONCE));
        assert_eq!(decide(&[], AT_ONCE + 1, Order::Random), Action::Create(AT_ONCE));
        assert_eq!(
            decide(&[member("a", 1)], usize::MAX, Order::Random),
            Action::Create(AT_ONCE)
        );
    }

    proptest! {
        #[test]
        fn the_number_is_right_after_one_action(flags in proptest::collection::vec(any::<(bool, bool, bool)>(), 0..12), wanted in 0_usize..12) {
            let members: Vec<_> = flags.iter().enumerate().map(|(n, (deleting, marked, ready))| {
                Member { deleting: *deleting, marked: *marked, ready: *ready, ..member(&format!("m{n}"), i64::try_from(n).unwrap()) }
            }).collect();
            let live = members.iter().filter(|member| !member.deleting).count();
            let after = match decide(&members, wanted, Order::Oldest) {
                Action::Nothing => live,
                Action::Create(count) => live + count,
                Action::Delete(names) => {
                    let ready_kept = members.iter().any(|m| !m.deleting && !m.ready && !m.marked && !names.contains(&m.name));
                    let ready_gone = members.iter().any(|m| m.ready && !m.marked && names.contains(&m.name));
                    prop_assert!(!(ready_kept && ready_gone), "a ready machine went before one that is not");
                    live - names.len()
                }
            };
            prop_assert_eq!(after, wanted);
        }
    }
}
