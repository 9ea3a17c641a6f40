//! Clients that all start at once, each with a watch that first tells of every object.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bytes::{Bytes, BytesMut};
use http::Uri;
use http_body_util::BodyExt as _;
use tokio::task::JoinSet;

use crate::{
    api::Bench,
    generator::{Connection, Endpoint, Lines, Prepared, Samples},
    goals::Goal,
    servers::Server,
    table::{Figures, Row, Unit},
};

const CLIENTS: usize = 20;
const QUERY: &str = "?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
/// Longest for all of them.
const PATIENCE: Duration = Duration::from_mins(2);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let path = format!("{}{QUERY}", bench.ours.kind.all);
    let objects = bench.plan.objects;
    let theirs = start_all(&bench.theirs, &path, objects).await?;
    let ours = start_all(&bench.ours, &path, objects).await?;
    let initial = initial_events(&bench.ours.endpoint, &path).await?;
    let bare = bench.bare("watchlist", &initial)?;
    let limit = start_all(&bare, "/answer", objects).await?;
    let mut row = Row::new("20 clients start WatchList", Unit::Milliseconds, ours, theirs);
    row.limit = Some(limit.value);
    Ok(vec![row.with_goals(&[Goal::AtMost(700.0)])])
}

/// The value is when the last one knows everything.
async fn start_all(server: &Server, path: &str, objects: usize) -> anyhow::Result<Figures> {
    let uri = server.endpoint.uri(path)?;
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(server.endpoint.connect().await?);
    }
    let before = server.usage()?;
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for connection in connections {
        let started = start(connection, uri.clone(), objects);
        clients.spawn(async move {
            let started = tokio::time::timeout(PATIENCE, started).await;
            started.context("too late").flatten().map(|()| begin.elapsed())
        });
    }
    let mut samples = Samples::default();
    while let Some(finished) = clients.join_next().await {
        match finished.context("a client panicked")? {
            Ok(time) => samples.push(time),
            Err(error) => samples.fail(&error),
        }
    }
    let elapsed = begin.elapsed();
    samples.finish(elapsed);
    let last = samples.percentile(100).unwrap_or(PATIENCE);
    let figures = Figures {
        value: last.as_secs_f64() * 1000.0,
        ..Figures::of_samples(&samples)
    };
    Ok(figures.with_usage(before, server.usage()?, elapsed))
}

/// Watches until everything that existed was told.
async fn start(mut connection: Connection, uri: Uri, objects: usize) -> anyhow::Result<()> {
    let (head, mut body) = connection.send(Prepared::get().request(&uri, "")).await?.into_parts();
    ensure!(head.status.is_success(), "{}", head.status);
    let mut lines = Lines::default();
    let (mut added, mut ended) = (0, false);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        lines.feed(&data, |line| match Told::by(line) {
            Told::Added => added += 1,
            Told::InitialEventsEnd => ended = true,
            Told::Other => {}
        });
        if ended {
            ensure!(added == objects, "{added} objects in place of {objects}");
            return Ok(());
        }
    }
    bail!("it ended after {added} objects")
}

/// The bytes of a watch up to the end of its initial events.
async fn initial_events(endpoint: &Endpoint, path: &str) -> anyhow::Result<Bytes> {
    let mut connection = endpoint.connect().await?;
    let request = Prepared::get().request(&endpoint.uri(path)?, "");
    let mut body = connection.send(request).await?.into_body();
    let (mut bytes, mut lines, mut ended) = (BytesMut::new(), Lines::default(), false);
    while !ended {
        let frame = body.frame().await.context("it ended early")??;
        let Ok(data) = frame.into_data() else { continue };
        lines.feed(&data, |line| ended |= matches!(Told::by(line), Told::InitialEventsEnd));
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// What a line of a watch tells, by its beginning.
enum Told {
    Added,
    InitialEventsEnd,
    Other,
}

impl Told {
    fn by(line: &[u8]) -> Self {
        if line.starts_with(br#"{"type":"ADDED""#) {
            Self::Added
        } else if memchr::memmem::find(line, b"k8s.io/initial-events-end").is_some() {
            Self::InitialEventsEnd
        } else {
            Self::Other
        }
    }
}
