//! Many watchers of all objects, and a hundred writes a second: how long from a write to each watcher, and what is lost.

mod clock;
mod watcher;
mod writer;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::timeout,
};

use self::{
    clock::Clock,
    watcher::{Seen, Watcher},
    writer::{Writers, writes_in},
};
use crate::{
    api::Bench,
    generator::{Connection, Endpoint, Prepared, Samples},
    goals::Goal,
    servers::Server,
    table::{Figures, Row, Unit},
};

/// Watches of one connection: a program with some informers.
const PER_CONNECTION: usize = 10;
/// How long events may be under way after the last write.
const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let ms = |ms| Goal::P99(Duration::from_millis(ms));
    let mut rows = Vec::new();
    for (watchers, goals) in [
        (100, [Goal::NoneLost, ms(10), Goal::Cores(0.2)].as_slice()),
        (1000, &[Goal::NoneLost, ms(50)]),
    ] {
        let theirs = measure(bench, &bench.theirs, watchers).await?;
        let ours = measure(bench, &bench.ours, watchers).await?;
        let name = format!("{watchers} watchers, 100 writes/s");
        rows.push(Row::new(name, Unit::PerSecond, ours, theirs).with_goals(goals));
    }
    Ok(rows)
}

/// The value is the number of events that arrived in a second.
pub(super) async fn measure(bench: &Bench, server: &Server, watchers: usize) -> anyhow::Result<Figures> {
    let writers = Writers::connect(server).await?;
    let clock = Arc::new(Clock::new(watchers, writes_in(bench.plan.time)));
    let (stop, stopped) = watch::channel(false);
    let (_connections, mut watching) = open(server, watchers, &clock, &stopped).await?;
    let before = server.usage()?;
    let written = writers.write(&clock).await?;
    let mut seen = Vec::new();
    if timeout(GRACE, collect(&mut watching, &mut seen)).await.is_err() {
        stop.send_replace(true);
        collect(&mut watching, &mut seen).await;
    }
    let after = server.usage()?;
    let seen = seen
        .into_iter()
        .collect::<Result<Vec<_>, _>>()
        .context("a watcher panicked")?;
    Ok(figures(seen, &written, watchers).with_usage(before, after, written.elapsed()))
}

type Watching = JoinSet<Seen>;

/// Opens all watches; they last as long as their connections.
async fn open(
    server: &Server,
    watchers: usize,
    clock: &Arc<Clock>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<(Vec<Connection>, Watching)> {
    let (endpoint, all) = (&server.endpoint, server.kind.all);
    let newest = newest(endpoint, all).await?;
    let uri = endpoint.uri(&format!(
        "{all}?watch=true&allowWatchBookmarks=true&resourceVersion={newest}"
    ))?;
    let (mut connections, mut watching) = (Vec::new(), JoinSet::new());
    for _ in 0..watchers.div_ceil(PER_CONNECTION) {
        let mut connection = endpoint.connect().await?;
        for _ in 0..PER_CONNECTION {
            let watcher = Watcher::open(&mut connection, &uri, clock.clone()).await?;
            watching.spawn(watcher.watch(stopped.clone()));
        }
        connections.push(connection);
    }
    Ok((connections, watching))
}

/// Waits for watchers to end. Cancelling loses nothing.
async fn collect(watching: &mut Watching, seen: &mut Vec<Result<Seen, JoinError>>) {
    while let Some(ended) = watching.join_next().await {
        seen.push(ended);
    }
}

fn figures(seen: Vec<Seen>, written: &Samples, watchers: usize) -> Figures {
    let closed = seen.iter().filter(|seen| seen.closed).count();
    let mut samples = Samples::default();
    seen.into_iter()
        .flat_map(|seen| seen.times)
        .for_each(|time| samples.push(time));
    samples.finish(written.elapsed());
    let expected = written.count() * watchers;
    let lost = expected.saturating_sub(samples.count());
    let mut figures = Figures::of_samples(&samples);
    figures.lost = Some(lost as u64);
    if lost > 0 || closed > 0 {
        figures.notes.push(format!(
            "{lost} of {expected} events lost, {closed} of {watchers} watches closed"
        ));
    }
    figures.notes.push(format!("{:.0} writes/s", written.per_second()));
    figures.notes.extend(written.failures());
    figures
}

/// The revision that watches begin at.
async fn newest(endpoint: &Endpoint, all: &str) -> anyhow::Result<String> {
    let request = Prepared::get().request(&endpoint.uri(&format!("{all}?limit=1"))?, "");
    let list: Value = serde_json::from_slice(&endpoint.connect().await?.whole(request).await?)?;
    let revision = list["metadata"]["resourceVersion"].as_str().context("no revision")?;
    Ok(revision.to_owned())
}
