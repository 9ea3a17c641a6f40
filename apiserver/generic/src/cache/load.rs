//! Reads a whole keyspace into maps, at one revision, with the watch that continues from there.

use std::sync::Arc;

use futures::StreamExt as _;

use super::change::{apply, locate, readable};
use super::map::Map;
use super::{EventKind, ResourceSpec};
use crate::storage::{Commit, CommitStream, Item, Revision, Store, StoreError};

/// Items of one read. Bounds what a start holds beside the cache itself.
const PAGE: usize = 500;
/// How often a read begins anew because the watch beside it fell behind.
const ATTEMPTS: usize = 5;

/// A keyspace at one revision.
pub(super) struct Loaded {
    /// One map for each resource.
    pub(super) maps: Vec<Map>,
    pub(super) revision: Revision,
    /// Everything after `revision`.
    pub(super) commits: CommitStream,
}

/// Loads the resources. Entries of `held` (empty, or a map for each resource) that did not change are shared.
pub(super) async fn load(store: &dyn Store, specs: &[ResourceSpec], held: &[Map]) -> Result<Loaded, StoreError> {
    for _ in 1..ATTEMPTS {
        match load_once(store, specs, held).await {
            Err(StoreError::Compacted { .. }) => {}
            finished => return finished,
        }
    }
    load_once(store, specs, held).await
}

async fn load_once(store: &dyn Store, specs: &[ResourceSpec], held: &[Map]) -> Result<Loaded, StoreError> {
    // The watch first: pages may show different revisions, and it tells what came between them.
    let mut applied = store.revision().await?;
    let mut commits = store.watch(applied).await?;
    let mut maps = vec![Map::default(); specs.len()];
    let mut page = store.range("", None, PAGE).await?;
    loop {
        for item in &page.items {
            put(&mut maps, specs, held, item);
        }
        let Some(last) = page.items.last().filter(|_| page.more) else {
            break;
        };
        page = store.range("", Some(&last.key), PAGE).await?;
    }
    while applied < page.revision {
        let commit = commits.next().await.ok_or_else(closed)??;
        applied = commit.revision;
        replay(&mut maps, specs, &commit);
    }
    Ok(Loaded {
        maps,
        revision: applied,
        commits,
    })
}

fn put(maps: &mut [Map], specs: &[ResourceSpec], held: &[Map], item: &Item) {
    let Some((versions, key)) = locate(specs, &item.key) else {
        return;
    };
    for index in versions {
        put_version(maps, specs, held, (item, index), key);
    }
}

fn put_version(
    maps: &mut [Map],
    specs: &[ResourceSpec],
    held: &[Map],
    (item, index): (&Item, usize),
    (namespace, name): (&str, &str),
) {
    let unchanged = held
        .get(index)
        .and_then(|map| map.get(namespace, name))
        .filter(|e| e.revision == item.revision);
    let read = || {
        let indexer = &*specs[index].indexer;
        readable(EventKind::Added, (namespace, name), item.revision, &item.value, indexer).map(Arc::new)
    };
    if let Some(entry) = unchanged.cloned().or_else(read) {
        maps[index].insert(entry);
    }
}

fn replay(maps: &mut [Map], specs: &[ResourceSpec], commit: &Commit) {
    for change in &commit.changes {
        let Some((versions, key)) = locate(specs, &change.key) else {
            continue;
        };
        for index in versions {
            let indexer = &*specs[index].indexer;
            let value = change.value.as_deref();
            apply(&mut maps[index], indexer, key, commit.revision, value, None);
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("closed while it was read".to_owned())
}
