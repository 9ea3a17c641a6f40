//! The store: a small ordered key-value contract that redb and etcd both keep.
//!
//! A [`Store`] is one keyspace. Its revisions only grow, also after kill -9 and restart. Keys are UTF-8 paths without the
//! keyspace's own prefix: `<group or "core">/<resource>/<namespace or "">/<name>`; order is byte order.

pub mod encrypted;
pub mod etcd;
pub mod redb;
pub mod snapshot;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

/// A point in the history of one keyspace: etcd's revision, or the embedded store's commit counter.
/// What clients see as `resourceVersion`.
pub type Revision = u64;

/// One key with its value and the revision of the transaction that last wrote it.
#[derive(Clone, Debug)]
pub struct Item {
    /// The key, without the keyspace's prefix.
    pub key: Arc<str>,
    /// The stored bytes.
    pub value: Bytes,
    /// Revision of the last write of this key.
    pub revision: Revision,
    /// Whether it is stored otherwise than it would be now, such as with an old key: the next write of the object, though
    /// it changes nothing, is not left out.
    pub stale: bool,
}

/// A consistent piece of a keyspace.
#[derive(Clone, Debug)]
pub struct Page {
    /// Items in byte order of their keys.
    pub items: Vec<Item>,
    /// The revision that the page shows.
    pub revision: Revision,
    /// Whether keys remain after the last item.
    pub more: bool,
}

/// A compare-and-write transaction: all comparisons hold and all operations happen at one revision, or nothing happens.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    /// What must hold.
    pub compare: Vec<Compare>,
    /// What is written when it does.
    pub write: Vec<Write>,
}

/// A precondition on one key.
#[derive(Clone, Debug)]
pub enum Compare {
    /// The key does not exist.
    Absent(String),
    /// The key was last written at this revision.
    At(String, Revision),
}

/// One write of a transaction.
#[derive(Clone, Debug)]
pub enum Write {
    /// Set the key.
    Put(String, Bytes),
    /// Remove the key.
    Delete(String),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable at this revision.
    Committed(Revision),
    /// A comparison did not hold; nothing was written.
    Conflict,
}

/// All changes of one revision, in order. An empty `changes` is progress: nothing happened up to `revision`.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The revision of the changes.
    pub revision: Revision,
    /// The changes of that revision.
    pub changes: Vec<Change>,
}

/// One changed key.
#[derive(Clone, Debug)]
pub struct Change {
    /// The key, without the keyspace's prefix.
    pub key: Arc<str>,
    /// The new value, or none when the key was deleted.
    pub value: Option<Bytes>,
}

/// Why the store could not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The revision lies before the history that is kept.
    #[error("revision {requested} is compacted; the oldest kept is {oldest}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision that can be served.
        oldest: Revision,
    },
    /// More than the store takes in one transaction.
    #[error("store: {0}")]
    TooLarge(String),
    /// There is no room for the write, which is not done.
    #[error("the store is full: {0}")]
    Full(String),
    /// The store is closed, broken or out of reach. A write may be done all the same.
    #[error("store: {0}")]
    Unavailable(String),
}

/// Commits from a revision on.
///
/// It ends without an error when the store or the keyspace is closed for good. After an error, such as
/// [`StoreError::Compacted`] for a watcher that fell too far behind, commits may be missing: read again.
pub type CommitStream = futures::stream::BoxStream<'static, Result<Commit, StoreError>>;

/// One keyspace of an ordered, revisioned key-value store.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The newest revision of this keyspace, linearizable with every finished write.
    async fn revision(&self) -> Result<Revision, StoreError>;

    /// The newest value of a key.
    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError>;

    /// Up to `limit` items under `prefix`, after `start_after` where given, at one revision.
    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError>;

    /// Compare and write; durable (fsync) before it answers `Committed`.
    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError>;

    /// Every commit of this keyspace after `after`, in order, none missing.
    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError>;
}
