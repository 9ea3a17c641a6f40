//! What is kept of a request: one log line, and its metrics, when the answer was sent.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderValue, StatusCode, header::USER_AGENT, request::Parts};

use super::Caller;
use crate::{
    audit::Trail,
    metrics::{Answered, Metrics, Series},
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

/// Longer answers are told of, also where not every request is.
const SLOW: Duration = Duration::from_secs(1);

/// Whether every request is to have a line: `--log info,requests=debug`.
pub(super) fn lines_are_written() -> bool {
    tracing::enabled!(target: "requests", tracing::Level::DEBUG)
}

/// What is known when a request arrives.
pub(super) struct Arrival {
    at: Instant,
    series: Series,
    agent: Option<String>,
    remote: Option<SocketAddr>,
}

/// Counts a request that ends before it has an answer, as its client is gone.
pub(super) struct Unfinished<'a>(Option<&'a Metrics>, Series);

impl<'a> Unfinished<'a> {
    pub(super) fn new(metrics: &'a Metrics, series: Series) -> Unfinished<'a> {
        Unfinished(Some(metrics), series)
    }

    /// It has one.
    pub(super) fn finished(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(metrics) = self.0 {
            metrics.aborted(self.1);
        }
    }
}

/// Rides on the body of the answer; dropped when it was sent or given up.
pub(super) struct Record {
    pub(super) metrics: Arc<Metrics>,
    pub(super) arrival: Arrival,
    pub(super) info: RequestInfo,
    pub(super) audit_id: HeaderValue,
    pub(super) code: StatusCode,
    /// How long it waited for its turn.
    pub(super) waited: Duration,
    /// Who asked, and from where, as far as that is known.
    pub(super) origin: (Option<String>, Option<IpAddr>),
    /// Length of the body, where it is known.
    pub(super) size: Option<u64>,
    /// Writes its last event when the answer was sent.
    pub(super) _trail: Option<Trail>,
}

impl Arrival {
    pub(super) fn of(head: &Parts, caller: &Caller, series: Series) -> Arrival {
        Arrival {
            at: Instant::now(),
            series,
            agent: lines_are_written().then(|| head.headers.get(USER_AGENT).map(text).unwrap_or_default()),
            remote: match caller {
                Caller::Connection(connection) => connection.remote,
                Caller::User(_) => None,
            },
        }
    }
}

impl Record {
    /// Starts to count a watch as open.
    pub(super) fn begin(self) -> Record {
        if self.info.is_long_running() {
            self.metrics.watch_began(self.arrival.series);
        }
        self
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let took = self.arrival.at.elapsed();
        if self.info.is_long_running() {
            self.metrics.watch_ended(self.arrival.series);
        }
        let answered = Answered {
            code: self.code,
            took,
            waited: self.waited,
            size: self.size,
        };
        self.metrics.observe(self.arrival.series, answered);
        self.tell(took);
    }
}

impl Record {
    /// One line, where it is wanted: of every request, or only of those that somebody should know of.
    fn tell(&self, took: Duration) {
        let failed = self.code.is_server_error();
        let slow = took >= SLOW && !self.info.is_long_running();
        if !(failed || slow || self.arrival.agent.is_some()) {
            return;
        }
        let uri = shown(&self.info.path, &self.info.query);
        let (verb, code, audit_id) = (self.info.verb.as_str(), self.code.as_u16(), text(&self.audit_id));
        let (user, source) = &self.origin;
        let (waited, size, agent) = (self.waited, self.size, self.arrival.agent.as_deref());
        let source = source
            .or(self.arrival.remote.map(|remote| remote.ip()))
            .map(tracing::field::display);
        macro_rules! line {
            ($level:ident, $words:literal) => {
                tracing::$level!(
                    target: "requests", verb, uri, code, latency = ?took, ?waited, size, user, agent, source, audit_id, $words
                )
            };
        }
        if failed {
            line!(warn, "a request failed");
        } else if slow {
            line!(info, "a slow request");
        } else {
            line!(debug, "a request");
        }
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
