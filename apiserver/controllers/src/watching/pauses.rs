//! Growing pauses between attempts.

use kube::runtime::utils::Backoff;
use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LAST: Duration = Duration::from_secs(10);

/// 100 ms, doubled up to 10 s, each shortened by chance by up to a quarter so that many don't try at once.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.next.mul_f64(rand::random_range(0.75..=1.0));
        self.next = (self.next * 2).min(LAST);
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_again() {
        let mut pauses = Pauses::default();
        let some: Vec<_> = pauses.by_ref().take(20).collect();
        assert!(some[0] >= FIRST * 3 / 4 && some[0] <= FIRST && some[19] >= LAST * 3 / 4 && some[19] <= LAST);
        pauses.reset();
        assert!(pauses.next().is_some_and(|pause| pause <= FIRST));
    }
}
