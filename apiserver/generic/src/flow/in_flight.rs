//! The limit on requests that are answered at one time.

use super::lane::{Full, Lane, Ticket};

/// Counts running requests, reads and writes apart, as kube-apiserver's `--max-requests-inflight` and
/// `--max-mutating-requests-inflight`. Who finds no place waits for one, and users take turns: the storm of one starves no other.
pub struct InFlight {
    reads: Lane,
    writes: Lane,
}

/// Requests at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Reads that are answered.
    pub reads: usize,
    /// Writes that are answered.
    pub writes: usize,
    /// Reads that wait for a place.
    pub waiting_reads: usize,
    /// Writes that wait for a place.
    pub waiting_writes: usize,
}

impl InFlight {
    /// Limits of this many reads and writes.
    pub fn new(reads: usize, writes: usize) -> InFlight {
        InFlight {
            reads: Lane::new(reads),
            writes: Lane::new(writes),
        }
    }

    /// A place for a request of this user, in their turn. `Err` when too many wait already, or none was free in time.
    pub async fn enter(&self, read_only: bool, user: &str) -> Result<Ticket, Full> {
        self.lane(read_only).enter(user).await
    }

    /// A place where one is free at once.
    pub fn try_enter(&self, read_only: bool) -> Option<Ticket> {
        self.lane(read_only).try_enter()
    }

    /// What runs and waits at this moment.
    pub fn load(&self) -> Load {
        Load {
            reads: self.reads.running(),
            writes: self.writes.running(),
            waiting_reads: self.reads.waiting(),
            waiting_writes: self.writes.waiting(),
        }
    }

    fn lane(&self, read_only: bool) -> &Lane {
        if read_only { &self.reads } else { &self.writes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_fill_apart_and_empty_again() {
        let limit = InFlight::new(2, 1);
        let first = limit.try_enter(true).unwrap();
        let _second = limit.try_enter(true).unwrap();
        assert!(limit.try_enter(true).is_none());
        let _write = limit.try_enter(false).unwrap();
        assert!(limit.try_enter(false).is_none());
        let load = limit.load();
        assert_eq!((load.reads, load.writes), (2, 1));
        drop(first);
        assert!(limit.try_enter(true).is_some());
    }
}
