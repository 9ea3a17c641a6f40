//! The cached objects of one resource: the newest state, its history, and the watchers' meeting point.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Notify;

use super::history::{Expired, History};
use super::map::Map;
use super::{Entry, Event, Snapshot, Watcher};
use crate::storage::Revision;

/// The cached objects of one resource. Readers never wait for writers, and share everything.
pub struct ResourceCache {
    newest: ArcSwap<State>,
    history: RwLock<History>,
    published: Notify,
    clock: Arc<Clock>,
}

/// What all resources of a cache share: how far the store's commits are applied, and whether more will come.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) applied: AtomicU64,
    pub(super) closed: AtomicBool,
}

impl Clock {
    pub(super) fn starting_at(revision: Revision) -> Self {
        Self {
            applied: AtomicU64::new(revision),
            closed: AtomicBool::new(false),
        }
    }
}

/// All objects, right from the last event's revision on.
#[derive(Debug, Default)]
struct State {
    map: Map,
    changed: Revision,
}

impl ResourceCache {
    pub(super) fn new(map: Map, revision: Revision, clock: Arc<Clock>) -> Self {
        Self {
            newest: ArcSwap::from_pointee(State { map, changed: revision }),
            history: RwLock::new(History::starting_at(revision)),
            published: Notify::new(),
            clock,
        }
    }

    /// How many changes were applied since the start.
    pub fn changes(&self) -> u64 {
        self.history.read().total()
    }

    /// How many changes are kept for watches that begin in the past.
    pub fn kept_changes(&self) -> usize {
        self.history.read().len()
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        self.newest.load().map.get(namespace, name).cloned()
    }

    /// The newest state.
    pub fn snapshot(&self) -> Snapshot {
        // The clock first: a state that is loaded later holds at least everything up to it.
        let applied = self.clock.applied.load(Ordering::Acquire);
        let state = self.newest.load();
        Snapshot {
            map: state.map.clone(),
            revision: applied.max(state.changed),
        }
    }

    /// The state at a revision that was applied already: an older one is rebuilt from the history.
    ///
    /// For a revision that is still to come, the newest state with its own revision.
    pub fn snapshot_at(&self, revision: Revision) -> Result<Snapshot, Expired> {
        let newest = self.snapshot();
        if revision >= newest.revision {
            return Ok(newest);
        }
        let history = self.history.read();
        // Both change under the lock, so this is the state after the last event of the history.
        let map = history.state_at(revision, &self.newest.load().map)?;
        drop(history);
        self.history.write().keep_state(revision, map.clone());
        Ok(Snapshot { map, revision })
    }

    /// Every event after a revision, none twice. A revision that is still to come is awaited.
    pub fn watch(self: &Arc<Self>, after: Revision) -> Result<Watcher, Expired> {
        let position = self.history.read().position_after(after)?;
        Ok(Watcher::new(self.clone(), position, after))
    }

    /// Makes a new state with its events visible; `gap` when events may be missing before it.
    pub(super) fn publish(&self, map: Map, changed: Revision, events: Vec<Arc<Event>>, gap: bool) {
        let mut history = self.history.write();
        history.extend(events);
        if gap {
            history.mark_gap(changed);
        }
        self.newest.store(Arc::new(State { map, changed }));
        drop(history);
        self.wake();
    }

    pub(super) fn forget_oldest(&self) {
        self.history.write().pop();
    }

    pub(super) fn wake(&self) {
        self.published.notify_waiters();
    }

    pub(super) fn map(&self) -> Map {
        self.newest.load().map.clone()
    }

    pub(super) fn history(&self) -> RwLockReadGuard<'_, History> {
        self.history.read()
    }

    pub(super) fn published(&self) -> &Notify {
        &self.published
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }
}
