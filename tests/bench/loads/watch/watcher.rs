//! One watch, and when its events arrived.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use http::Uri;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::watch;

use super::clock::Clock;
use crate::generator::{Connection, Lines, Prepared};

/// What one watcher saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// From each write to its event.
    pub(super) times: Vec<Duration>,
    /// Whether the server ended the watch.
    pub(super) closed: bool,
}

/// An open watch.
pub(super) struct Watcher {
    body: Incoming,
    clock: Arc<Clock>,
}

impl Watcher {
    /// Opens it; the server has begun to watch when this returns.
    pub(super) async fn open(connection: &mut Connection, uri: &Uri, clock: Arc<Clock>) -> anyhow::Result<Self> {
        let (head, body) = connection.send(Prepared::get().request(uri, "")).await?.into_parts();
        ensure!(head.status.is_success(), "{}", head.status);
        Ok(Self { body, clock })
    }

    /// Watches until all writes were seen, the watch ends or it is told to stop.
    pub(super) async fn watch(mut self, mut stop: watch::Receiver<bool>) -> Seen {
        let mut seen = Seen::default();
        let mut lines = Lines::default();
        while seen.times.len() < self.clock.writes() {
            let frame = tokio::select! {
                frame = self.body.frame() => frame,
                // Nobody can tell it any more when the sender is gone.
                _ = stop.wait_for(|stop| *stop) => return seen,
            };
            let Some(Ok(frame)) = frame else {
                seen.closed = true;
                return seen;
            };
            let Ok(data) = frame.into_data() else { continue };
            let clock = &self.clock;
            lines.feed(&data, |line| {
                seen.times.extend(number(line).and_then(|number| clock.since(number)));
            });
        }
        seen
    }
}

/// The number of the write that a line tells of.
fn number(line: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b"\"s=";
    let begin = memchr::memmem::find(line, MARK)? + MARK.len();
    let digits = line[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&line[begin..begin + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(
            number(br#"{"type":"MODIFIED","object":{"at":"s=120","x":1}}"#),
            Some(120)
        );
        assert_eq!(number(br#"{"type":"BOOKMARK","object":{}}"#), None);
    }
}
