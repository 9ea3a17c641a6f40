//! How far a run has come: what writers, watchers and the test itself tell each other.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

/// Longest for anything that is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many revisions writers may be ahead of the witness.
const AHEAD: u64 = 200;

/// Where a run is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    /// Writes that were acknowledged.
    pub(crate) writes: usize,
    /// The newest revision that was.
    pub(crate) acknowledged: u64,
    /// The newest revision that the witness has seen.
    pub(crate) witnessed: u64,
    /// Writers shall stop.
    pub(crate) stop: bool,
    /// The last revision there will be.
    pub(crate) last: Option<u64>,
    /// Whether the server is meant to answer, and how often it was started again.
    pub(crate) down: bool,
    pub(crate) restarts: usize,
}

/// Shared by all.
#[derive(Debug, Default)]
pub(crate) struct Progress(watch::Sender<Point>);

impl Progress {
    pub(crate) fn now(&self) -> Point {
        *self.0.borrow()
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut Point)) {
        self.0.send_modify(change);
    }

    /// A write was acknowledged; returns when the witness is near enough.
    pub(crate) async fn acknowledge(&self, revision: u64) {
        self.tell(|point| {
            point.writes += 1;
            point.acknowledged = point.acknowledged.max(revision);
        });
        self.until("the witness follows", |point| {
            point.stop || point.acknowledged <= point.witnessed + AHEAD
        })
        .await;
    }

    /// Waits until it is so. Panics when it is not in time.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Point) -> bool) {
        let in_time = timeout(PATIENCE, self.comes_to(holds)).await.is_ok();
        assert!(in_time, "{what}: not in time; {:?}", self.now());
    }

    /// Waits until it is so.
    pub(crate) async fn comes_to(&self, holds: impl Fn(&Point) -> bool) {
        let mut point = self.0.subscribe();
        // The sender is here.
        let _ = point.wait_for(|point| holds(point)).await;
    }
}
