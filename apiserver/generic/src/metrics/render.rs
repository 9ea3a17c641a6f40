//! The page of the requests.

use super::{Counts, Series, declare, line};
use crate::flow::Load;

/// Upper bounds of the latency buckets in seconds, kube-apiserver's.
pub(super) const DURATIONS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];
pub(super) const SLI: [f64; 21] = [
    0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
];
/// Bytes.
pub(super) const SIZES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

const READS: &str = "request_kind=\"readOnly\"";
const WRITES: &str = "request_kind=\"mutating\"";

/// The page for series with their labels.
pub(super) fn page(series: &[(Series, String, Counts)], load: Load) -> String {
    let mut page = String::new();
    durations(&mut page, series);
    answers(&mut page, series);
    let name = "apiserver_current_inflight_requests";
    declare(&mut page, name, "gauge", "Requests that are answered at this moment.");
    line(&mut page, name, READS, load.reads);
    line(&mut page, name, WRITES, load.writes);
    let name = "apiserver_current_inqueue_requests";
    declare(&mut page, name, "gauge", "Requests that wait for a place.");
    line(&mut page, name, READS, load.waiting_reads);
    line(&mut page, name, WRITES, load.waiting_writes);
    page
}

fn durations(page: &mut String, all: &[(Series, String, Counts)]) {
    let name = "apiserver_request_duration_seconds";
    declare(
        page,
        name,
        "histogram",
        "How long requests took, until the last byte was sent.",
    );
    for (series, what, counts) in all.iter().filter(|(_, _, counts)| counts.took.count() > 0) {
        counts.took.render(page, name, &with_dry_run(series, what), &DURATIONS);
    }
    let name = "apiserver_request_sli_duration_seconds";
    declare(
        page,
        name,
        "histogram",
        "How long requests took, without the time in which they waited for their turn.",
    );
    for (series, what, counts) in all.iter().filter(|(_, _, counts)| counts.took_us.count() > 0) {
        counts.took_us.render(page, name, &plain(series, what), &SLI);
    }
    let name = "apiserver_response_sizes";
    declare(page, name, "histogram", "Bytes of the answers to reads.");
    for (series, what, counts) in all.iter().filter(|(_, _, counts)| counts.sizes.count() > 0) {
        counts.sizes.render(page, name, &plain(series, what), &SIZES);
    }
}

fn answers(page: &mut String, all: &[(Series, String, Counts)]) {
    let name = "apiserver_request_total";
    declare(page, name, "counter", "Answered requests.");
    for (series, what, counts) in all {
        for (code, count) in &counts.answers {
            let labels = with_dry_run(series, what);
            line(page, name, &format!("{labels},code=\"{code}\""), count);
        }
    }
    let name = "apiserver_request_terminations_total";
    declare(
        page,
        name,
        "counter",
        "Requests that the server ended to protect itself.",
    );
    for (series, what, counts) in all {
        for (code, count) in &counts.terminated {
            line(page, name, &format!("{},code=\"{code}\"", plain(series, what)), count);
        }
    }
    let name = "apiserver_request_aborts_total";
    declare(
        page,
        name,
        "counter",
        "Requests whose client did not wait for the answer.",
    );
    for (series, what, counts) in all.iter().filter(|(_, _, counts)| counts.aborted > 0) {
        line(page, name, &format!("verb=\"{}\",{what}", series.verb), counts.aborted);
    }
    let name = "apiserver_longrunning_requests";
    declare(page, name, "gauge", "Watches that are open.");
    for (series, what, counts) in all.iter().filter(|(series, _, _)| series.verb == "WATCH") {
        line(page, name, &plain(series, what), counts.open);
    }
}

fn plain(series: &Series, what: &str) -> String {
    format!("verb=\"{}\",{what},component=\"{}\"", series.verb, series.component())
}

fn with_dry_run(series: &Series, what: &str) -> String {
    let (verb, dry_run, component) = (series.verb, series.dry_run, series.component());
    format!("verb=\"{verb}\",dry_run=\"{dry_run}\",{what},component=\"{component}\"")
}
