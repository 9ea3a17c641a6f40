//! What is kept of a request: one log line, and its metrics, when the answer was sent.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use http::{HeaderValue, StatusCode, header::USER_AGENT, request::Parts};

use super::Caller;
use crate::{
    audit::Trail,
    discovery::Documents,
    metrics::{Metrics, Series},
    request::{Query, RequestInfo},
};

/// Parameters whose values say nothing secret.
const SHOWN: &[&str] = &[
    "allowWatchBookmarks",
    "dryRun",
    "exclude",
    "fieldManager",
    "fieldSelector",
    "fieldValidation",
    "force",
    "labelSelector",
    "limit",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeout",
    "timeoutSeconds",
    "verbose",
    "watch",
];

/// What is known when a request arrives.
pub(super) struct Arrival {
    at: Instant,
    /// Only where the line will be written.
    line: Option<Line>,
}

struct Line {
    agent: String,
    remote: Option<SocketAddr>,
}

/// Rides on the body of the answer; dropped when it was sent or given up.
pub(super) struct Record {
    pub(super) metrics: Arc<Metrics>,
    pub(super) documents: Arc<Documents>,
    pub(super) arrival: Arrival,
    pub(super) info: RequestInfo,
    pub(super) audit_id: HeaderValue,
    pub(super) code: StatusCode,
    /// Writes its last event when the answer was sent.
    pub(super) _trail: Option<Trail>,
}

impl Arrival {
    pub(super) fn of(head: &Parts, caller: &Caller) -> Arrival {
        let line = tracing::enabled!(tracing::Level::DEBUG).then(|| Line {
            agent: head.headers.get(USER_AGENT).map(text).unwrap_or_default(),
            remote: match caller {
                Caller::Connection(connection) => connection.remote,
                Caller::User(_) => None,
            },
        });
        Arrival {
            at: Instant::now(),
            line,
        }
    }
}

impl Record {
    /// Starts to count a watch as open.
    pub(super) fn begin(self) -> Record {
        if self.info.is_long_running() {
            self.metrics.watch_began();
        }
        self
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.arrival.at.elapsed();
        if self.info.is_long_running() {
            self.metrics.watch_ended();
        }
        let series = Series::of(&self.info, self.documents.definitions());
        self.metrics.observe(series, self.code, took);
        let Some(line) = &self.arrival.line else { return };
        tracing::debug!(
            verb = self.info.verb,
            uri = shown(&self.info.path, &self.info.query),
            latency = ?took,
            code = self.code.as_u16(),
            agent = line.agent,
            remote = line.remote.map(tracing::field::display),
            audit_id = text(&self.audit_id),
            "request"
        );
    }
}

/// The URI with the values of unknown parameters left out: they may be secrets.
fn shown(path: &str, query: &Query) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(key, value)| {
            if SHOWN.contains(&key) {
                format!("{key}={value}")
            } else {
                format!("{key}=...")
            }
        })
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_are_not_shown() {
        let query = Query::parse("watch=true&code=s3cret&continue=abc");
        assert_eq!(shown("/x", &query), "/x?watch=true&code=...&continue=...");
        assert_eq!(shown("/x", &Query::default()), "/x");
    }
}
