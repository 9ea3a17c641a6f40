//! How long to wait before something that failed is tried again.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

/// The first pause.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// How often each object failed in a row.
#[derive(Default)]
pub(super) struct Retries(Mutex<HashMap<String, u32>>);

impl Retries {
    /// Counts a failure, and says how long to wait: twice as long each time, up to a limit.
    pub(super) fn pause(&self, uid: &str) -> Duration {
        let mut counts = self.0.lock();
        let count = counts.entry(uid.to_owned()).or_default();
        let pause = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        pause
    }

    /// Forgets the failures of an object.
    pub(super) fn clear(&self, uid: &str) {
        self.0.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_start_again() {
        let retries = Retries::default();
        let pauses: Vec<_> = (0..40).map(|_| retries.pause("a").as_millis()).collect();
        assert_eq!(pauses[..4], [200, 400, 800, 1600]);
        assert_eq!(pauses[39], 30_000);
        assert_eq!(retries.pause("b").as_millis(), 200);
        retries.clear("a");
        assert_eq!(retries.pause("a").as_millis(), 200);
    }
}
