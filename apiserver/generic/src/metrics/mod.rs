//! Request metrics in Prometheus' text format, under the names and labels that dashboards for kube-apiserver use.
//!
//! Requests that are refused before they reach their resource (401, 403, 429) count too, which kube-apiserver's do not.

mod gate;
mod process;
mod render;
mod series;
mod text;

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::StatusCode;
use parking_lot::Mutex;

pub(crate) use self::gate::{Authenticated, Authorized};
use self::{
    gate::Gate,
    render::{DURATIONS, SIZES, SLI},
};
pub use self::{
    series::Series,
    text::{Histogram, declare, line, single},
};
use crate::{flow::Load, registry::ResourceDefinition, serve::VersionInfo};

/// What one server counted. Empty until it is asked something.
#[derive(Default)]
pub struct Metrics {
    series: Mutex<HashMap<Series, Counts>>,
    gate: Gate,
    handshakes_failed: AtomicU64,
}

#[derive(Clone, Default)]
struct Counts {
    /// By HTTP code.
    answers: BTreeMap<u16, u64>,
    took: Histogram<{ DURATIONS.len() }>,
    took_us: Histogram<{ SLI.len() }>,
    sizes: Histogram<{ SIZES.len() }>,
    /// Watches that are open.
    open: u64,
    aborted: u64,
    /// Ended by the server to protect itself, by HTTP code.
    terminated: BTreeMap<u16, u64>,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// HTTP code.
    pub code: StatusCode,
    /// From its arrival until the last byte was sent.
    pub took: Duration,
    /// How much of that it waited for its turn, which is not counted against the server.
    pub waited: Duration,
    /// Length of the body, where it is known.
    pub size: Option<u64>,
}

impl Metrics {
    /// Counts one answered request.
    pub fn observe(&self, series: Series, answered: Answered) {
        let mut all = self.series.lock();
        let counts = all.entry(series).or_default();
        *counts.answers.entry(answered.code.as_u16()).or_default() += 1;
        counts.took.observe(&DURATIONS, answered.took.as_secs_f64());
        if series.dry_run.is_empty() && series.verb != "WATCH" {
            let ours = answered.took.saturating_sub(answered.waited);
            counts.took_us.observe(&SLI, ours.as_secs_f64());
        }
        if let (Some(size), "GET" | "LIST") = (answered.size, series.verb) {
            // Exact up to a size that no answer has.
            #[expect(clippy::cast_precision_loss, reason = "sizes are below 2^52")]
            counts.sizes.observe(&SIZES, size as f64);
        }
    }

    /// Counts a watch as it begins.
    pub fn watch_began(&self, series: Series) {
        self.series.lock().entry(series).or_default().open += 1;
    }

    /// Counts a watch as it ends.
    pub fn watch_ended(&self, series: Series) {
        self.series.lock().entry(series).or_default().open -= 1;
    }

    /// Counts a request whose client did not wait for the answer.
    pub fn aborted(&self, series: Series) {
        self.series.lock().entry(series).or_default().aborted += 1;
    }

    /// Counts a request that the server ended to protect itself: too many, or too slow.
    pub fn terminated(&self, series: Series, code: StatusCode) {
        let mut all = self.series.lock();
        let terminated = &mut all.entry(series).or_default().terminated;
        *terminated.entry(code.as_u16()).or_default() += 1;
    }

    /// Counts a connection that ended before it was encrypted.
    pub fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a look at who asks.
    pub(crate) fn authenticated(&self, outcome: Authenticated<'_>, took: Duration) {
        self.gate.authenticated(outcome, took);
    }

    /// Counts a look at what they may.
    pub(crate) fn authorized(&self, outcome: Authorized, took: Duration) {
        self.gate.authorized(outcome, took);
    }

    /// The page of a server of these definitions.
    pub fn render(&self, definitions: &[ResourceDefinition], load: Load, version: &VersionInfo) -> String {
        let counted: BTreeMap<Series, Counts> = self
            .series
            .lock()
            .iter()
            .map(|(key, counts)| (*key, counts.clone()))
            .collect();
        let labelled: Vec<(Series, String, Counts)> = counted
            .into_iter()
            .map(|(series, counts)| (series, series.what(definitions), counts))
            .collect();
        let mut page = render::page(&labelled, load);
        self.gate.append(&mut page);
        let help = "Connections that ended before they were encrypted.";
        let failed = self.handshakes_failed.load(Ordering::Relaxed);
        single(
            &mut page,
            "apiserver_tls_handshake_errors_total",
            "counter",
            help,
            failed,
        );
        process::append(&mut page, version);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{request::RequestInfo, serve::testing::definitions};

    fn series(line: &str) -> Series {
        let (method, uri) = line.split_once(' ').unwrap();
        let info = RequestInfo::parse(&method.parse().unwrap(), &uri.parse().unwrap());
        Series::of(&info, false, &definitions())
    }

    fn answered(code: StatusCode, milliseconds: u64) -> Answered {
        Answered {
            code,
            took: Duration::from_millis(milliseconds),
            waited: Duration::from_millis(milliseconds / 2),
            size: Some(2000),
        }
    }

    fn page(metrics: &Metrics) -> String {
        let version = VersionInfo {
            git_version: "v1.37.2".into(),
            major: "1".into(),
            minor: "37".into(),
        };
        let load = Load {
            reads: 1,
            writes: 2,
            waiting_reads: 3,
            waiting_writes: 4,
        };
        metrics.render(&definitions(), load, &version)
    }

    #[test]
    fn the_page_counts_by_labels() {
        let metrics = Metrics::default();
        let list = series("GET /apis/demo.example.io/v1/namespaces/a/widgets");
        for milliseconds in [4, 60, 100_000] {
            metrics.observe(list, answered(StatusCode::OK, milliseconds));
        }
        metrics.observe(list, answered(StatusCode::GONE, 0));
        let status = series("GET /apis/demo.example.io/v1/namespaces/a/widgets/w/status");
        metrics.observe(status, answered(StatusCode::OK, 0));
        metrics.observe(series("GET /apis/x/v1/whatever"), answered(StatusCode::NOT_FOUND, 0));
        let watch = series("GET /apis/demo.example.io/v1/widgets?watch=1");
        metrics.watch_began(watch);
        metrics.watch_began(watch);
        metrics.watch_ended(watch);
        metrics.aborted(list);
        metrics.terminated(list, StatusCode::TOO_MANY_REQUESTS);
        metrics.handshake_failed();
        let page = page(&metrics);
        let what = r#"group="demo.example.io",version="v1",resource="widgets",subresource="",scope="namespace""#;
        let labels = format!("verb=\"LIST\",dry_run=\"\",{what},component=\"apiserver\"");
        let plain = format!("verb=\"LIST\",{what},component=\"apiserver\"");
        let watching = what.replace("namespace", "cluster");
        let lines = [
            format!("apiserver_request_total{{{labels},code=\"200\"}} 3"),
            format!("apiserver_request_total{{{labels},code=\"410\"}} 1"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 2"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"0.1\"}} 3"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"60\"}} 3"),
            format!("apiserver_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 4"),
            format!("apiserver_request_duration_seconds_count{{{labels}}} 4"),
            format!("apiserver_request_sli_duration_seconds_bucket{{{plain},le=\"60\"}} 4"),
            format!("apiserver_response_sizes_bucket{{{plain},le=\"1000\"}} 0"),
            format!("apiserver_response_sizes_sum{{{plain}}} 8000"),
            format!("apiserver_request_aborts_total{{verb=\"LIST\",{what}}} 1"),
            format!("apiserver_request_terminations_total{{{plain},code=\"429\"}} 1"),
            format!("apiserver_longrunning_requests{{verb=\"WATCH\",{watching},component=\"apiserver\"}} 1"),
            "apiserver_current_inflight_requests{request_kind=\"readOnly\"} 1".to_owned(),
            "apiserver_current_inflight_requests{request_kind=\"mutating\"} 2".to_owned(),
            "apiserver_current_inqueue_requests{request_kind=\"readOnly\"} 3".to_owned(),
            "apiserver_current_inqueue_requests{request_kind=\"mutating\"} 4".to_owned(),
            "apiserver_tls_handshake_errors_total 1".to_owned(),
        ];
        for line in lines {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(page.contains("subresource=\"status\",scope=\"resource\""), "{page}");
        assert!(page.contains("resource=\"\"") && !page.contains("whatever"), "{page}");
    }

    #[test]
    fn verbs_and_scopes_are_kube_apiservers() {
        let widgets = "/apis/demo.example.io/v1/namespaces/a/widgets";
        let of = |line: &str| {
            let series = series(line);
            let what = series.what(&definitions());
            let scope = what.rsplit_once("scope=").unwrap().1.to_owned();
            (series.verb, scope.trim_matches('"').to_owned(), series.dry_run)
        };
        for (line, verb, scope, dry_run) in [
            (format!("POST {widgets}?dryRun=All"), "POST", "resource", "All"),
            (format!("POST {widgets}?dryRun=x"), "POST", "resource", "invalid"),
            (format!("DELETE {widgets}"), "DELETE", "namespace", ""),
            (format!("DELETE {widgets}/w"), "DELETE", "resource", ""),
            (
                format!("GET {widgets}?watch=1&fieldSelector=metadata.name=w"),
                "WATCH",
                "resource",
                "",
            ),
            ("GET /apis/demo.example.io/v1/widgets".to_owned(), "LIST", "cluster", ""),
            (format!("OPTIONS {widgets}"), "other", "namespace", ""),
            (
                format!("GET {widgets}?fieldSelector=metadata.name=w"),
                "GET",
                "resource",
                "",
            ),
            ("GET /version".to_owned(), "GET", "", ""),
        ] {
            assert_eq!(of(&line), (verb, scope.to_owned(), dry_run), "{line}");
        }
        let health = series("GET /livez/ping");
        assert!(health.what(&definitions()).contains("subresource=\"/livez\""));
        assert_eq!(health.component(), "");
        let info = RequestInfo::parse(&http::Method::PATCH, &format!("{widgets}/w").parse().unwrap());
        assert_eq!(Series::of(&info, true, &definitions()).verb, "APPLY");
    }

    #[test]
    fn every_metric_is_declared_once() {
        let page = page(&Metrics::default());
        let mut types: Vec<&str> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let all = types.len();
        types.sort_unstable();
        types.dedup();
        assert_eq!(all, types.len());
        assert!(all > 15, "{page}");
    }
}
