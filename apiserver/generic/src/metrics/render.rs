//! The text format.

use super::{BUCKETS, Counts, Series, declare, text::line};
use crate::{discovery::subresources, flow::Load, registry::ResourceDefinition};

const TOTAL: &str = "apiserver_request_total";
const DURATION: &str = "apiserver_request_duration_seconds";
const IN_FLIGHT: &str = "apiserver_current_inflight_requests";
const IN_QUEUE: &str = "apiserver_current_inqueue_requests";
const READS: &str = "request_kind=\"readOnly\"";
const WRITES: &str = "request_kind=\"mutating\"";
const LONG_RUNNING: &str = "apiserver_longrunning_requests";

/// The page for series with their labels.
pub(super) fn page(series: &[(String, Counts)], load: Load, long_running: usize) -> String {
    let mut page = String::new();
    declare(&mut page, TOTAL, "counter", "Answered requests.");
    for (labels, counts) in series {
        for (code, count) in &counts.answers {
            line(&mut page, TOTAL, &format!("{labels},code=\"{code}\""), count);
        }
    }
    declare(
        &mut page,
        DURATION,
        "histogram",
        "How long requests took, until the last byte was sent.",
    );
    for (labels, counts) in series {
        duration(&mut page, labels, counts);
    }
    declare(
        &mut page,
        IN_FLIGHT,
        "gauge",
        "Requests that are answered at this moment.",
    );
    line(&mut page, IN_FLIGHT, READS, load.reads);
    line(&mut page, IN_FLIGHT, WRITES, load.writes);
    declare(&mut page, IN_QUEUE, "gauge", "Requests that wait for a place.");
    line(&mut page, IN_QUEUE, READS, load.waiting_reads);
    line(&mut page, IN_QUEUE, WRITES, load.waiting_writes);
    declare(&mut page, LONG_RUNNING, "gauge", "Watches that are open.");
    line(&mut page, LONG_RUNNING, "component=\"apiserver\"", long_running);
    page
}

fn duration(page: &mut String, labels: &str, counts: &Counts) {
    counts.took.render(page, DURATION, labels, &BUCKETS);
}

/// The labels in text. Their values come from served definitions and fixed words: none needs escaping.
pub(super) fn labels(series: &Series, definitions: &[ResourceDefinition]) -> String {
    let Series {
        verb,
        served,
        scope,
        dry_run,
    } = series;
    let definition = served.and_then(|(index, _)| definitions.get(index));
    let (group, version, resource) = definition.map_or(("", "", ""), |definition| {
        (
            &definition.names.group,
            &definition.names.version,
            &definition.names.plural,
        )
    });
    let subresources = definition.map(subresources).unwrap_or_default();
    let position = served.and_then(|(_, position)| position.checked_sub(1));
    let subresource = position
        .and_then(|position| subresources.get(position))
        .map_or("", |subresource| subresource.name);
    format!(
        "verb=\"{verb}\",dry_run=\"{dry_run}\",group=\"{group}\",version=\"{version}\",resource=\"{resource}\",\
         subresource=\"{subresource}\",scope=\"{scope}\",component=\"apiserver\""
    )
}
