//! Awaiting conditions of other processes, always with a deadline.

use std::time::{Duration, Instant};

/// Between two looks at a condition that nothing tells us about, at least.
const LOOK: Duration = Duration::from_millis(50);
/// Longest between two looks.
const LONGEST: Duration = Duration::from_millis(500);

/// Looks until the condition holds. Panics with what was last seen when it does not within `seconds`.
#[track_caller]
pub fn eventually<T>(seconds: u64, what: &str, look: impl FnMut() -> Result<T, String>) -> T {
    match until(Duration::from_secs(seconds), look) {
        Ok(found) => found,
        Err(last) => panic!("{what}: not within {seconds} s; last seen: {last}"),
    }
}

/// Looks until the condition holds or the time is over; then what was last seen.
pub fn until<T>(time: Duration, mut look: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let deadline = Instant::now() + time;
    loop {
        let began = Instant::now();
        match look() {
            Ok(found) => return Ok(found),
            Err(last) if Instant::now() >= deadline => return Err(last),
            // A look that runs kubectl would take a CPU from those who are waited for.
            Err(_) => std::thread::sleep((began.elapsed() * 2).clamp(LOOK, LONGEST)),
        }
    }
}
