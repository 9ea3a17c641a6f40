//! `/metrics/slis`: how health checks end, for those who measure a service by it.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

use super::Check;
use crate::metrics::{declare, line};

/// The endpoints, which metrics call types.
const TYPES: [&str; 3] = ["healthz", "livez", "readyz"];
const HEALTH: &str = "kubernetes_healthcheck";
const TOTAL: &str = "kubernetes_healthchecks_total";

/// How often the checks of each endpoint passed and failed.
#[derive(Default)]
pub struct Slis(Mutex<BTreeMap<(&'static str, Arc<str>), Ends>>);

#[derive(Clone, Copy, Default)]
struct Ends {
    passed: u64,
    failed: u64,
}

impl Slis {
    /// Runs a check for an endpoint.
    pub(super) fn run(&self, endpoint: &str, check: &Check) -> Result<(), String> {
        let outcome = (check.run)();
        if let Some(endpoint) = TYPES.into_iter().find(|known| *known == endpoint) {
            let mut all = self.0.lock();
            let ends = all.entry((endpoint, check.name.clone())).or_default();
            match outcome {
                Ok(()) => ends.passed += 1,
                Err(_) => ends.failed += 1,
            }
        }
        outcome
    }

    /// The page; `checks` are those of an endpoint.
    pub fn page<'c, C: Iterator<Item = &'c Check>>(&self, checks: impl Fn(&str) -> C) -> String {
        let mut page = String::new();
        declare(
            &mut page,
            HEALTH,
            "gauge",
            "Whether a health check passes at this moment.",
        );
        for endpoint in TYPES {
            for check in checks(endpoint) {
                let passes = u8::from((check.run)().is_ok());
                line(&mut page, HEALTH, &labels(&check.name, endpoint), passes);
            }
        }
        declare(
            &mut page,
            TOTAL,
            "counter",
            "How health checks ended that somebody asked for.",
        );
        for ((endpoint, name), ends) in &*self.0.lock() {
            for (status, count) in [("success", ends.passed), ("error", ends.failed)] {
                if count > 0 {
                    let labels = format!("{},status=\"{status}\"", labels(name, endpoint));
                    line(&mut page, TOTAL, &labels, count);
                }
            }
        }
        page
    }
}

/// Names of checks are the server's own words.
fn labels(name: &str, endpoint: &str) -> String {
    format!("name=\"{name}\",type=\"{endpoint}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{health::answer, request::Query};

    #[test]
    fn checks_are_shown_as_they_are_and_counted_as_they_were() {
        let checks = [
            Check::new("ping", || Ok(())),
            Check::new("store", || Err("full".into())),
        ];
        let slis = Slis::default();
        for _ in 0..2 {
            answer("readyz", None, &Query::default(), checks.iter(), &slis).unwrap();
        }
        answer("livez", Some("ping"), &Query::default(), checks.iter(), &slis).unwrap();
        let page = slis.page(|_| checks.iter());
        for line in [
            "kubernetes_healthcheck{name=\"ping\",type=\"healthz\"} 1",
            "kubernetes_healthcheck{name=\"store\",type=\"readyz\"} 0",
            "kubernetes_healthchecks_total{name=\"ping\",type=\"readyz\",status=\"success\"} 2",
            "kubernetes_healthchecks_total{name=\"store\",type=\"readyz\",status=\"error\"} 2",
            "kubernetes_healthchecks_total{name=\"ping\",type=\"livez\",status=\"success\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}
