//! When each write was sent.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Shared by whoever writes and whoever watches.
pub(super) struct Clock {
    round: usize,
    begin: Instant,
    /// Nanoseconds after `begin`; 0 until it is sent.
    sent: Box<[AtomicU64]>,
}

impl Clock {
    /// For so many writes. No two rounds write the same: that would be no event.
    pub(super) fn new(round: usize, writes: usize) -> Self {
        Self {
            round,
            begin: Instant::now(),
            sent: (0..writes).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// How many writes there will be.
    pub(super) fn writes(&self) -> usize {
        self.sent.len()
    }

    /// What a write puts in: its number comes first.
    pub(super) fn mark(&self, number: usize) -> String {
        format!("{number}-{}", self.round)
    }

    /// A write is sent now.
    pub(super) fn send(&self, number: usize) {
        let now = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.sent[number].store(now, Ordering::Release);
    }

    /// How long ago it was sent.
    pub(super) fn since(&self, number: usize) -> Option<Duration> {
        let sent = self.sent.get(number)?.load(Ordering::Acquire);
        (sent > 0).then(|| self.begin.elapsed().saturating_sub(Duration::from_nanos(sent)))
    }
}
