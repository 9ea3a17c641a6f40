//! How often one person may ask: whatever the answer, so that nobody keeps the others waiting, or tries names and levels for long.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use guestcluster_types::Refusal;
use parking_lot::Mutex;

use super::refused::Refused;

/// Between two requests of one person, when the first ones are used up.
const BETWEEN: Duration = Duration::from_millis(200);
/// Requests that may come at once: each program of somebody's asks for itself.
const AT_ONCE: u32 = 64;
/// Persons who are remembered. All have asked within the last seconds.
const REMEMBERED: usize = 16_384;

/// Of each person, when all that they have asked for would be over at the pace that is allowed (the generic cell rate algorithm,
/// ITU-T I.371).
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// 429 for somebody who asks faster.
    pub(super) fn admit(&self, user: &str) -> Result<(), Refused> {
        self.admit_at(user, Instant::now()).map_err(|wait| {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let why = "you ask for credentials too often; use those that you have";
            Refused::later(Refusal::RateLimited, why, seconds)
        })
    }

    /// How long to wait, for somebody who asks faster.
    fn admit_at(&self, user: &str, now: Instant) -> Result<(), Duration> {
        let mut users = self.0.lock();
        let over = users.get(user).copied().unwrap_or(now).max(now);
        let wait = (over - now).saturating_sub(BETWEEN * (AT_ONCE - 1));
        if !wait.is_zero() {
            return Err(wait);
        }
        if users.len() >= REMEMBERED {
            users.retain(|_, over| *over > now);
        }
        // So many at one time are held back by the server's flow control, all together.
        if users.len() < REMEMBERED {
            users.insert(user.to_owned(), over + BETWEEN);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_is_held_back_and_others_are_not() {
        let (pace, now) = (Pace::default(), Instant::now());
        let mut admitted = 0;
        while pace.admit_at("ann", now).is_ok() {
            admitted += 1;
        }
        assert_eq!(admitted, AT_ONCE);
        assert_eq!(pace.admit_at("bob", now), Ok(()));
        let wait = pace.admit_at("ann", now).unwrap_err();
        assert!(wait <= BETWEEN, "{wait:?}");
        assert_eq!(pace.admit_at("ann", now + wait), Ok(()));
        assert!(pace.admit_at("ann", now + wait).is_err());
        let status = pace.admit("ann").unwrap_err().into_status("dev", None);
        assert_eq!(
            (status.code, status.details.unwrap().retry_after_seconds),
            (429, Some(1))
        );
    }

    #[test]
    fn who_has_not_asked_for_a_while_is_forgotten() {
        let (pace, now) = (Pace::default(), Instant::now());
        for number in 0..REMEMBERED {
            pace.admit_at(&number.to_string(), now).unwrap();
        }
        pace.admit_at("more", now).unwrap();
        assert_eq!(pace.0.lock().len(), REMEMBERED);
        pace.admit_at("later", now + BETWEEN).unwrap();
        assert_eq!(pace.0.lock().len(), 1);
    }
}
