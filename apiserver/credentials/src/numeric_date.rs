//! Time as tokens carry it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds since the epoch: RFC 7519's NumericDate, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NumericDate(pub i64);

impl NumericDate {
    /// That many seconds later, at most the end of the scale.
    #[must_use]
    pub fn plus(self, seconds: i64) -> NumericDate {
        NumericDate(self.0.saturating_add(seconds))
    }

    /// Seconds from an earlier date to this one, at most the ends of the scale.
    pub fn since(self, earlier: NumericDate) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Timestamp> for NumericDate {
    /// The second that the time lies in.
    fn from(time: Timestamp) -> NumericDate {
        NumericDate(time.as_second() - i64::from(time.subsec_nanosecond() < 0))
    }
}
