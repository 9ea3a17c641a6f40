//! How long a run over an object may take, how long to wait before one that failed is tried again, and whether to tell of it.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

/// The first pause.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest that one run over one object may take. A connection that was cut without a word would hold it for ever.
pub(crate) const DEADLINE: Duration = Duration::from_mins(2);

/// How often each object failed in a row, by its UID.
#[derive(Default)]
pub(crate) struct Retries(Mutex<HashMap<String, Failures>>);

struct Failures {
    count: u32,
    last: String,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// The time to wait: twice as long with each failure in a row, up to a limit.
    pub(crate) pause: Duration,
    /// Whether the object has not just failed in the same way.
    pub(crate) is_news: bool,
}

impl Retries {
    /// Counts a failure of an object.
    pub(crate) fn failed(&self, uid: &str, error: &str) -> Retry {
        let mut all = self.0.lock();
        let failures = all.entry(uid.to_owned()).or_insert_with(|| Failures {
            count: 0,
            last: String::new(),
        });
        let pause = FIRST.saturating_mul(1 << failures.count.min(16)).min(LONGEST);
        let is_news = failures.last != error;
        failures.count = failures.count.saturating_add(1);
        if is_news {
            error.clone_into(&mut failures.last);
        }
        Retry { pause, is_news }
    }

    /// Forgets the failures of an object.
    pub(crate) fn clear(&self, uid: &str) {
        self.0.lock().remove(uid);
    }
}

/// An API error in one line: kube's own text repeats the whole Status.
pub(crate) fn summary(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({})", status.message.trim(), status.code),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_start_again() {
        let retries = Retries::default();
        let pauses: Vec<_> = (0..40).map(|_| retries.failed("a", "x").pause.as_millis()).collect();
        assert_eq!(pauses[..4], [200, 400, 800, 1600]);
        assert_eq!(pauses[39], 30_000);
        assert_eq!(retries.failed("b", "x").pause.as_millis(), 200);
        retries.clear("a");
        assert_eq!(retries.failed("a", "x").pause.as_millis(), 200);
    }

    #[test]
    fn the_same_failure_is_news_once() {
        let retries = Retries::default();
        let news: Vec<_> = ["x", "x", "y", "x"]
            .iter()
            .map(|error| retries.failed("a", error).is_news)
            .collect();
        assert_eq!(news, [true, false, true, true]);
    }
}
