//! Which choices of chance a test makes.

use std::ops::Range;

/// Seeds for as many rounds as `GUESTCLUSTERS_ROUNDS` says, the first being `GUESTCLUSTERS_SEED`; one round with seed 1 without them.
pub fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("GUESTCLUSTERS_SEED").unwrap_or(1);
    first..first + number("GUESTCLUSTERS_ROUNDS").unwrap_or(1)
}
