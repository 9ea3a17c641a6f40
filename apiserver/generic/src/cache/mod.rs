//! The watch cache: encoded objects in a persistent ordered map, their history, and watchers with a cursor each.
//!
//! One [`Cache`] follows one [`crate::storage::Store`] keyspace with a single watch and serves every resource in it. Objects are
//! kept as encoded JSON bytes with `resourceVersion` spliced in; reads never parse JSON.
//!
//! What an object costs: its bytes once (the watch frame and the object share them), its index, and about 300 bytes. What
//! a write costs in the history: about 130 bytes and the state that it replaced, for as long as [`Limits`] say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod change;
mod diff;
mod entry;
mod event;
mod feed;
mod history;
mod labels;
mod ledger;
mod load;
mod map;
mod prepared;
mod resource;
mod snapshot;
mod splice;
#[cfg(test)]
mod tests;
mod watcher;

pub use entry::{Entry, Index, Indexer, Malformed};
pub use event::{Event, EventKind};
pub use history::Expired;
pub use labels::Labels;
pub use prepared::Preparation;
pub use resource::ResourceCache;
pub use snapshot::Snapshot;
pub use watcher::{Next, Watcher};

use crate::storage::{Revision, Store, StoreError};
use feed::Feed;
use map::Map;
use prepared::Prepared;
use resource::Clock;

/// How long [`Cache::wait_current`] waits before it calls the cache stuck.
const CURRENT_DEADLINE: Duration = Duration::from_secs(10);

/// A resource to cache, in one version. Each version of a kind is one, with bytes of its own.
#[derive(Clone)]
pub struct ResourceSpec {
    /// What its keys begin with: `<group or "core">/<plural>/`.
    pub prefix: String,
    /// The version.
    pub version: String,
    /// Makes the index of its objects.
    pub indexer: Arc<dyn Indexer>,
}

/// How much history is kept; whichever ends first.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long events are kept.
    pub history: Duration,
    /// How many bytes events and the states that they replaced may hold, over all resources.
    pub history_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            history: Duration::from_mins(5),
            history_bytes: 128 << 20,
        }
    }
}

/// All resources of one keyspace, kept up to date by one task. Dropping it ends the task and every watch.
pub struct Cache {
    shared: Arc<Shared>,
    feed: JoinHandle<()>,
}

/// What the cache's handle and its feeding task share.
struct Shared {
    store: Arc<dyn Store>,
    /// In order of their prefixes and versions.
    specs: Box<[ResourceSpec]>,
    /// One for each of `specs`.
    resources: Box<[Arc<ResourceCache>]>,
    clock: Arc<Clock>,
    applied: watch::Sender<Revision>,
    prepared: Arc<Prepared>,
    limits: Limits,
}

impl Cache {
    /// Reads the keyspace and begins to follow it.
    ///
    /// # Errors
    /// The store's, when it can't be read. Later failures are retried by the feeding task.
    pub async fn start(
        store: Arc<dyn Store>,
        resources: Vec<ResourceSpec>,
        limits: Limits,
    ) -> Result<Arc<Self>, StoreError> {
        let mut specs = resources;
        specs.sort_by(|a, b| (&a.prefix, &a.version).cmp(&(&b.prefix, &b.version)));
        let loaded = load::load(&*store, &specs, &[]).await?;
        let shared = Arc::new(Shared::new(store, specs.into(), limits, loaded.maps, loaded.revision));
        let feed = tokio::spawn(Feed::new(shared.clone()).run(loaded.commits));
        Ok(Arc::new(Self { shared, feed }))
    }

    /// The resource whose keys begin with `prefix`, in any of its versions.
    pub fn resource(&self, prefix: &str) -> Option<Arc<ResourceCache>> {
        let at = self
            .shared
            .specs
            .binary_search_by(|spec| spec.prefix.as_str().cmp(prefix))
            .ok()?;
        self.shared.resources.get(at).cloned()
    }

    /// The same in one version.
    pub fn version(&self, prefix: &str, version: &str) -> Option<Arc<ResourceCache>> {
        let specs = &self.shared.specs;
        let at = specs.binary_search_by(|spec| (spec.prefix.as_str(), spec.version.as_str()).cmp(&(prefix, version)));
        self.shared.resources.get(at.ok()?).cloned()
    }

    /// Keeps the index of a write ready that the store is about to be asked for, until what is returned is dropped.
    pub fn prepare(&self, stored: &Bytes, index: Index) -> Preparation {
        self.shared.prepared.keep(stored, index)
    }

    /// Up to here the store's commits are applied.
    pub fn revision(&self) -> Revision {
        self.shared.clock.applied.load(Ordering::Acquire)
    }

    /// Whether the cache still follows its store. When it does not, what it serves grows old.
    pub fn is_following(&self) -> bool {
        !self.shared.clock.closed.load(Ordering::Acquire)
    }

    /// The same as a health check.
    ///
    /// # Errors
    /// What an operator reads, when it does not.
    pub fn health(&self) -> Result<(), String> {
        if self.is_following() {
            Ok(())
        } else {
            Err("the watch cache does not follow its store".to_owned())
        }
    }

    /// Waits until a revision is applied; false when it was not in time.
    pub async fn wait_for(&self, revision: Revision, deadline: Duration) -> bool {
        if self.revision() >= revision {
            return true;
        }
        let mut applied = self.shared.applied.subscribe();
        let reached = applied.wait_for(|applied| *applied >= revision);
        tokio::time::timeout(deadline, reached)
            .await
            .is_ok_and(|reached| reached.is_ok())
    }

    /// Waits until something after `revision` is applied; for ever when the cache is closed.
    pub async fn wait_after(&self, revision: Revision) {
        let mut applied = self.shared.applied.subscribe();
        if applied.wait_for(|applied| *applied > revision).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until every write that is finished already is applied, for a consistent read.
    ///
    /// # Errors
    /// The store's, or [`StoreError::Unavailable`] when the cache does not catch up in time.
    pub async fn wait_current(&self) -> Result<Revision, StoreError> {
        let revision = self.shared.store.revision().await?;
        if self.wait_for(revision, CURRENT_DEADLINE).await {
            return Ok(self.revision());
        }
        Err(StoreError::Unavailable(format!(
            "the watch cache did not reach revision {revision} in time"
        )))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.feed.abort();
        self.shared.close();
    }
}

impl Shared {
    fn new(
        store: Arc<dyn Store>,
        specs: Box<[ResourceSpec]>,
        limits: Limits,
        maps: Vec<Map>,
        revision: Revision,
    ) -> Self {
        let clock = Arc::new(Clock::starting_at(revision));
        let resource = |map| Arc::new(ResourceCache::new(map, revision, clock.clone()));
        let resources = maps.into_iter().map(resource).collect();
        Self {
            store,
            specs,
            resources,
            clock,
            applied: watch::Sender::new(revision),
            prepared: Arc::default(),
            limits,
        }
    }

    /// Makes a revision visible as applied, after its events.
    fn advance(&self, revision: Revision) {
        self.clock.applied.fetch_max(revision, Ordering::AcqRel);
        self.applied.send_if_modified(|applied| {
            let grows = revision > *applied;
            *applied = revision.max(*applied);
            grows
        });
    }

    fn close(&self) {
        self.clock.closed.store(true, Ordering::Release);
        for resource in &self.resources {
            resource.wake();
        }
    }
}
