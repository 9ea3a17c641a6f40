//! Which events are kept, over all resources: by age and by bytes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Event, Limits, ResourceCache};

/// Events come to be forgotten in rounds of an eighth of their time, so that a quiet cache wakes rarely.
const ROUNDS: u32 = 8;

/// The order in which events came, over all resources, with what each costs.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: Limits,
    records: VecDeque<Record>,
    bytes: usize,
}

#[derive(Debug)]
struct Record {
    at: Instant,
    bytes: usize,
    resource: usize,
}

impl Ledger {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            records: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Enters an event of a resource, in the order in which its history has them.
    pub(super) fn enter(&mut self, resource: usize, event: &Event) {
        let bytes = event.weight();
        self.bytes += bytes;
        self.records.push_back(Record {
            at: Instant::now(),
            bytes,
            resource,
        });
    }

    /// Forgets what is too old or too much.
    pub(super) fn trim(&mut self, resources: &[std::sync::Arc<ResourceCache>]) {
        let now = Instant::now();
        let limits = self.limits;
        let over = |record: &Record, bytes| bytes > limits.history_bytes || now - record.at >= limits.history;
        while let Some(record) = self.records.pop_front_if(|record| over(record, self.bytes)) {
            self.bytes -= record.bytes;
            resources[record.resource].forget_oldest();
        }
        if self.records.is_empty() {
            self.records.shrink_to_fit();
        }
    }

    /// When to trim next though nothing was written. None when nothing is kept.
    pub(super) fn next_trim(&self) -> Option<Instant> {
        let oldest = self.records.front()?;
        Some(oldest.at + self.limits.history + (self.limits.history / ROUNDS).min(Duration::from_mins(1)))
    }
}
