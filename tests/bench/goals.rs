//! DESIGN's goals, and whether a row reaches them.

use std::{fmt, time::Duration};

use crate::table::Row;

/// One goal of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// So many times better than kube-apiserver.
    Times(f64),
    /// This part of the limit.
    OfLimit(f64),
    /// At most this, in the row's own unit.
    AtMost(f64),
    /// Half of the operations within this time.
    P50(Duration),
    /// 99 of 100 operations within this time.
    P99(Duration),
    /// On average so many cores.
    Cores(f64),
    /// Nothing is dropped.
    NoneLost,
}

impl Goal {
    /// None where the row lacks what would tell.
    pub(crate) fn holds(self, row: &Row) -> Option<bool> {
        let ours = &row.ours;
        Some(match self {
            Self::Times(times) => row.ratio()? >= times,
            Self::OfLimit(part) => row.of_limit()? >= part,
            Self::AtMost(most) => ours.value <= most,
            Self::P50(most) => ours.p50? <= most,
            Self::P99(most) => ours.p99? <= most,
            Self::Cores(most) => ours.cores? <= most,
            Self::NoneLost => ours.lost? == 0,
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(formatter, ">={times}x"),
            Self::OfLimit(part) => write!(formatter, ">={part} of limit"),
            Self::AtMost(most) => write!(formatter, "<={most}"),
            Self::P50(most) => write!(formatter, "p50<={}ms", milliseconds(*most)),
            Self::P99(most) => write!(formatter, "p99<={}ms", milliseconds(*most)),
            Self::Cores(most) => write!(formatter, "<={most} cores"),
            Self::NoneLost => formatter.write_str("none lost"),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Figures, Unit};

    #[test]
    fn judged_by_the_row() {
        let figures = |value, ms| Figures {
            p50: Some(Duration::from_millis(ms)),
            ..Figures::of(value)
        };
        let mut row = Row::new("get", Unit::PerSecond, figures(200.0, 1), figures(10.0, 9));
        let p50 = |ms| Goal::P50(Duration::from_millis(ms));
        for (goal, expected) in [
            (Goal::Times(20.0), Some(true)),
            (Goal::Times(20.1), Some(false)),
            (Goal::OfLimit(0.5), None),
            (Goal::NoneLost, None),
            (p50(1), Some(true)),
            (p50(0), Some(false)),
        ] {
            assert_eq!(goal.holds(&row), expected, "{goal}");
        }
        row.limit = Some(400.0);
        assert_eq!(Goal::OfLimit(0.5).holds(&row), Some(true));
        let memory = Row::new("memory", Unit::Mebibytes, Figures::of(50.0), Figures::of(500.0));
        assert_eq!(Goal::Times(10.0).holds(&memory), Some(true));
        assert_eq!(Goal::AtMost(49.0).holds(&memory), Some(false));
    }
}
