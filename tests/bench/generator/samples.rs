//! What was measured.

use std::time::Duration;

/// Failures after which a client gives up.
const HOPELESS: usize = 1000;

/// Times of operations that succeeded, and what failed.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    times: Vec<Duration>,
    elapsed: Duration,
    failures: usize,
    first_failure: Option<String>,
}

impl Samples {
    /// An operation succeeded.
    pub(crate) fn push(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// An operation failed; it counts for nothing else.
    pub(crate) fn fail(&mut self, error: &anyhow::Error) {
        self.failures += 1;
        self.first_failure.get_or_insert_with(|| format!("{error:#}"));
    }

    /// Whether nothing was tried yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.times.is_empty() && self.failures == 0
    }

    /// Whether it makes no sense to go on.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failures >= HOPELESS
    }

    /// Adds those of another client.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.times.append(&mut other.times);
        self.failures += other.failures;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }

    /// Ends the measurement.
    pub(crate) fn finish(&mut self, elapsed: Duration) {
        self.times.sort_unstable();
        self.elapsed = elapsed;
    }

    /// How many operations succeeded.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// Operations that succeeded in a second.
    #[allow(clippy::cast_precision_loss)] // far below what a float holds exactly
    pub(crate) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// How long it went.
    pub(crate) fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The time that so many hundredths of the operations stayed within.
    pub(crate) fn percentile(&self, hundredths: usize) -> Option<Duration> {
        let last = self.times.len().checked_sub(1)?;
        self.times.get(last * hundredths / 100).copied()
    }

    /// How many operations failed, and how the first did.
    pub(crate) fn failures(&self) -> Option<String> {
        let first = self.first_failure.as_ref()?;
        Some(format!("{} failed: {first}", self.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut samples = Samples::default();
        assert_eq!(samples.percentile(50), None);
        (1..=101).rev().for_each(|ms| samples.push(Duration::from_millis(ms)));
        samples.finish(Duration::from_secs(1));
        let ms = |hundredths| samples.percentile(hundredths).unwrap().as_millis();
        assert_eq!((ms(0), ms(50), ms(99), ms(100)), (1, 51, 100, 101));
    }

    #[test]
    fn failures_are_not_counted_as_done() {
        let mut samples = Samples::default();
        samples.fail(&anyhow::anyhow!("500"));
        let mut other = Samples::default();
        other.push(Duration::from_millis(1));
        samples.add(other);
        samples.finish(Duration::from_secs(2));
        assert!((samples.per_second() - 0.5).abs() < 1e-9);
        assert_eq!(samples.failures().unwrap(), "1 failed: 500");
    }
}
