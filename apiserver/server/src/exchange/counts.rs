//! What the exchange did, on the page of metrics. Labels are of closed lists: no person, guest or namespace makes a series.

use std::{collections::BTreeMap, time::Duration};

use generic_apiserver::metrics::{Histogram, declare, line};
use guestcluster_types::{Level, Refusal};
use parking_lot::Mutex;

/// Upper bounds, seconds. An exchange waits for one write and, behind a kube-apiserver, for a review and two Secrets.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

const TOTAL: &str = "guestcluster_credential_requests_total";
const TOOK: &str = "guestcluster_credential_request_duration_seconds";
const RECORDED: &str = "guestcluster_credentials";

/// What came of a request for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// There is a credential.
    Made,
    /// There would be one.
    DryRun,
    /// There is none.
    Refused(Refusal),
}

/// Counts since the process started.
#[derive(Default)]
pub(crate) struct Counts(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    /// The level is not known of what was refused before it was read.
    requests: BTreeMap<(Outcome, Option<Level>), u64>,
    /// Of those that made a credential.
    took: Histogram<{ BOUNDS.len() }>,
}

impl Outcome {
    /// As audit events and metrics name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Made => "Made",
            Outcome::DryRun => "DryRun",
            Outcome::Refused(refusal) => refusal.as_str(),
        }
    }
}

impl Counts {
    /// Counts a request.
    pub(super) fn ended(&self, outcome: Outcome, level: Option<Level>, took: Duration) {
        let mut counted = self.0.lock();
        *counted.requests.entry((outcome, level)).or_default() += 1;
        if outcome == Outcome::Made {
            counted.took.observe(&BOUNDS, took.as_secs_f64());
        }
    }

    /// Appends them to a page in Prometheus' text format; `recorded` are the GuestCredentials of each level.
    pub(crate) fn render(&self, page: &mut String, recorded: &BTreeMap<Level, u64>) {
        let counted = self.0.lock();
        declare(
            page,
            TOTAL,
            "counter",
            "Requests for credentials, by what came of them.",
        );
        for ((outcome, level), count) in &counted.requests {
            let (code, level) = (outcome.as_str(), level.map_or("", Level::as_str));
            line(page, TOTAL, &format!("code=\"{code}\",level=\"{level}\""), count);
        }
        declare(page, TOOK, "histogram", "How long it took to make a credential.");
        counted.took.render(page, TOOK, "", &BOUNDS);
        declare(
            page,
            RECORDED,
            "gauge",
            "GuestCredentials that are kept: those of live credentials, and until five minutes after their end.",
        );
        for level in Level::ALL {
            let count = recorded.get(&level).copied().unwrap_or_default();
            line(page, RECORDED, &format!("level=\"{level}\""), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_came_of_them() {
        let (counts, mut page) = (Counts::default(), String::new());
        for (outcome, level) in [
            (Outcome::Made, Some(Level::View)),
            (Outcome::Made, Some(Level::View)),
            (Outcome::DryRun, Some(Level::Admin)),
            (Outcome::Refused(Refusal::RateLimited), None),
        ] {
            counts.ended(outcome, level, Duration::from_millis(2));
        }
        counts.render(&mut page, &BTreeMap::from([(Level::BreakGlass, 3)]));
        for expected in [
            r#"guestcluster_credential_requests_total{code="Made",level="view"} 2"#,
            r#"guestcluster_credential_requests_total{code="DryRun",level="admin"} 1"#,
            r#"guestcluster_credential_requests_total{code="RateLimited",level=""} 1"#,
            r#"guestcluster_credential_request_duration_seconds_bucket{le="0.0025"} 2"#,
            "guestcluster_credential_request_duration_seconds_count 2",
            r#"guestcluster_credentials{level="break-glass"} 3"#,
            r#"guestcluster_credentials{level="view"} 0"#,
        ] {
            assert!(page.lines().any(|line| line == expected), "{expected} in\n{page}");
        }
    }
}
