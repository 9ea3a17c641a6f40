//! The recent commits of one keyspace, and how far each watch has read them.

use std::collections::VecDeque;

use crate::storage::{Commit, Revision, StoreError};

/// How much of a keyspace's past is kept in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Commits, read or not.
    pub(super) commits: usize,
    /// Bytes, read or not.
    pub(super) bytes: usize,
    /// Bytes of commits that every watch has read already.
    pub(super) read_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            commits: 8192,
            bytes: 8 << 20,
            read_bytes: 2 << 10,
        }
    }
}

/// Commits in order with the cursors of the watches. A watch whose next commit had to go is told so.
#[derive(Debug)]
pub(super) struct Log {
    bounds: Bounds,
    commits: VecDeque<Commit>,
    bytes: usize,
    /// Sequence number of the first commit in `commits`.
    first: u64,
    /// Every commit after this revision is in `commits`.
    floor: Revision,
    /// Revision of the newest commit.
    last: Revision,
    ended: bool,
    /// For each watch, the sequence number of the commit that it reads next.
    cursors: Vec<(CursorId, u64)>,
    next_cursor: CursorId,
}

pub(super) type CursorId = u64;

/// What a watch finds.
pub(super) enum Read {
    Commit(Commit),
    /// Nothing yet.
    Pending,
    /// Nothing any more.
    Ended,
}

impl Log {
    pub(super) fn starting_at(revision: Revision, bounds: Bounds) -> Self {
        Self {
            bounds,
            commits: VecDeque::new(),
            bytes: 0,
            first: 0,
            floor: revision,
            last: revision,
            ended: false,
            cursors: Vec::new(),
            next_cursor: 0,
        }
    }

    pub(super) fn last(&self) -> Revision {
        self.last
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn append(&mut self, commit: Commit) {
        self.last = commit.revision;
        self.bytes += weight(&commit);
        self.commits.push_back(commit);
        while self.commits.len() > 1 && (self.commits.len() > self.bounds.commits || self.bytes > self.bounds.bytes) {
            self.forget_oldest();
        }
        self.forget_read();
    }

    /// Forgets everything, so that every watch is told that it misses something: what happened up to `revision` is
    /// not known.
    pub(super) fn break_off(&mut self, revision: Revision) {
        self.first += self.commits.len() as u64 + 1;
        self.commits.clear();
        self.bytes = 0;
        self.last = self.last.max(revision);
        self.floor = self.last;
    }

    /// A cursor that reads every commit after a revision.
    pub(super) fn subscribe(&mut self, after: Revision) -> Result<CursorId, StoreError> {
        if after < self.floor {
            return Err(StoreError::Compacted {
                requested: after,
                oldest: self.floor,
            });
        }
        let id = self.next_cursor;
        self.next_cursor += 1;
        let read = self.commits.partition_point(|commit| commit.revision <= after);
        self.cursors.push((id, self.first + read as u64));
        Ok(id)
    }

    pub(super) fn unsubscribe(&mut self, id: CursorId) {
        self.cursors.retain(|(cursor, _)| *cursor != id);
        self.forget_read();
    }

    /// What comes next at a cursor, which moves on.
    pub(super) fn read(&mut self, id: CursorId) -> Result<Read, StoreError> {
        let fallen = StoreError::Compacted {
            requested: 0,
            oldest: self.floor,
        };
        let Some((_, position)) = self.cursors.iter_mut().find(|(cursor, _)| *cursor == id) else {
            return Err(fallen);
        };
        let Some(index) = position.checked_sub(self.first) else {
            return Err(fallen);
        };
        let Some(commit) = usize::try_from(index).ok().and_then(|index| self.commits.get(index)) else {
            return Ok(if self.ended { Read::Ended } else { Read::Pending });
        };
        *position += 1;
        let commit = commit.clone();
        self.forget_read();
        Ok(Read::Commit(commit))
    }

    /// Forgets what every watch has read, but for a little that a new watch may ask for.
    fn forget_read(&mut self) {
        let Some(unread) = self.cursors.iter().map(|(_, position)| *position).min() else {
            return;
        };
        while self.first < unread && self.bytes > self.bounds.read_bytes {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(commit) = self.commits.pop_front() else { return };
        self.first += 1;
        self.floor = self.floor.max(commit.revision);
        self.bytes -= weight(&commit);
        if self.commits.is_empty() {
            self.commits.shrink_to_fit();
        }
    }
}

/// Estimated bytes that a commit keeps alive.
fn weight(commit: &Commit) -> usize {
    let change =
        |change: &crate::storage::Change| 96 + change.key.len() + change.value.as_ref().map_or(0, bytes::Bytes::len);
    64 + commit.changes.iter().map(change).sum::<usize>()
}
