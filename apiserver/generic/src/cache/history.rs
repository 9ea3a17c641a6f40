//! The recent events of one resource, and older states rebuilt from them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::map::Map;
use super::{Event, EventKind};
use crate::storage::Revision;

/// Older states that are kept once somebody asked for them (continue tokens ask again and again).
const KEPT_STATES: usize = 8;

/// Asked for a revision before the history that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {requested} is too old; the oldest kept is {oldest}")]
pub struct Expired {
    /// What was asked for.
    pub requested: Revision,
    /// The oldest revision that can be served.
    pub oldest: Revision,
}

/// Events in order, the sequence number of the first of them, and how far back states are exact.
///
/// An event costs a pointer here and about 100 bytes itself, plus the entry that it replaced. States between events are
/// not kept: an older one is the current map with the later events undone.
#[derive(Debug, Default)]
pub(super) struct History {
    events: VecDeque<Arc<Event>>,
    /// Sequence number of the first event in `events`.
    first: u64,
    /// Every event after this revision is in `events`.
    floor: Revision,
    /// States from this revision on are exact. Later than `floor` after a gap in the store's watch.
    exact_from: Revision,
    states: VecDeque<(Revision, Map)>,
}

impl History {
    pub(super) fn starting_at(revision: Revision) -> Self {
        Self {
            floor: revision,
            exact_from: revision,
            ..Self::default()
        }
    }

    pub(super) fn extend(&mut self, events: Vec<Arc<Event>>) {
        self.events.extend(events);
    }

    /// How many events are kept.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many events there have been.
    pub(super) fn total(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// Forgets the oldest event.
    pub(super) fn pop(&mut self) {
        let Some(event) = self.events.pop_front() else { return };
        self.first += 1;
        self.floor = self.floor.max(event.revision);
        self.states.retain(|(revision, _)| *revision >= self.floor);
        if self.events.is_empty() {
            self.events.shrink_to_fit();
        }
    }

    /// Says that states before `revision` can't be rebuilt: events up to it were derived from a list.
    pub(super) fn mark_gap(&mut self, revision: Revision) {
        self.exact_from = revision;
        self.states.clear();
    }

    /// Sequence number of the first event after a revision.
    pub(super) fn position_after(&self, revision: Revision) -> Result<u64, Expired> {
        if revision < self.floor {
            return Err(Expired {
                requested: revision,
                oldest: self.floor,
            });
        }
        Ok(self.first + self.count_up_to(revision) as u64)
    }

    /// The event with a sequence number: `None` when it is still to come.
    pub(super) fn event(&self, position: u64) -> Result<Option<&Arc<Event>>, Fallen> {
        let index = position.checked_sub(self.first).ok_or(Fallen)?;
        Ok(usize::try_from(index).ok().and_then(|index| self.events.get(index)))
    }

    /// The state at a revision, from the newest state `current`.
    pub(super) fn state_at(&self, revision: Revision, current: &Map) -> Result<Map, Expired> {
        let oldest = self.floor.max(self.exact_from);
        if revision < oldest {
            return Err(Expired {
                requested: revision,
                oldest,
            });
        }
        if let Some((_, state)) = self.states.iter().find(|(kept, _)| *kept == revision) {
            return Ok(state.clone());
        }
        let mut state = current.clone();
        self.events
            .iter()
            .skip(self.count_up_to(revision))
            .rev()
            .for_each(|event| undo(&mut state, event));
        Ok(state)
    }

    /// Keeps a state of [`History::state_at`] for the next who asks.
    pub(super) fn keep_state(&mut self, revision: Revision, state: Map) {
        let expired = revision < self.floor.max(self.exact_from);
        let unchanged = self.count_up_to(revision) == self.events.len();
        if expired || unchanged || self.states.iter().any(|(kept, _)| *kept == revision) {
            return;
        }
        if self.states.len() == KEPT_STATES {
            self.states.pop_front();
        }
        self.states.push_back((revision, state));
    }

    fn count_up_to(&self, revision: Revision) -> usize {
        self.events.partition_point(|event| event.revision <= revision)
    }
}

/// The watcher's next event is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fallen;

fn undo(state: &mut Map, event: &Event) {
    match (&event.previous, event.kind) {
        (Some(previous), _) => drop(state.insert(previous.clone())),
        (None, EventKind::Added | EventKind::Modified) => {
            state.remove(&event.entry.namespace, &event.entry.name);
        }
        (None, EventKind::Deleted) => {}
    }
}
