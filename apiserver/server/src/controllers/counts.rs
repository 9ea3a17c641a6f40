//! What the reconcilers of this process did, on the page of metrics, under controller-runtime's names and with its buckets.

use std::{collections::BTreeMap, time::Duration};

use generic_apiserver::metrics::{Histogram, declare, line};
use guestcluster_controllers::runs::{Observer, Outcome};
use parking_lot::Mutex;

/// Upper bounds, seconds.
const BOUNDS: [f64; 30] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5,
    1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 10.0, 60.0,
];

/// Upper bounds, seconds: from a guest that is told at once to one that nobody reaches for a token's life.
const UNTIL_IN_FORCE: [f64; 12] = [1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 60.0, 120.0, 600.0, 3600.0];

/// Counts of all controllers since the process started.
#[derive(Default)]
pub(crate) struct Counts {
    controllers: Mutex<BTreeMap<&'static str, OfController>>,
    revocations: Mutex<Histogram<{ UNTIL_IN_FORCE.len() }>>,
}

#[derive(Default)]
struct OfController {
    active: u64,
    success: u64,
    requeue_after: u64,
    error: u64,
    took: Histogram<{ BOUNDS.len() }>,
}

impl Counts {
    /// Appends them; nothing while no controller has worked.
    pub(crate) fn render(&self, page: &mut String) {
        let controllers = self.controllers.lock();
        if controllers.is_empty() {
            return;
        }
        let total = "controller_runtime_reconcile_total";
        declare(
            page,
            total,
            "counter",
            "Runs of a reconciler over an object, by how they ended.",
        );
        for (controller, of) in controllers.iter() {
            let results = [
                ("success", of.success),
                ("requeue_after", of.requeue_after),
                ("error", of.error),
            ];
            for (result, count) in results {
                line(
                    page,
                    total,
                    &format!("controller=\"{controller}\",result=\"{result}\""),
                    count,
                );
            }
        }
        let active = "controller_runtime_active_workers";
        declare(page, active, "gauge", "Runs of a reconciler that are under way.");
        for (controller, of) in controllers.iter() {
            line(page, active, &label(controller), of.active);
        }
        let took = "controller_runtime_reconcile_time_seconds";
        declare(page, took, "histogram", "How long a run of a reconciler took.");
        for (controller, of) in controllers.iter() {
            of.took.render(page, took, &label(controller), &BOUNDS);
        }
        self.revocations(page);
    }

    /// Appends how long revocations took.
    pub(crate) fn revocations(&self, page: &mut String) {
        let delay = "guestcluster_revocation_in_force_seconds";
        let help = "How long it took until every control-plane node of a guest refused what was revoked.";
        declare(page, delay, "histogram", help);
        self.revocations.lock().render(page, delay, "", &UNTIL_IN_FORCE);
    }
}

impl Observer for Counts {
    fn began(&self, controller: &'static str) {
        self.controllers.lock().entry(controller).or_default().active += 1;
    }

    fn ended(&self, controller: &'static str, outcome: Outcome, took: Duration) {
        let mut controllers = self.controllers.lock();
        let of = controllers.entry(controller).or_default();
        of.active = of.active.saturating_sub(1);
        match outcome {
            Outcome::Success => of.success += 1,
            Outcome::RequeueAfter => of.requeue_after += 1,
            Outcome::Error => of.error += 1,
            // Nothing can be said of it.
            Outcome::Cut => return,
        }
        of.took.observe(&BOUNDS, took.as_secs_f64());
    }

    fn in_force(&self, after: Duration) {
        self.revocations.lock().observe(&UNTIL_IN_FORCE, after.as_secs_f64());
    }
}

fn label(controller: &str) -> String {
    format!("controller=\"{controller}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_how_they_ended() {
        let (counts, mut page) = (Counts::default(), String::new());
        counts.render(&mut page);
        assert_eq!(page, "", "no controller works here");
        for (outcome, millis) in [(Outcome::Success, 20), (Outcome::Error, 70_000), (Outcome::Cut, 1)] {
            counts.began("machine");
            counts.ended("machine", outcome, Duration::from_millis(millis));
        }
        counts.began("machine");
        counts.in_force(Duration::from_secs(12));
        counts.render(&mut page);
        for expected in [
            r#"controller_runtime_reconcile_total{controller="machine",result="success"} 1"#,
            r#"controller_runtime_reconcile_total{controller="machine",result="error"} 1"#,
            r#"guestcluster_revocation_in_force_seconds_bucket{le="15"} 1"#,
            r#"controller_runtime_active_workers{controller="machine"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{controller="machine",le="0.025"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{controller="machine",le="60"} 1"#,
            r#"controller_runtime_reconcile_time_seconds_bucket{controller="machine",le="+Inf"} 2"#,
        ] {
            assert!(page.lines().any(|line| line == expected), "{expected} in\n{page}");
        }
    }
}
