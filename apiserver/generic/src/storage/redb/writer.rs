//! The one thread that writes: takes what waits, commits it together, tells the watches, answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use redb::WriteTransaction;
use tokio::sync::{mpsc, oneshot};

use super::file::{File, Tables, failed};
use super::keyspace::Keyspace;
use super::{Shared, ended};
use crate::storage::{Change, Commit, Compare, Outcome, Revision, StoreError, Transaction, Write};

/// Jobs and bytes of values in one commit, at most.
const BATCH: (usize, usize) = (512, 8 << 20);

/// What the writer is asked to do.
pub(super) enum Job {
    Transact {
        space: Arc<Keyspace>,
        transaction: Transaction,
        answer: oneshot::Sender<Result<Outcome, StoreError>>,
    },
    Remove {
        space: Arc<Keyspace>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// What became of a job, when the commit succeeds.
enum Effect {
    Committed(Commit),
    Conflict,
    /// Its keyspace had been removed.
    Gone,
    Removed,
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    /// The newest revision that was ever given out, also to a commit that failed.
    revision: Revision,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, jobs: mpsc::Receiver<Job>, revision: Revision) -> Self {
        Self { shared, jobs, revision }
    }

    /// Works until the engine is closed or all its handles are dropped.
    pub(super) fn run(mut self) {
        let mut closing = None;
        while closing.is_none() {
            let Some(first) = self.jobs.blocking_recv() else { break };
            let (batch, close) = self.collect(first);
            self.work(batch);
            closing = close;
        }
        drop(self);
        if let Some(answer) = closing {
            // Nobody may wait for it any more.
            let _ = answer.send(());
        }
    }

    /// Everything that waits, up to a commit's bounds or the request to close.
    fn collect(&mut self, first: Job) -> (Vec<Job>, Option<oneshot::Sender<()>>) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            if let Job::Close { answer } = job {
                return (batch, Some(answer));
            }
            bytes += job.bytes();
            batch.push(job);
            let full = batch.len() >= BATCH.0 || bytes >= BATCH.1;
            next = if full { None } else { self.jobs.try_recv().ok() };
        }
        (batch, None)
    }

    fn work(&mut self, batch: Vec<Job>) {
        let committed = self.ensure_open().and_then(|()| {
            let file = self.shared.file.read();
            commit(file.as_ref().ok_or_else(ended)?, &mut self.revision, &batch)
        });
        match committed {
            Ok(effects) => self.finish(batch, effects),
            Err(error) => self.fail(batch, &error),
        }
    }

    /// Makes the commits visible in order, then answers.
    fn finish(&self, batch: Vec<Job>, effects: Vec<Effect>) {
        let mut answers = Vec::with_capacity(batch.len());
        let mut touched = BTreeMap::new();
        for (job, effect) in batch.into_iter().zip(effects) {
            match job {
                Job::Transact { space, answer, .. } => {
                    let outcome = self.publish(&space, effect);
                    touched.entry(space.prefix.clone()).or_insert(space);
                    answers.push((answer, outcome));
                }
                Job::Remove { space, answer } => {
                    if matches!(effect, Effect::Removed) {
                        self.shared.keyspaces.lock().remove(&space.prefix);
                        space.end();
                    }
                    let _ = answer.send(Ok(()));
                }
                Job::Close { .. } => {}
            }
        }
        for space in touched.values() {
            space.wake();
        }
        for (answer, outcome) in answers {
            // Who asked may have gone; the write is done all the same.
            let _ = answer.send(outcome);
        }
    }

    fn publish(&self, space: &Keyspace, effect: Effect) -> Result<Outcome, StoreError> {
        match effect {
            Effect::Committed(commit) => {
                let revision = commit.revision;
                self.shared.revision.store(revision, Ordering::Release);
                space.log().append(commit);
                Ok(Outcome::Committed(revision))
            }
            Effect::Conflict => Ok(Outcome::Conflict),
            Effect::Gone | Effect::Removed => Err(ended()),
        }
    }

    /// Answers that nothing is known to be written, and gives up the file: redb refuses to work on one that failed.
    fn fail(&mut self, batch: Vec<Job>, error: &StoreError) {
        tracing::error!(%error, jobs = batch.len(), "a commit failed");
        self.shared.close_file();
        // At once, so that readers need not wait for the next write. What fails is tried again then.
        if let Err(error) = self.ensure_open() {
            tracing::error!(%error, "the store can't be opened again");
        }
        for job in batch {
            job.refuse(error);
        }
    }

    /// Opens the file again after a failure.
    fn ensure_open(&mut self) -> Result<(), StoreError> {
        if self.shared.file.read().is_some() {
            return Ok(());
        }
        let file = self.shared.source.reopen()?;
        let state = file.state()?;
        self.revision = self.revision.max(state.revision);
        *self.shared.file.write() = Some(file);
        self.note_lost_commits(state.keyspaces);
        Ok(())
    }

    /// A commit that failed may have reached the disk: where it did, the watches have missed it.
    fn note_lost_commits(&self, keyspaces: Vec<(String, Revision)>) {
        let known = self.shared.keyspaces.lock();
        for (prefix, revision) in keyspaces {
            let Some(space) = known.get(prefix.as_str()) else {
                continue;
            };
            if space.log().last() < revision {
                space.log().break_off(revision);
                space.wake();
            }
        }
        self.shared.revision.fetch_max(self.revision, Ordering::AcqRel);
    }
}

/// However the thread ends, the file is free and nobody waits for it.
impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs.close();
        self.shared.close_file();
        for (_, space) in self.shared.keyspaces.lock().drain() {
            space.end();
        }
    }
}

impl Job {
    fn bytes(&self) -> usize {
        let Self::Transact { transaction, .. } = self else {
            return 0;
        };
        let bytes = |write: &Write| match write {
            Write::Put(key, value) => key.len() + value.len(),
            Write::Delete(key) => key.len(),
        };
        transaction.write.iter().map(bytes).sum()
    }

    fn refuse(self, error: &StoreError) {
        // Who asked may have gone.
        match self {
            Self::Transact { answer, .. } => drop(answer.send(Err(error.clone()))),
            Self::Remove { answer, .. } => drop(answer.send(Err(error.clone()))),
            Self::Close { answer } => drop(answer.send(())),
        }
    }
}

/// Applies the jobs in order, each at its own revision, and syncs once.
fn commit(file: &File, revision: &mut Revision, batch: &[Job]) -> Result<Vec<Effect>, StoreError> {
    let transaction = file.begin()?;
    let effects = apply(&transaction, revision, batch)?;
    if effects
        .iter()
        .any(|effect| matches!(effect, Effect::Committed(_) | Effect::Removed))
    {
        transaction.commit().map_err(failed)?;
    } else {
        transaction.abort().map_err(failed)?;
    }
    Ok(effects)
}

fn apply(transaction: &WriteTransaction, revision: &mut Revision, batch: &[Job]) -> Result<Vec<Effect>, StoreError> {
    let mut tables = Tables::open(transaction)?;
    let mut last = BTreeMap::new();
    let mut removed = BTreeSet::new();
    let mut effects = Vec::with_capacity(batch.len());
    for job in batch {
        let effect = match job {
            Job::Transact { space, .. } | Job::Remove { space, .. }
                if removed.contains(&space.prefix) || space.log().has_ended() =>
            {
                Effect::Gone
            }
            Job::Transact { space, transaction, .. } => write(&mut tables, space, revision, transaction)?,
            Job::Remove { space, .. } => {
                tables.remove_keyspace(&space.prefix)?;
                last.remove(&space.prefix);
                removed.insert(space.prefix.clone());
                Effect::Removed
            }
            Job::Close { .. } => Effect::Gone,
        };
        if let (Job::Transact { space, .. }, Effect::Committed(commit)) = (job, &effect) {
            last.insert(space.prefix.clone(), commit.revision);
        }
        effects.push(effect);
    }
    tables.note(*revision, &last)?;
    Ok(effects)
}

fn write(
    tables: &mut Tables<'_>,
    space: &Keyspace,
    revision: &mut Revision,
    transaction: &Transaction,
) -> Result<Effect, StoreError> {
    for compare in &transaction.compare {
        let (key, wanted) = match compare {
            Compare::Absent(key) => (key, None),
            Compare::At(key, revision) => (key, Some(*revision)),
        };
        if tables.revision_of(&space.prefix, key)? != wanted {
            return Ok(Effect::Conflict);
        }
    }
    *revision += 1;
    let mut changes = BTreeMap::new();
    for write in &transaction.write {
        match write {
            Write::Put(key, value) => {
                tables.put(&space.prefix, key, *revision, value)?;
                changes.insert(key.as_str(), Some(value.clone()));
            }
            Write::Delete(key) => {
                if tables.delete(&space.prefix, key)? {
                    changes.insert(key.as_str(), None);
                }
            }
        }
    }
    let changes = changes
        .into_iter()
        .map(|(key, value)| Change { key: key.into(), value })
        .collect();
    Ok(Effect::Committed(Commit {
        revision: *revision,
        changes,
    }))
}
