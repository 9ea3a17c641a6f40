use super::*;
use proptest::prelude::*;

fn member(name: &str, created: i64) -> Member {
    Member {
        name: name.to_owned(),
        deleting: false,
        up_to_date: true,
        ready: true,
        joined: true,
        marked: false,
        crowd: 0,
        created: Timestamp::from_second(created).unwrap(),
    }
}

fn three() -> [Member; 3] {
    [member("a", 1), member("b", 2), member("c", 3)]
}

fn bounds(wanted: usize) -> Bounds {
    Bounds {
        wanted,
        surge: 1,
        initialized: true,
        replacing: false,
    }
}

fn delete(name: &str) -> Action {
    Action::Delete(name.to_owned())
}

fn wait(name: &str) -> Action {
    Action::Wait(name.to_owned())
}

#[test]
fn the_first_machine_begins_and_the_others_join_one_at_a_time() {
    let new = Bounds {
        initialized: false,
        ..bounds(3)
    };
    assert_eq!(decide(&[], new), Action::Begin);
    let starting = Member {
        ready: false,
        joined: false,
        ..member("a", 1)
    };
    assert_eq!(decide(std::slice::from_ref(&starting), new), wait("a"));
    assert_eq!(
        decide(&[starting], bounds(3)),
        wait("a"),
        "initialized, but not a ready Node yet"
    );
    assert_eq!(decide(&three()[..1], bounds(3)), Action::Join);
    let joining = Member {
        ready: false,
        joined: false,
        ..member("b", 2)
    };
    assert_eq!(decide(&[member("a", 1), joining], bounds(3)), wait("b"));
    assert_eq!(decide(&three(), bounds(3)), Action::Nothing);
}

#[test]
fn scaling_down_takes_the_marked_the_unwell_and_then_the_oldest() {
    assert_eq!(decide(&three(), bounds(1)), delete("a"));
    let mut members = three();
    members[1].ready = false;
    assert_eq!(decide(&members, bounds(1)), delete("b"), "the others are well");
    let mut crowded = three();
    crowded[1].crowd = 2;
    assert_eq!(
        decide(&crowded, bounds(1)),
        delete("b"),
        "from the domain with the most"
    );
    members[2].marked = true;
    assert_eq!(
        decide(&members, bounds(1)),
        wait("b"),
        "c goes only when the rest is well"
    );
    members[0].deleting = true;
    assert_eq!(decide(&members, bounds(1)), wait("a"));
}

#[test]
fn a_replacement_joins_beside_others_that_are_unwell_if_the_quorum_bears_it() {
    let replacing = Bounds {
        replacing: true,
        ..bounds(5)
    };
    let mut members = vec![member("a", 1), member("b", 2), member("c", 3), member("d", 4)];
    members[1].ready = false;
    assert_eq!(decide(&members, bounds(5)), wait("b"));
    assert_eq!(decide(&members, replacing), Action::Join);
    members[2].ready = false;
    assert_eq!(
        decide(&members, replacing),
        wait("b"),
        "one more that fails would be too many"
    );
}

#[test]
fn a_rollout_adds_one_and_then_removes_an_old_one() {
    let mut members = three().to_vec();
    for member in &mut members {
        member.up_to_date = false;
    }
    assert_eq!(decide(&members, bounds(3)), Action::Join);
    members.push(Member {
        ready: false,
        joined: false,
        ..member("d", 4)
    });
    assert_eq!(decide(&members, bounds(3)), wait("d"));
    members[3] = member("d", 4);
    assert_eq!(decide(&members, bounds(3)), delete("a"));
    assert_eq!(decide(&members[1..], bounds(3)), Action::Join);
}

#[test]
fn without_surge_an_old_one_goes_first() {
    let mut members = three().to_vec();
    for member in &mut members {
        member.up_to_date = false;
    }
    let none = Bounds { surge: 0, ..bounds(3) };
    assert_eq!(decide(&members, none), delete("a"));
    assert_eq!(decide(&members[1..], none), Action::Join);
}

#[test]
fn a_machine_that_never_joined_is_replaced_when_the_spec_changes() {
    // A class that does not exist, and then one that does.
    let stuck = Member {
        ready: false,
        joined: false,
        up_to_date: false,
        ..member("a", 1)
    };
    assert_eq!(
        decide(
            std::slice::from_ref(&stuck),
            Bounds {
                initialized: false,
                ..bounds(1)
            }
        ),
        delete("a")
    );
    let mut members = three().to_vec();
    members.push(Member {
        name: "d".to_owned(),
        ..stuck
    });
    assert_eq!(
        decide(&members, bounds(3)),
        delete("d"),
        "back from an upgrade whose first machine does not start"
    );
}

/// What the rest of the system does in one step.
#[derive(Clone, Copy, Debug)]
enum Event {
    Decide,
    Progress(usize),
    Template,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![4 => Just(Event::Decide), 4 => (0_usize..6).prop_map(Event::Progress), 1 => Just(Event::Template)]
}

struct Simulated {
    members: Vec<Member>,
    bounds: Bounds,
    clock: i64,
}

impl Simulated {
    fn decide(&mut self) -> Result<bool, TestCaseError> {
        let action = decide(&self.members, self.bounds);
        match &action {
            Action::Nothing | Action::Wait(_) => return Ok(false),
            Action::Begin => {
                prop_assert!(self.members.is_empty());
                self.add();
            }
            Action::Join => {
                prop_assert!(
                    self.bounds.initialized && self.members.iter().all(|member| member.ready && !member.deleting)
                );
                self.add();
                prop_assert!(self.members.len() <= self.bounds.wanted + self.bounds.surge);
            }
            Action::Delete(name) => {
                let going = self.members.iter().position(|member| member.name == *name).unwrap();
                if self.members[going].joined {
                    prop_assert!(
                        self.members
                            .iter()
                            .enumerate()
                            .all(|(n, member)| n == going || member.ready)
                    );
                    prop_assert!(self.members.len() > 1 || self.bounds.wanted == 0, "the last one went");
                }
                self.members[going].deleting = true;
            }
        }
        Ok(true)
    }

    fn add(&mut self) {
        self.clock += 1;
        self.members.push(Member {
            ready: false,
            joined: false,
            ..member(&format!("m{}", self.clock), self.clock)
        });
    }

    fn progress(&mut self, at: usize) {
        let Some(member) = self.members.get_mut(at) else { return };
        if member.deleting {
            self.members.remove(at);
            return;
        }
        (member.joined, member.ready) = (true, true);
        self.bounds.initialized = true;
    }
}

proptest! {
    /// In any order of events one change is made at a time, the last member never goes, and in the end all is as wanted.
    #[test]
    fn a_control_plane_stays_alive_and_ends_as_wanted(
        wanted in prop_oneof![Just(1_usize), Just(3), Just(5)], then in prop_oneof![Just(1_usize), Just(3), Just(5)],
        surge in 0_usize..2, events in proptest::collection::vec(event(), 0..120),
    ) {
        // Upstream refuses a rollout without surge for a single machine: it would have to delete the only one.
        let surge = if wanted == 1 || then == 1 { 1 } else { surge };
        let mut simulated = Simulated { members: Vec::new(), bounds: Bounds { wanted, surge, initialized: false, replacing: false }, clock: 0 };
        for (n, event) in events.iter().enumerate() {
            if n == events.len() / 2 {
                simulated.bounds.wanted = then;
            }
            match event {
                Event::Decide => drop(simulated.decide()?),
                Event::Progress(at) => simulated.progress(*at),
                Event::Template => simulated.members.iter_mut().for_each(|member| member.up_to_date = false),
            }
        }
        simulated.bounds.wanted = then;
        for _ in 0..200 {
            simulated.decide()?;
            for at in (0..simulated.members.len()).rev() {
                simulated.progress(at);
            }
        }
        prop_assert_eq!(simulated.members.len(), then);
        prop_assert!(simulated.members.iter().all(|member| member.ready && member.up_to_date && !member.deleting));
    }
}
