use super::*;
use proptest::prelude::*;

fn bounds(wanted: i32, surge: i32, unavailable: i32) -> Bounds {
    Bounds::new(
        wanted,
        Some(&IntOrString::Int(surge)),
        Some(&IntOrString::Int(unavailable)),
        false,
    )
}

fn set(wanted: i32, available: i32) -> Counts {
    Counts {
        wanted,
        existing: wanted,
        available,
    }
}

#[test]
fn percentages_round_up_for_surge_and_down_for_unavailable() {
    let percent = |text: &str| IntOrString::String(text.to_owned());
    let bounds = Bounds::new(5, Some(&percent("25%")), Some(&percent("25%")), false);
    assert_eq!((bounds.surge, bounds.unavailable), (2, 1));
    let bounds = Bounds::new(5, Some(&percent("0%")), Some(&percent("10%")), false);
    assert_eq!(
        (bounds.surge, bounds.unavailable),
        (0, 1),
        "one of them must be above 0"
    );
    let bounds = Bounds::new(5, Some(&percent("nonsense")), None, false);
    assert_eq!((bounds.surge, bounds.unavailable), (0, 1));
    let bounds = Bounds::new(5, None, None, false);
    assert_eq!((bounds.surge, bounds.unavailable), (1, 0));
}

#[test]
fn a_first_set_gets_all_at_once_and_scaling_is_direct() {
    assert_eq!(decide(bounds(5, 1, 0), set(0, 0), &[]), (5, vec![]));
    assert_eq!(decide(bounds(2, 1, 0), set(5, 5), &[]), (2, vec![]));
}

#[test]
fn a_rollout_adds_within_the_surge_and_removes_what_is_replaced() {
    let one = bounds(3, 1, 0);
    assert_eq!(decide(one, set(0, 0), &[set(3, 3)]), (1, vec![3]));
    assert_eq!(
        decide(one, set(1, 0), &[set(3, 3)]),
        (1, vec![3]),
        "the new one is not available yet"
    );
    assert_eq!(decide(one, set(1, 1), &[set(3, 3)]), (1, vec![2]));
    assert_eq!(decide(one, set(1, 1), &[set(2, 2)]), (2, vec![2]));
    assert_eq!(decide(one, set(3, 3), &[set(1, 1)]), (3, vec![0]));
}

#[test]
fn without_surge_an_old_machine_goes_first() {
    let none = bounds(3, 0, 1);
    assert_eq!(decide(none, set(0, 0), &[set(3, 3)]), (0, vec![2]));
    assert_eq!(decide(none, set(0, 0), &[set(2, 2)]), (1, vec![2]));
    assert_eq!(decide(none, set(1, 0), &[set(2, 2)]), (1, vec![2]));
}

#[test]
fn machines_that_never_came_up_go_as_soon_as_the_new_ones_are_there() {
    let one = bounds(3, 1, 0);
    assert_eq!(
        decide(one, set(0, 0), &[set(3, 0)]),
        (1, vec![3]),
        "they might still come up"
    );
    assert_eq!(decide(one, set(1, 1), &[set(3, 0)]), (1, vec![2]));
    assert_eq!(
        decide(one, set(1, 1), &[set(1, 1), set(2, 0)]),
        (1, vec![1, 1]),
        "those that serve stay"
    );
}

#[test]
fn on_delete_replaces_only_what_somebody_deleted() {
    let bounds = Bounds::new(3, None, None, true);
    assert_eq!(decide(bounds, set(0, 0), &[set(3, 3)]), (0, vec![3]));
    let two_of_three = Counts {
        existing: 2,
        ..set(3, 2)
    };
    assert_eq!(decide(bounds, set(0, 0), &[two_of_three]), (1, vec![2]));
    assert_eq!(
        decide(bounds, set(1, 0), &[set(2, 2)]),
        (1, vec![2]),
        "nothing more was deleted"
    );
    let none_of_two = Counts {
        existing: 0,
        ..set(2, 0)
    };
    assert_eq!(decide(bounds, set(1, 1), &[none_of_two]), (3, vec![0]));
    let fewer = Bounds::new(1, None, None, true);
    assert_eq!(decide(fewer, set(0, 0), &[set(3, 3)]), (0, vec![1]), "fewer are wanted");
    assert_eq!(decide(fewer, set(1, 1), &[set(2, 2)]), (1, vec![0]));
    let more = Bounds::new(5, None, None, true);
    assert_eq!(
        decide(more, set(0, 0), &[set(3, 3)]),
        (2, vec![3]),
        "more are of the new template"
    );
}

#[test]
fn while_it_is_paused_only_the_number_changes() {
    let cases = [
        // Wanted, surge, unavailable, the sets before and after.
        (3, 1, 0, vec![3], vec![3]),
        (5, 1, 0, vec![3], vec![5]),
        (2, 1, 0, vec![0, 3], vec![0, 2]),
        (2, 1, 0, vec![0], vec![2]),
        (0, 1, 0, vec![2, 2], vec![0, 0]),
        // A rollout that is under way stays where it is.
        (3, 1, 0, vec![2, 2], vec![2, 2]),
        (3, 0, 1, vec![1, 1], vec![1, 1]),
        (8, 1, 0, vec![2, 2], vec![4, 4]),
        (5, 1, 0, vec![2, 2], vec![2, 3]),
        (4, 1, 0, vec![6, 3], vec![3, 2]),
        (3, 1, 0, vec![], vec![]),
    ];
    for (wanted, surge, unavailable, before, after) in cases {
        assert_eq!(
            rescale(bounds(wanted, surge, unavailable), &before),
            after,
            "{wanted} {before:?}"
        );
    }
}

/// One set and its Machines, as the set's own reconciler keeps them.
#[derive(Clone, Debug)]
struct Simulated {
    wanted: i32,
    ready: i32,
    starting: i32,
    reported: i32,
}

impl Simulated {
    /// The set's reconciler: Machines that are not ready go first.
    fn settle(&mut self) {
        while self.ready + self.starting > self.wanted {
            if self.starting > 0 {
                self.starting -= 1;
            } else {
                self.ready -= 1;
            }
        }
        self.starting += self.wanted - self.ready - self.starting;
    }

    fn counts(&self) -> Counts {
        Counts {
            wanted: self.wanted,
            existing: self.ready + self.starting,
            available: self.reported,
        }
    }
}

proptest! {
    /// Whatever the order in which machines start and statuses arrive: enough stay available, not too many exist, and
    /// in the end only the new set is left.
    #[test]
    fn a_rollout_keeps_its_bounds_and_ends(
        wanted in 1_i32..8, surge in 0_i32..4, unavailable in 0_i32..4,
        steps in proptest::collection::vec((0_u8..4, 0_usize..3), 0..200),
    ) {
        let bounds = bounds(wanted, surge, unavailable);
        let first = wanted / 2;
        let ready = |count| Simulated { wanted: count, ready: count, starting: 0, reported: count };
        // Two old sets: the remains of a rollout that another one overtook.
        let mut sets = [ready(first), ready(wanted - first), ready(0)];
        let enough = wanted - bounds.unavailable;
        let check = |sets: &[Simulated; 3]| {
            let ready: i32 = sets.iter().map(|set| set.ready).sum();
            let all: i32 = sets.iter().map(|set| set.ready + set.starting).sum();
            prop_assert!(ready >= enough, "{ready} of {wanted} ready: {sets:?}");
            prop_assert!(all <= wanted + bounds.surge, "{all} exist for {wanted}: {sets:?}");
            Ok(())
        };
        let decide_now = |sets: &mut [Simulated; 3]| {
            let (new, old) = decide(bounds, sets[2].counts(), &[sets[0].counts(), sets[1].counts()]);
            (sets[0].wanted, sets[1].wanted, sets[2].wanted) = (old[0], old[1], new);
        };
        for (step, which) in steps {
            let set = &mut sets[which];
            match step {
                0 => decide_now(&mut sets),
                1 => set.settle(),
                2 if set.starting > 0 => { set.starting -= 1; set.ready += 1; }
                2 => {}
                _ => set.reported = set.ready,
            }
            // What the sets were told but have not done yet must be within bounds too.
            let mut settled = sets.clone();
            settled.iter_mut().for_each(Simulated::settle);
            check(&settled)?;
        }
        for _ in 0..100 {
            decide_now(&mut sets);
            for set in &mut sets {
                set.settle();
                set.ready += std::mem::take(&mut set.starting);
                set.reported = set.ready;
            }
            check(&sets)?;
        }
        prop_assert_eq!((sets[0].ready, sets[1].ready, sets[2].ready), (0, 0, wanted));
    }
}

#[test]
fn the_largest_numbers_there_are_overflow_nothing() {
    let most = i32::MAX;
    for unavailable in [0, 1, most] {
        for surge in [0, 1, most] {
            for on_delete in [false, true] {
                let bounds = |wanted| {
                    let (surge, unavailable) = (IntOrString::Int(surge), IntOrString::Int(unavailable));
                    Bounds::new(wanted, Some(&surge), Some(&unavailable), on_delete)
                };
                for wanted in [0, 1, most] {
                    let set = |wanted, existing| Counts {
                        wanted,
                        existing,
                        available: existing,
                    };
                    for old in [
                        vec![],
                        vec![set(most, most)],
                        vec![set(most, 3), set(most, most), set(0, 0)],
                    ] {
                        for new in [Counts::default(), set(most, 0), set(most, most)] {
                            let (next, _) = decide(bounds(wanted), new, &old);
                            assert!((0..=most).contains(&next));
                        }
                        let wishes: Vec<_> = old.iter().map(|set| set.wanted).collect();
                        rescale(bounds(wanted), &wishes);
                    }
                }
            }
        }
    }
}
