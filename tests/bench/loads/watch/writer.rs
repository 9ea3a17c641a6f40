//! Writes at a steady rate, however long each takes.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use http::Uri;
use tokio::{task::JoinSet, time::Instant};

use super::clock::Clock;
use crate::{
    generator::{Answer, Connection, Expect, Prepared, Samples},
    objects,
    servers::Server,
};

/// Between two writes.
const EVERY: Duration = Duration::from_millis(10);
/// Enough that one that takes long holds up none of the others.
const WRITERS: usize = 50;
/// Objects that are written in turn.
const OBJECTS: usize = 500;

/// Clients with a connection each.
pub(super) struct Writers {
    connections: Vec<Connection>,
    uris: Arc<[Uri]>,
}

/// How many writes come in this time.
pub(super) fn writes_in(time: Duration) -> usize {
    usize::try_from(time.as_millis() / EVERY.as_millis()).unwrap_or(usize::MAX)
}

impl Writers {
    /// Connects them.
    pub(super) async fn connect(server: &Server) -> anyhow::Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..WRITERS {
            connections.push(server.endpoint.connect().await?);
        }
        let uris = (0..OBJECTS).map(|number| server.endpoint.uri(&server.kind.path(number)));
        Ok(Self {
            connections,
            uris: uris.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Writes until the clock's writes are done.
    pub(super) async fn write(self, clock: &Arc<Clock>) -> anyhow::Result<Samples> {
        let begin = Instant::now();
        let mut writers = JoinSet::new();
        for (first, connection) in self.connections.into_iter().enumerate() {
            writers.spawn(write(connection, first, self.uris.clone(), clock.clone(), begin));
        }
        let mut samples = Samples::default();
        while let Some(written) = writers.join_next().await {
            samples.add(written.context("a writer panicked")?);
        }
        samples.finish(begin.elapsed());
        Ok(samples)
    }
}

/// Each of the writers takes every so many'th write.
async fn write(
    mut connection: Connection,
    first: usize,
    uris: Arc<[Uri]>,
    clock: Arc<Clock>,
    begin: Instant,
) -> Samples {
    let (patch, body) = (Prepared::patch("application/merge-patch+json"), objects::to_patch());
    let mut samples = Samples::default();
    let mut due = begin + EVERY * u32::try_from(first).unwrap_or(u32::MAX);
    for number in (first..clock.writes()).step_by(WRITERS) {
        let request = patch.request(&uris[number % uris.len()], body.fill(&[&clock.mark(number)]));
        tokio::time::sleep_until(due).await;
        due += EVERY * u32::try_from(WRITERS).unwrap_or(u32::MAX);
        clock.send(number);
        let sent = Instant::now();
        let answer = Answer::to(&mut connection, request).await;
        match answer.and_then(|answer| Expect::ok(1000).check(&answer)) {
            Ok(()) => samples.push(sent.elapsed()),
            Err(error) => samples.fail(&error),
        }
    }
    samples
}
