//! Request metrics in Prometheus' text format, under the names that dashboards for kube-apiserver use.

mod render;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::StatusCode;
use parking_lot::Mutex;

use crate::request::RequestInfo;

/// Upper bounds of the latency buckets in seconds, kube-apiserver's.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

/// What one server counted. Empty until it is asked something.
#[derive(Default)]
pub struct Metrics {
    series: Mutex<HashMap<Series, Latency>>,
    answers: Mutex<HashMap<(Series, u16), u64>>,
    long_running: AtomicUsize,
}

/// The labels of a request. Only what the server serves gets a series, so their number is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    verb: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    scope: &'static str,
    dry_run: &'static str,
}

#[derive(Clone, Default)]
struct Latency {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

impl Series {
    /// The series of a request. `served` says whether it names a resource and subresource that exist; the rest is counted
    /// together.
    pub fn of(info: &RequestInfo, served: bool) -> Series {
        let verb = verb(&info.verb, info.is_resource);
        if !served {
            return Series {
                verb,
                ..Series::default()
            };
        }
        let dry_run = if info.query.first("dryRun") == Some("All") {
            "All"
        } else {
            ""
        };
        Series {
            verb,
            group: info.group.clone(),
            version: info.version.clone(),
            resource: info.resource.clone(),
            subresource: info.subresource.clone(),
            scope: scope(info),
            dry_run,
        }
    }
}

impl Metrics {
    /// Counts one answered request.
    pub fn observe(&self, series: Series, code: StatusCode, took: Duration) {
        let seconds = took.as_secs_f64();
        {
            let mut all = self.series.lock();
            let latency = all.entry(series.clone()).or_default();
            latency.count += 1;
            latency.seconds += seconds;
            if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
                latency.buckets[bucket] += 1;
            }
        }
        *self.answers.lock().entry((series, code.as_u16())).or_default() += 1;
    }

    /// Counts a watch as it begins.
    pub fn watch_began(&self) {
        self.long_running.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a watch as it ends.
    pub fn watch_ended(&self) {
        self.long_running.fetch_sub(1, Ordering::Relaxed);
    }

    /// The page. `in_flight` are the reads and writes that run.
    pub fn render(&self, in_flight: (usize, usize)) -> String {
        let long_running = self.long_running.load(Ordering::Relaxed);
        render::page(&self.series.lock(), &self.answers.lock(), in_flight, long_running)
    }
}

fn verb(verb: &str, is_resource: bool) -> &'static str {
    match verb {
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" | "post" => "POST",
        "update" | "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        "head" if !is_resource => "HEAD",
        _ => "other",
    }
}

fn scope(info: &RequestInfo) -> &'static str {
    if !info.is_resource {
        ""
    } else if !info.name.is_empty() {
        "resource"
    } else if !info.namespace.is_empty() {
        "namespace"
    } else {
        "cluster"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(uri: &str) -> RequestInfo {
        RequestInfo::parse(&http::Method::GET, &uri.parse().unwrap())
    }

    #[test]
    fn the_page_counts_by_labels() {
        let metrics = Metrics::default();
        let list = info("/apis/g.io/v1/namespaces/a/widgets?dryRun=All");
        for milliseconds in [4, 60, 100_000] {
            metrics.observe(
                Series::of(&list, true),
                StatusCode::OK,
                Duration::from_millis(milliseconds),
            );
        }
        metrics.observe(Series::of(&list, true), StatusCode::GONE, Duration::ZERO);
        metrics.observe(
            Series::of(&info("/apis/x/v1/whatever"), false),
            StatusCode::NOT_FOUND,
            Duration::ZERO,
        );
        metrics.watch_began();
        let page = metrics.render((1, 2));
        let labels = r#"verb="LIST",dry_run="All",group="g.io",version="v1",resource="widgets",subresource="",scope="namespace",component="apiserver""#;
        let lines = [
            format!("apiserver_request_total{{{labels},code=\"200\"}} 3"),
            format!("apiserver_request_total{{{labels},code=\"410\"}} 1"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 2"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"0.1\"}} 3"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"60\"}} 3"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 4"),
            format!("apiserver_request_duration_seconds_count{{{labels}}} 4"),
            "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1".to_owned(),
            "apiserver_current_inflight_requests{request_kind=\"mutating\"} 2".to_owned(),
            "apiserver_longrunning_requests{component=\"apiserver\"} 1".to_owned(),
        ];
        for line in lines {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.contains("resource=\"\"") && !page.contains("whatever"), "{page}");
    }

    #[test]
    fn every_metric_is_declared_once() {
        let page = Metrics::default().render((0, 0));
        let types: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut unique = types.clone();
        unique.dedup();
        assert_eq!((types.len(), types), (4, unique));
    }
}
