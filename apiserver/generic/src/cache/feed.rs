//! The task that follows the store's commits and keeps the resources up to date.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::sleep_until;

use super::change::{apply, locate};
use super::ledger::Ledger;
use super::load::{Loaded, load};
use super::map::Map;
use super::{Event, Shared, diff};
use crate::storage::{Commit, CommitStream, Revision, StoreError};

/// Commits that are applied and published together when they are already there.
const BATCH: usize = 128;
/// Pauses between attempts to read a store that fails: from, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(10));

/// Applies commits in batches, and reads everything again when the watch breaks.
pub(super) struct Feed {
    shared: Arc<Shared>,
    ledger: Ledger,
}

/// Why a watch ended.
enum Ended {
    /// The store was closed for good.
    Closed,
    /// Commits may be missing.
    Broken(StoreError),
}

/// Closes the cache when the task ends, also by a panic or an abort: no watcher waits for a task that is gone.
struct Closing(Arc<Shared>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A resource's next state, and how it came to be.
struct Draft {
    map: Map,
    revision: Revision,
    events: Vec<Arc<Event>>,
}

impl Feed {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let ledger = Ledger::new(shared.limits);
        Self { shared, ledger }
    }

    /// Follows `commits`, and what replaces them when they break, until the store closes.
    pub(super) async fn run(mut self, mut commits: CommitStream) {
        let _closing = Closing(self.shared.clone());
        loop {
            match self.follow(commits).await {
                Ended::Closed => return,
                Ended::Broken(error) => tracing::warn!(%error, "the store's watch broke; reading everything again"),
            }
            let loaded = self.load_again().await;
            commits = self.catch_up(loaded);
        }
    }

    async fn follow(&mut self, commits: CommitStream) -> Ended {
        let mut batches = commits.ready_chunks(BATCH);
        loop {
            let next_trim = self.ledger.next_trim();
            let idle = async {
                match next_trim {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                batch = batches.next() => {
                    let Some(batch) = batch else { return Ended::Closed };
                    if let Err(error) = self.take(batch) {
                        return Ended::Broken(error);
                    }
                }
                () = idle => {}
            }
            self.ledger.trim(&self.shared.resources);
        }
    }

    /// Applies the commits of a batch up to its first error.
    fn take(&mut self, batch: Vec<Result<Commit, StoreError>>) -> Result<(), StoreError> {
        let mut commits = Vec::with_capacity(batch.len());
        let failed = batch
            .into_iter()
            .find_map(|commit| commit.map(|commit| commits.push(commit)).err());
        self.apply(&commits);
        failed.map_or(Ok(()), Err)
    }

    fn apply(&mut self, commits: &[Commit]) {
        let mut drafts = BTreeMap::new();
        for commit in commits {
            for change in &commit.changes {
                let Some((versions, key)) = locate(&self.shared.specs, &change.key) else {
                    continue;
                };
                let value = change.value.as_deref();
                for index in versions {
                    let draft = drafts
                        .entry(index)
                        .or_insert_with(|| Draft::of(self.shared.resources[index].map()));
                    let indexer = &*self.shared.specs[index].indexer;
                    let prepared = value.filter(|_| !indexer.converts());
                    let prepared = prepared.and_then(|value| self.shared.prepared.take(value));
                    draft
                        .events
                        .extend(apply(&mut draft.map, indexer, key, commit.revision, value, prepared));
                    draft.revision = commit.revision;
                }
            }
        }
        let Some(last) = commits.last() else { return };
        self.publish(drafts, last.revision, false);
    }

    /// Makes the next states visible, then the revision up to which everything is applied.
    fn publish(&mut self, drafts: BTreeMap<usize, Draft>, revision: Revision, gap: bool) {
        for (index, draft) in drafts {
            for event in &draft.events {
                self.ledger.enter(index, event);
            }
            self.shared.resources[index].publish(draft.map, draft.revision, draft.events, gap);
        }
        self.shared.advance(revision);
    }

    async fn load_again(&self) -> Loaded {
        let mut pause = PAUSES.0;
        loop {
            let held: Vec<_> = self.shared.resources.iter().map(|resource| resource.map()).collect();
            match load(&*self.shared.store, &self.shared.specs, &held).await {
                Ok(loaded) => return loaded,
                Err(error) => tracing::warn!(%error, "the store can't be read; trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Publishes the difference between what is held and what was loaded.
    fn catch_up(&mut self, loaded: Loaded) -> CommitStream {
        let mut drafts = BTreeMap::new();
        for (index, mut map) in loaded.maps.into_iter().enumerate() {
            let held = self.shared.resources[index].map();
            let events = diff::events(&held, &mut map, loaded.revision, &*self.shared.specs[index].indexer);
            drafts.insert(
                index,
                Draft {
                    map,
                    revision: loaded.revision,
                    events,
                },
            );
        }
        self.publish(drafts, loaded.revision, true);
        loaded.commits
    }
}

impl Draft {
    fn of(map: Map) -> Self {
        Self {
            map,
            revision: 0,
            events: Vec::new(),
        }
    }
}
