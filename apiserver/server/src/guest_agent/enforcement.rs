//! How far kube-apiserver is with a file: pure, by what its metrics say and when.
//!
//! kube-apiserver takes a new file some ten seconds after it was written, and goes on for up to ten more to accept a token that
//! it has just accepted. Only after both is the file in force.

use std::time::Duration;

use tokio::time::Instant;

use super::metrics::Reading;

/// How long kube-apiserver remembers that it accepted a token, whatever its configuration says since: ten seconds, and one for what
/// was under way.
const REMEMBERED: Duration = Duration::from_secs(11);
/// kube-apiserver looks whether a new file works when it sees it, and ten seconds later.
const EARLIEST: Duration = Duration::from_secs(9);
/// Between two looks at a file that is not in force yet, and when that takes long.
const LOOK: Duration = Duration::from_secs(1);
const PATIENT_LOOK: Duration = Duration::from_secs(10);
/// From when on it takes long.
const LONG: Duration = Duration::from_mins(2);
/// Between two looks at one that is.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// One file, from when it was written.
#[derive(Debug)]
pub(super) struct Enforcement {
    /// `sha256:` and hex of the file.
    hash: String,
    began: Instant,
    next_look: Instant,
    /// Since when kube-apiserver is known to judge by it.
    known_since: Option<Instant>,
    /// Refused files when it was first asked.
    failures: Option<f64>,
    last: Option<Reading>,
}

impl Enforcement {
    /// Begins with a file of this hash: one that was just written, or one that was there and so may be in force already.
    pub(super) fn of(hash: String, just_written: bool, now: Instant) -> Enforcement {
        Enforcement {
            hash,
            began: now,
            next_look: if just_written { now + EARLIEST } else { now },
            known_since: None,
            failures: None,
            last: None,
        }
    }

    /// Whether it is about the file of this hash.
    pub(super) fn is_of(&self, hash: &str) -> bool {
        self.hash == hash
    }

    /// How long until kube-apiserver is to be asked.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.next_look.saturating_duration_since(now)
    }

    /// Takes in what kube-apiserver says. A word for the log where it does not take the file.
    pub(super) fn saw(&mut self, reading: Reading, now: Instant) -> Option<&'static str> {
        let is_it = reading.in_force.as_deref() == Some(self.hash.as_str());
        self.known_since = is_it.then(|| self.known_since.unwrap_or(now));
        self.next_look = self.next_look_after(now);
        let failures = *self.failures.get_or_insert(reading.failures);
        let is_news = self.last.as_ref() != Some(&reading);
        let word = match reading.in_force {
            None => Some("kube-apiserver has no authentication configuration: its node is older than what brings one"),
            Some(_) if !is_it && reading.failures > failures => {
                Some("kube-apiserver refused the new file; what was in force stays")
            }
            Some(_) => None,
        };
        self.last = Some(reading);
        word.filter(|_| is_news)
    }

    /// Whether all tokens are judged by it.
    pub(super) fn is_in_force(&self, now: Instant) -> bool {
        self.known_since
            .is_some_and(|since| now.duration_since(since) >= REMEMBERED)
    }

    /// Whether kube-apiserver said that it judges by something else.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.last.is_some() && self.known_since.is_none()
    }

    fn next_look_after(&self, now: Instant) -> Instant {
        match self.known_since {
            Some(since) if !self.is_in_force(now) => since + REMEMBERED,
            Some(_) => now + LOOK_AGAIN,
            None if now.duration_since(self.began) < LONG => now + LOOK,
            None => now + PATIENT_LOOK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(hash: &str, failures: u32) -> Reading {
        Reading {
            in_force: Some(hash.to_owned()),
            failures: failures.into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_in_force_when_nobody_remembers_the_one_before() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let mut file = Enforcement::of("new".to_owned(), true, begin);
        assert_eq!(file.pause(begin), Duration::from_secs(9));
        assert_eq!(file.saw(reading("old", 0), after(9)), None);
        assert!(file.is_elsewhere() && file.pause(after(9)) == LOOK);
        assert_eq!(file.saw(reading("new", 0), after(10)), None);
        assert_eq!(file.pause(after(12)), Duration::from_secs(9));
        assert!(!file.is_in_force(after(20)));
        assert!(file.pause(after(21)).is_zero(), "it is asked once more");
        file.saw(reading("new", 0), after(21));
        assert!(file.is_in_force(after(21)) && file.pause(after(21)) == LOOK_AGAIN);
        file.saw(reading("old", 0), after(80));
        assert!(!file.is_in_force(after(80)), "somebody put the old one back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_was_there_may_be_in_force_already() {
        let begin = Instant::now();
        let mut file = Enforcement::of("same".to_owned(), false, begin);
        assert_eq!(file.pause(begin), Duration::ZERO);
        file.saw(reading("same", 4), begin);
        assert_eq!(file.pause(begin), REMEMBERED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_once_and_never_counts() {
        let begin = Instant::now();
        let mut file = Enforcement::of("new".to_owned(), true, begin);
        assert_eq!(
            file.saw(reading("old", 2), begin),
            None,
            "those before were of other files"
        );
        assert!(file.saw(reading("old", 3), begin).unwrap().contains("refused"));
        assert_eq!(file.saw(reading("old", 3), begin), None);
        let later = begin + Duration::from_mins(3);
        assert!(file.saw(Reading::default(), later).unwrap().contains("older"));
        assert!(!file.is_in_force(later) && file.pause(later) == PATIENT_LOOK);
    }
}
