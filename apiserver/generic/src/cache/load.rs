//! Reads a whole keyspace into maps, at one revision, with the watch that continues from there.

use std::sync::Arc;

use futures::StreamExt as _;

use super::change::{apply, locate, readable};
use super::map::Map;
use super::{EventKind, ResourceSpec};
use crate::storage::{Commit, CommitStream, Item, Revision, Store, StoreError};

/// Items of one read. Bounds what a start holds beside the cache itself.
const PAGE: usize = 500;

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
    let mut maps = vec![Map::default(); specs.len()];
    let mut page = store.range("", None, PAGE).await?;
    // Later pages may show later revisions: the watch from the first page fills in what came between.
    let listed_from = page.revision;
    let mut commits = store.watch(listed_from).await?;
    loop {
        page.items.iter().for_each(|item| put(&mut maps, specs, held, item));
        let Some(last) = page.items.last().filter(|_| page.more) else {
            break;
        };
        page = store.range("", Some(&last.key), PAGE).await?;
    }
    let mut applied = listed_from;
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
    let Some((index, (namespace, name))) = locate(specs, &item.key) else {
        return;
    };
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
        if let Some((index, key)) = locate(specs, &change.key) {
            apply(
                &mut maps[index],
                &*specs[index].indexer,
                key,
                commit.revision,
                change.value.as_deref(),
            );
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("closed while it was read".to_owned())
}
