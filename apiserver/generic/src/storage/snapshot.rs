//! A keyspace at one revision, taken from any store, kept in a file, and put into any other.

mod file;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::timeout;

pub use self::file::Unreadable;
use super::{Compare, Outcome, Revision, Store, StoreError, Transaction, Write};

/// How far revisions move on when a snapshot is put into a store: what was written between the snapshot and now, and is lost,
/// had revisions that clients may have seen. None of them is used again.
pub const LEAP: Revision = 1_000_000_000;

/// Items of a page, and of a transaction: etcd takes no more than 128 in one by default.
const PAGE: usize = 100;
/// Bytes of values in a transaction, below etcd's limit of 1.5 MiB for a request.
const BYTES: usize = 1 << 20;
/// Longest until a watch shows what a page has shown.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every key with its stored value, at one revision. Values are as they are stored: what is encrypted stays so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    revision: Revision,
    items: BTreeMap<String, Bytes>,
}

/// What a snapshot can't be put into.
#[derive(Debug, thiserror::Error)]
pub enum Occupied {
    /// Something is there already, such as this key.
    #[error("the store is not empty: it has {0}")]
    Key(String),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Snapshot {
    /// Reads a keyspace, which may be written meanwhile: what changes between two pages is made up for by a watch.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Compacted`] when it forgets faster than this reads.
    pub async fn take(store: &dyn Store) -> Result<Self, StoreError> {
        let mut items = BTreeMap::new();
        let first = store.range("", None, PAGE).await?;
        let (begin, mut revision, mut more) = (first.revision, first.revision, first.more);
        let mut commits = store.watch(begin).await?;
        let mut last = keep(&mut items, first.items);
        while more {
            let page = store.range("", last.as_deref(), PAGE).await?;
            (revision, more) = (page.revision, page.more);
            last = keep(&mut items, page.items).or(last);
        }
        let mut shown = begin;
        while shown < revision {
            let next = timeout(PATIENCE, commits.next()).await;
            let ended = || StoreError::Unavailable("its watch ended".to_owned());
            let commit = next.map_err(|_| ended())?.ok_or_else(ended)??;
            shown = commit.revision;
            if shown > revision {
                break;
            }
            for change in commit.changes {
                match change.value {
                    Some(value) => items.insert(change.key.to_string(), value),
                    None => items.remove(&*change.key),
                };
            }
        }
        Ok(Self { revision, items })
    }

    /// The revision that it shows.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many keys it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Writes every item into an empty keyspace, whose revisions were raised before.
    ///
    /// # Errors
    /// [`Occupied::Key`] when something is there, also what somebody else writes meanwhile. What was written until then stays.
    pub async fn put(&self, store: &dyn Store) -> Result<(), Occupied> {
        if let Some(item) = store.range("", None, 1).await?.items.first() {
            return Err(Occupied::Key(item.key.to_string()));
        }
        let mut transaction = Transaction::default();
        let mut bytes = 0;
        for (key, value) in &self.items {
            if transaction.write.len() >= PAGE || bytes + value.len() > BYTES {
                commit(store, std::mem::take(&mut transaction)).await?;
                bytes = 0;
            }
            bytes += value.len();
            transaction.compare.push(Compare::Absent(key.clone()));
            transaction.write.push(Write::Put(key.clone(), value.clone()));
        }
        if !transaction.write.is_empty() {
            commit(store, transaction).await?;
        }
        Ok(())
    }
}

/// Removes every item of a keyspace.
///
/// # Errors
/// Those of the store. What was removed until then stays so.
pub async fn clear(store: &dyn Store) -> Result<(), StoreError> {
    loop {
        let page = store.range("", None, PAGE).await?;
        if page.items.is_empty() {
            return Ok(());
        }
        let write = page.items.iter().map(|item| Write::Delete(item.key.to_string()));
        let transaction = Transaction {
            compare: Vec::new(),
            write: write.collect(),
        };
        store.transact(transaction).await?;
    }
}

async fn commit(store: &dyn Store, transaction: Transaction) -> Result<(), Occupied> {
    let first = transaction.write.first();
    let first = first.map(|(Write::Put(key, _) | Write::Delete(key))| key.clone());
    match store.transact(transaction).await? {
        Outcome::Committed(_) => Ok(()),
        Outcome::Conflict => Err(Occupied::Key(first.unwrap_or_default())),
    }
}

/// Keeps the items of a page; the last key.
fn keep(items: &mut BTreeMap<String, Bytes>, page: Vec<super::Item>) -> Option<String> {
    let last = page.last().map(|item| item.key.to_string());
    items.extend(page.into_iter().map(|item| (item.key.to_string(), item.value)));
    last
}
