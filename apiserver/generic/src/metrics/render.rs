//! The text format.

use std::{collections::HashMap, fmt::Write as _};

use super::{BUCKETS, Latency, Series};

pub(super) fn page(
    series: &HashMap<Series, Latency>,
    answers: &HashMap<(Series, u16), u64>,
    (reads, writes): (usize, usize),
    long_running: usize,
) -> String {
    let mut page = String::new();
    request_total(&mut page, answers);
    request_duration(&mut page, series);
    declare(
        &mut page,
        "apiserver_current_inflight_requests",
        "gauge",
        "Requests that are answered at this moment.",
    );
    line(
        &mut page,
        "apiserver_current_inflight_requests",
        "request_kind=\"readOnly\"",
        reads,
    );
    line(
        &mut page,
        "apiserver_current_inflight_requests",
        "request_kind=\"mutating\"",
        writes,
    );
    declare(
        &mut page,
        "apiserver_longrunning_requests",
        "gauge",
        "Watches that are open.",
    );
    line(
        &mut page,
        "apiserver_longrunning_requests",
        "component=\"apiserver\"",
        long_running,
    );
    page
}

fn request_total(page: &mut String, answers: &HashMap<(Series, u16), u64>) {
    const NAME: &str = "apiserver_request_total";
    declare(page, NAME, "counter", "Answered requests.");
    let mut answers: Vec<_> = answers.iter().collect();
    answers.sort();
    for ((series, code), count) in answers {
        line(page, NAME, &format!("{},code=\"{code}\"", labels(series)), count);
    }
}

fn request_duration(page: &mut String, series: &HashMap<Series, Latency>) {
    const NAME: &str = "apiserver_request_duration_seconds";
    declare(
        page,
        NAME,
        "histogram",
        "How long requests took, until the last byte was sent.",
    );
    let mut all: Vec<_> = series.iter().collect();
    all.sort_by_key(|(series, _)| *series);
    for (series, latency) in all {
        let labels = labels(series);
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(latency.buckets) {
            below += count;
            line(
                page,
                &format!("{NAME}_bucket"),
                &format!("{labels},le=\"{bound}\""),
                below,
            );
        }
        line(
            page,
            &format!("{NAME}_bucket"),
            &format!("{labels},le=\"+Inf\""),
            latency.count,
        );
        line(page, &format!("{NAME}_sum"), &labels, latency.seconds);
        line(page, &format!("{NAME}_count"), &labels, latency.count);
    }
}

// Writing to a string does not fail.

fn declare(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(page: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(page, "{name}{{{labels}}} {value}");
}

/// Label values come from served definitions and fixed words: none needs escaping.
fn labels(series: &Series) -> String {
    let Series {
        verb,
        group,
        version,
        resource,
        subresource,
        scope,
        dry_run,
    } = series;
    format!(
        "verb=\"{verb}\",dry_run=\"{dry_run}\",group=\"{group}\",version=\"{version}\",resource=\"{resource}\",\
         subresource=\"{subresource}\",scope=\"{scope}\",component=\"apiserver\""
    )
}
