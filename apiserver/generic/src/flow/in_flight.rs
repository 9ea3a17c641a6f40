//! The limit on requests that are answered at one time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts running requests, reads and writes apart, as kube-apiserver's `--max-requests-inflight` and
/// `--max-mutating-requests-inflight`.
pub struct InFlight {
    reads: Lane,
    writes: Lane,
}

struct Lane {
    slots: Arc<Semaphore>,
    limit: usize,
}

/// A place among the running requests; given back when dropped.
pub struct Ticket {
    _permit: OwnedSemaphorePermit,
}

impl InFlight {
    /// Limits of this many reads and writes.
    pub fn new(reads: usize, writes: usize) -> InFlight {
        InFlight {
            reads: Lane::new(reads),
            writes: Lane::new(writes),
        }
    }

    /// A place for a request; none when all are taken.
    pub fn enter(&self, read_only: bool) -> Option<Ticket> {
        let lane = if read_only { &self.reads } else { &self.writes };
        let permit = lane.slots.clone().try_acquire_owned().ok()?;
        Some(Ticket { _permit: permit })
    }

    /// How many reads and writes run.
    pub fn running(&self) -> (usize, usize) {
        (self.reads.running(), self.writes.running())
    }
}

impl Lane {
    fn new(limit: usize) -> Lane {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Lane {
            slots: Arc::new(Semaphore::new(limit)),
            limit,
        }
    }

    fn running(&self) -> usize {
        self.limit - self.slots.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_fill_apart_and_empty_again() {
        let limit = InFlight::new(2, 1);
        let first = limit.enter(true).unwrap();
        let _second = limit.enter(true).unwrap();
        assert!(limit.enter(true).is_none());
        let _write = limit.enter(false).unwrap();
        assert!(limit.enter(false).is_none());
        assert_eq!(limit.running(), (2, 1));
        drop(first);
        assert!(limit.enter(true).is_some());
    }
}
