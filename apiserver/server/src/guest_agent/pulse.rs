//! Whether the agent still does its work: what hangs without an error is started anew by the kubelet.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Longest between two rounds. One begins each minute whatever happens, and all that it waits for has a deadline below one.
const LONGEST: Duration = Duration::from_mins(5);

/// When the last round began.
pub(super) struct Pulse(Mutex<Instant>);

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse(Mutex::new(Instant::now()))
    }
}

impl Pulse {
    /// A round begins.
    pub(super) fn beat(&self) {
        *self.0.lock() = Instant::now();
    }

    /// Whether one began not long ago.
    pub(super) fn is_there(&self) -> bool {
        self.0.lock().elapsed() < LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_there_for_minutes_after_a_beat() {
        let pulse = Pulse::default();
        tokio::time::advance(Duration::from_secs(299)).await;
        assert!(pulse.is_there());
        pulse.beat();
        tokio::time::advance(Duration::from_secs(299)).await;
        assert!(pulse.is_there());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!pulse.is_there());
    }
}
