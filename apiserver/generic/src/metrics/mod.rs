//! Request metrics in Prometheus' text format, under the names that dashboards for kube-apiserver use.

mod render;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use http::StatusCode;
use parking_lot::Mutex;

pub(crate) use self::text::{Histogram, declare};
use crate::{discovery::subresources, flow::Load, registry::ResourceDefinition, request::RequestInfo};

/// Upper bounds of the latency buckets in seconds, kube-apiserver's.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

/// What one server counted. Empty until it is asked something.
#[derive(Default)]
pub struct Metrics {
    series: Mutex<HashMap<Series, Counts>>,
    long_running: AtomicUsize,
}

/// The labels of a request, by position in the definitions. Requests for what is not served count together, so the number
/// of series is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    verb: &'static str,
    served: Option<Served>,
    scope: &'static str,
    dry_run: &'static str,
}

/// Positions of a definition and, from 1, of its subresource; 0 is the resource itself.
type Served = (usize, usize);

#[derive(Clone, Default)]
struct Counts {
    /// By HTTP code.
    answers: BTreeMap<u16, u64>,
    took: Histogram<{ BUCKETS.len() }>,
}

impl Series {
    /// The series of a request to a server of these definitions.
    pub fn of(info: &RequestInfo, definitions: &[ResourceDefinition]) -> Series {
        let verb = verb(&info.verb, info.is_resource);
        let served = locate(info, definitions);
        let dry_run = if info.query.first("dryRun") == Some("All") {
            "All"
        } else {
            ""
        };
        match served {
            None => Series {
                verb,
                served,
                scope: "",
                dry_run: "",
            },
            Some(_) => Series {
                verb,
                served,
                scope: scope(info),
                dry_run,
            },
        }
    }
}

impl Metrics {
    /// Counts one answered request.
    pub fn observe(&self, series: Series, code: StatusCode, took: Duration) {
        let mut all = self.series.lock();
        let counts = all.entry(series).or_default();
        *counts.answers.entry(code.as_u16()).or_default() += 1;
        counts.took.observe(&BUCKETS, took.as_secs_f64());
    }

    /// Counts a watch as it begins.
    pub fn watch_began(&self) {
        self.long_running.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a watch as it ends.
    pub fn watch_ended(&self) {
        self.long_running.fetch_sub(1, Ordering::Relaxed);
    }

    /// The page of a server of these definitions.
    pub fn render(&self, definitions: &[ResourceDefinition], load: Load) -> String {
        let counted: BTreeMap<Series, Counts> = self
            .series
            .lock()
            .iter()
            .map(|(key, counts)| (*key, counts.clone()))
            .collect();
        let labelled: Vec<(String, Counts)> = counted
            .into_iter()
            .map(|(series, counts)| (render::labels(&series, definitions), counts))
            .collect();
        render::page(&labelled, load, self.long_running.load(Ordering::Relaxed))
    }
}

/// Where the definitions serve what a request names, if they do.
fn locate(info: &RequestInfo, definitions: &[ResourceDefinition]) -> Option<Served> {
    let index = definitions.iter().position(|definition| {
        let names = &definition.names;
        names.plural == info.resource && names.group == info.group && names.version == info.version
    })?;
    if info.subresource.is_empty() {
        return Some((index, 0));
    }
    let served = subresources(&definitions[index]);
    let position = served
        .iter()
        .position(|subresource| subresource.name == info.subresource)?;
    Some((index, position + 1))
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
    use crate::serve::testing::definitions;

    fn series(uri: &str) -> Series {
        let info = RequestInfo::parse(&http::Method::GET, &uri.parse().unwrap());
        Series::of(&info, &definitions())
    }

    #[test]
    fn the_page_counts_by_labels() {
        let metrics = Metrics::default();
        let list = series("/apis/demo.example.io/v1/namespaces/a/widgets?dryRun=All");
        for milliseconds in [4, 60, 100_000] {
            metrics.observe(list, StatusCode::OK, Duration::from_millis(milliseconds));
        }
        metrics.observe(list, StatusCode::GONE, Duration::ZERO);
        let status = series("/apis/demo.example.io/v1/namespaces/a/widgets/w/status");
        metrics.observe(status, StatusCode::OK, Duration::ZERO);
        metrics.observe(series("/apis/x/v1/whatever"), StatusCode::NOT_FOUND, Duration::ZERO);
        metrics.watch_began();
        let page = metrics.render(
            &definitions(),
            Load {
                reads: 1,
                writes: 2,
                waiting_reads: 3,
                waiting_writes: 4,
            },
        );
        let labels = r#"verb="LIST",dry_run="All",group="demo.example.io",version="v1",resource="widgets",subresource="",scope="namespace",component="apiserver""#;
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
            "apiserver_current_inqueue_requests{request_kind=\"readOnly\"} 3".to_owned(),
            "apiserver_current_inqueue_requests{request_kind=\"mutating\"} 4".to_owned(),
            "apiserver_longrunning_requests{component=\"apiserver\"} 1".to_owned(),
        ];
        for line in lines {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.contains("subresource=\"status\",scope=\"resource\""), "{page}");
        assert!(page.contains("resource=\"\"") && !page.contains("whatever"), "{page}");
    }

    #[test]
    fn every_metric_is_declared_once() {
        let page = Metrics::default().render(&definitions(), Load::default());
        let types: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut unique = types.clone();
        unique.dedup();
        assert_eq!((types.len(), types), (5, unique));
    }
}
