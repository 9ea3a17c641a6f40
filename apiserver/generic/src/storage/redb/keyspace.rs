//! One keyspace: its log, and the store that its users see.

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, oneshot};

use super::log::{Bounds, CursorId, Log, Read};
use super::writer::Job;
use super::{Engine, ended};
use crate::storage::{Commit, CommitStream, Item, Outcome, Page, Revision, Store, StoreError, Transaction};

/// A prefix, its recent commits, and the meeting point of its watches.
pub(super) struct Keyspace {
    pub(super) prefix: Arc<str>,
    log: Mutex<Log>,
    appended: Notify,
}

impl Keyspace {
    /// A keyspace whose last commit was at `revision`.
    pub(super) fn new(prefix: Arc<str>, revision: Revision, bounds: Bounds) -> Self {
        Self {
            prefix,
            log: Mutex::new(Log::starting_at(revision, bounds)),
            appended: Notify::new(),
        }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }

    /// Lets the watches look at the log again.
    pub(super) fn wake(&self) {
        self.appended.notify_waiters();
    }

    /// Ends the keyspace: its watches stop, and nothing can be written.
    pub(super) fn end(&self) {
        self.log().end();
        self.wake();
    }
}

/// A keyspace as a [`Store`].
pub(super) struct Handle {
    engine: Arc<Engine>,
    space: Arc<Keyspace>,
}

impl Handle {
    pub(super) fn new(engine: Arc<Engine>, space: Arc<Keyspace>) -> Self {
        Self { engine, space }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.space.log().has_ended() {
            Err(ended())
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl Store for Handle {
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.check()?;
        Ok(self.space.log().last())
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        self.check()?;
        // A few pages at most, mostly cached: cheaper than a hand-over to another thread.
        self.engine.shared.read(|file| file.get(&self.space.prefix, key))
    }

    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        self.check()?;
        // Before the read: with no commit in the file, the revision is one from before it.
        let before = self.space.log().last();
        let (shared, space) = (self.engine.shared.clone(), self.space.prefix.clone());
        let (prefix, start_after) = (prefix.to_owned(), start_after.map(str::to_owned));
        let read = move || shared.read(|file| file.range(&space, &prefix, start_after.as_deref(), limit));
        let (mut page, revision) = tokio::task::spawn_blocking(read).await.map_err(|_| ended())??;
        page.revision = revision.unwrap_or(before);
        Ok(page)
    }

    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        self.check()?;
        let (answer, answered) = oneshot::channel();
        self.engine
            .submit(Job::Transact {
                space: self.space.clone(),
                transaction,
                answer,
            })
            .await?;
        answered.await.map_err(|_| ended())?
    }

    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError> {
        self.check()?;
        let id = self.space.log().subscribe(after)?;
        let watch = Watch {
            space: self.space.clone(),
            id,
            delivered: after,
            failed: false,
        };
        Ok(futures::stream::unfold(watch, Watch::step).boxed())
    }
}

/// A cursor in a keyspace's log. Has no buffer of its own.
struct Watch {
    space: Arc<Keyspace>,
    id: CursorId,
    delivered: Revision,
    failed: bool,
}

impl Watch {
    /// The next item of the stream. After an error there is none.
    async fn step(mut self) -> Option<(Result<Commit, StoreError>, Self)> {
        if self.failed {
            return None;
        }
        let next = self.next().await?;
        self.failed = next.is_err();
        Some((next, self))
    }

    async fn next(&mut self) -> Option<Result<Commit, StoreError>> {
        loop {
            let space = self.space.clone();
            let mut appended = pin!(space.appended.notified());
            // Registered before looking, so that a commit that comes in between wakes it.
            appended.as_mut().enable();
            let read = space.log().read(self.id);
            match read {
                // Met by a watch after a revision that was still to come.
                Ok(Read::Commit(commit)) if commit.revision <= self.delivered => continue,
                Ok(Read::Commit(commit)) => {
                    self.delivered = commit.revision;
                    return Some(Ok(commit));
                }
                Ok(Read::Ended) => return None,
                Ok(Read::Pending) => {}
                Err(StoreError::Compacted { oldest, .. }) => {
                    return Some(Err(StoreError::Compacted {
                        requested: self.delivered,
                        oldest,
                    }));
                }
                Err(other) => return Some(Err(other)),
            }
            appended.await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.space.log().unsubscribe(self.id);
    }
}
