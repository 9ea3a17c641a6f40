//! What was asked, answered and shown, and what that says about writes.

use std::{collections::BTreeMap, time::Instant};

/// An object as a list or an event shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) change: Option<u32>,
    pub(crate) revision: u64,
}

/// What an object must be by all that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Change(u32),
    /// The answer to a change is missing.
    Between(u32, u32),
    Gone,
    /// The answer to its creation or deletion is missing.
    Unknown,
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) requests: usize,
    pub(crate) failures: Vec<(Instant, String)>,
    /// Reads that did not show the reader's own last write.
    pub(crate) stale: usize,
    /// Watches that had to list anew.
    pub(crate) relists: usize,
    /// Acknowledged writes that are not there, or that the watch has not shown.
    pub(crate) lost: Vec<String>,
    /// Events that were shown twice or out of order.
    pub(crate) doubled: Vec<String>,
    expected: BTreeMap<String, State>,
    shown: BTreeMap<String, Shown>,
}

#[derive(Clone, Debug)]
struct Shown {
    last: Seen,
    is_gone: bool,
}

impl Record {
    pub(crate) fn expect(&mut self, name: &str, state: State) {
        self.expected.insert(name.to_owned(), state);
    }

    /// Nothing is there any more of what was written before.
    pub(crate) fn expect_none(&mut self) {
        self.expected.values_mut().for_each(|state| *state = State::Gone);
    }

    /// What a watcher finds that begins anew: what it does not find is gone.
    pub(crate) fn list(&mut self, found: Vec<Seen>) {
        self.shown.values_mut().for_each(|shown| shown.is_gone = true);
        for seen in found {
            let before = self.shown.get(&seen.name).map(|shown| shown.last.clone());
            if let Some(before) = before.filter(|before| before.revision > seen.revision) {
                self.doubled.push(format!("{seen:?} listed after {before:?}"));
            }
            self.shown.insert(
                seen.name.clone(),
                Shown {
                    last: seen,
                    is_gone: false,
                },
            );
        }
    }

    /// An event of the watch.
    pub(crate) fn show(&mut self, seen: Seen, is_gone: bool) {
        if let Some(before) = self.shown.get(&seen.name)
            && before.last.revision >= seen.revision
        {
            self.doubled.push(format!("{seen:?} after {before:?}"));
        }
        self.shown.insert(seen.name.clone(), Shown { last: seen, is_gone });
    }

    /// Whether the watch has shown all that a list has, and what is gone as gone.
    pub(crate) fn has_shown(&self, found: &[Seen]) -> bool {
        self.not_shown(found).is_empty()
    }

    fn not_shown(&self, found: &[Seen]) -> Vec<String> {
        let found: BTreeMap<&str, &Seen> = found.iter().map(|seen| (seen.name.as_str(), seen)).collect();
        let missing = found.values().filter(|seen| {
            self.shown
                .get(&seen.name)
                // Controllers may have written it since.
                .is_none_or(|shown| {
                    shown.is_gone || shown.last.change != seen.change || shown.last.revision < seen.revision
                })
        });
        let missing =
            missing.map(|seen| format!("{seen:?} is not what the watch shows: {:?}", self.shown.get(&seen.name)));
        let ours = |name: &str| self.expected.contains_key(name);
        let lingering = self
            .shown
            .iter()
            .filter(|(name, shown)| ours(name) && !shown.is_gone && !found.contains_key(name.as_str()));
        let lingering = lingering.map(|(name, _)| format!("the watch still shows {name}"));
        missing.chain(lingering).collect()
    }

    /// Compares with a list of everything.
    pub(crate) fn judge(&mut self, found: &[Seen]) {
        let by_name: BTreeMap<&str, Option<u32>> = found.iter().map(|seen| (seen.name.as_str(), seen.change)).collect();
        for (name, state) in &self.expected {
            let now = by_name.get(name.as_str()).copied();
            let is_right = match state {
                State::Change(change) => now == Some(Some(*change)),
                State::Between(before, after) => now == Some(Some(*before)) || now == Some(Some(*after)),
                State::Gone => now.is_none(),
                State::Unknown => true,
            };
            if !is_right {
                self.lost.push(format!("{name} must be {state:?} and is {now:?}"));
            }
        }
        let not_shown = self.not_shown(found);
        self.lost.extend(not_shown);
        let unknown = found.iter().filter(|seen| !self.expected.contains_key(&seen.name));
        self.doubled
            .extend(unknown.map(|seen| format!("nobody made {}", seen.name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, change: u32, revision: u64) -> Seen {
        Seen {
            name: name.to_owned(),
            change: Some(change),
            revision,
        }
    }

    fn judged(expected: &[(&str, State)], events: &[(Seen, bool)], found: &[Seen]) -> (usize, usize) {
        let mut record = Record::default();
        for (name, state) in expected {
            record.expect(name, *state);
        }
        events
            .iter()
            .cloned()
            .for_each(|(seen, is_gone)| record.show(seen, is_gone));
        record.judge(found);
        (record.lost.len(), record.doubled.len())
    }

    #[test]
    fn what_was_acknowledged_must_be_there_and_shown_once() {
        let events = [(seen("a", 0, 1), false), (seen("a", 1, 2), false)];
        assert_eq!(judged(&[("a", State::Change(1))], &events, &[seen("a", 1, 2)]), (0, 0));
        assert_eq!(
            judged(&[("a", State::Between(0, 1))], &events, &[seen("a", 1, 2)]),
            (0, 0)
        );
        // An older state, a lost object, one that came back, one that the watch has not shown.
        assert_eq!(judged(&[("a", State::Change(2))], &events, &[seen("a", 1, 2)]), (1, 0));
        assert_eq!(judged(&[("a", State::Change(1))], &events, &[]), (2, 0));
        assert_eq!(judged(&[("a", State::Gone)], &events, &[seen("a", 1, 2)]), (1, 0));
        assert_eq!(
            judged(&[("a", State::Change(1))], &events[..1], &[seen("a", 1, 2)]),
            (1, 0)
        );
        let twice = [events[0].clone(), events[1].clone(), events[1].clone()];
        assert_eq!(judged(&[("a", State::Change(1))], &twice, &[seen("a", 1, 2)]), (0, 1));
        let gone = [events[0].clone(), (seen("a", 0, 3), true)];
        assert_eq!(judged(&[("a", State::Gone)], &gone, &[]), (0, 0));
        assert_eq!(judged(&[("a", State::Unknown)], &gone[..1], &[seen("a", 0, 1)]), (0, 0));
    }

    #[test]
    fn a_watcher_that_lists_anew_forgets_what_is_gone_and_never_goes_back() {
        let mut record = Record::default();
        record.expect("a", State::Change(1));
        record.expect("b", State::Change(0));
        record.show(seen("a", 1, 5), false);
        record.show(seen("b", 0, 6), false);
        record.expect_none();
        record.list(vec![seen("a", 1, 5)]);
        assert!(record.doubled.is_empty(), "the same again is nothing new");
        assert!(record.has_shown(&[seen("a", 1, 5)]));
        record.judge(&[seen("a", 1, 5)]);
        assert_eq!(record.lost.len(), 1, "a has come back: {:?}", record.lost);
        record.list(vec![seen("a", 0, 4)]);
        assert_eq!(record.doubled.len(), 1);
    }
}
