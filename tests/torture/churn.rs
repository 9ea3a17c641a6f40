//! Everybody at once, on a server that keeps little of the past.

use std::sync::Arc;

use anyhow::Context as _;
use guestcluster_tests::{Endpoint, Protocol, Start, Supervisor, seeds};
use http::Method;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    form::{Event, Form, Kept},
    history::History,
    object::{Key, NAMESPACES, Object, Selection, collection},
    progress::{Point, Progress},
    stream::View,
    watcher::{Beginning, Piece, Record, Watcher},
    writer::{Acknowledged, Write, Writer},
};

const WRITERS: usize = 10;
/// Four for each selection.
const WATCHERS: usize = 40;
/// Objects of a namespace that are written.
const NAMES: usize = 25;
/// Writes of a run.
const WRITES: usize = 6000;

#[test]
fn watchers_learn_exactly_what_happened() {
    for seed in seeds() {
        println!("seed {seed}");
        let arguments = ["--watch-history-mib", "1"].map(str::to_owned).into();
        let supervisor = Supervisor::start(Start {
            layers: Some("none".to_owned()),
            arguments,
            ..Start::default()
        });
        let endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig()).unwrap();
        let runtime = Runtime::new().unwrap();
        if let Err(error) = runtime.block_on(round(&endpoint, seed)) {
            panic!("seed {seed}: {error:#}");
        }
    }
}

async fn round(endpoint: &Endpoint, seed: u64) -> anyhow::Result<()> {
    make_namespaces(endpoint).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let progress = Arc::new(Progress::default());
    let kept = Arc::<Kept>::default();
    let witness = tokio::spawn(witness(view(endpoint, &kept, 0), progress.clone()));
    progress
        .until("the witness is there", |point| point.witnessed > 0)
        .await;
    let keys: Arc<[Key]> = NAMESPACES
        .iter()
        .flat_map(|namespace| (0..NAMES).map(|name| Key::new(namespace, &format!("cm-{name}"))))
        .collect();
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer {
            number,
            endpoint: endpoint.clone(),
            random: StdRng::seed_from_u64(random.random()),
            progress: progress.clone(),
            keys: keys.clone(),
        };
        writers.spawn(writer.run());
    }
    let mut watchers = JoinSet::new();
    for number in 0..WATCHERS {
        watchers.spawn(watcher(view(endpoint, &kept, number), number, &mut random, &progress).run());
    }
    progress
        .until("enough is written", |point| point.writes >= WRITES)
        .await;
    progress.tell(|point| point.stop = true);
    let acknowledged = finished(&mut writers).await?.concat();
    let last = last_write(endpoint).await?;
    progress.tell(|point| point.last = Some(last));
    let witness = witness.await??;
    judge(endpoint, &witness, &acknowledged, finished(&mut watchers).await?).await
}

/// What all of them return, unless one fails.
pub(crate) async fn finished<T: 'static>(tasks: &mut JoinSet<anyhow::Result<T>>) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(one) = tasks.join_next().await {
        all.push(one??);
    }
    Ok(all)
}

pub(crate) async fn make_namespaces(endpoint: &Endpoint) -> anyhow::Result<()> {
    let mut connection = endpoint.connect().await?;
    for namespace in NAMESPACES {
        let body = json!({"metadata": {"name": namespace}});
        let create = Write::new(Method::POST, "/api/v1/namespaces".to_owned(), "application/json", body);
        let (status, answer) = create.send(endpoint, &mut connection).await?;
        anyhow::ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

/// The revision of a write after all others.
pub(crate) async fn last_write(endpoint: &Endpoint) -> anyhow::Result<u64> {
    let body = json!({"metadata": {"name": "last"}});
    let path = collection(NAMESPACES[0]);
    let create = Write::new(Method::POST, path, "application/json", body);
    let answer = create.send(endpoint, &mut endpoint.connect().await?).await?.1;
    Ok(Object::parse(std::str::from_utf8(&answer)?)?.revision)
}

/// What the n-th watcher reads: each selection meets each form.
pub(crate) fn view(endpoint: &Endpoint, kept: &Arc<Kept>, number: usize) -> View {
    View {
        endpoint: endpoint.clone(),
        selection: Selection::ALL[number % Selection::ALL.len()],
        form: Form::ALL[(number / Selection::ALL.len() + number) % Form::ALL.len()],
        kept: kept.clone(),
    }
}

/// A watcher with habits of its own.
pub(crate) fn watcher(view: View, number: usize, random: &mut StdRng, progress: &Arc<Progress>) -> Watcher {
    let beginnings = [Beginning::List, Beginning::WatchList, Beginning::FromAny];
    let protocols = [Protocol::Http2, Protocol::Http1, Protocol::Narrow(16 << 10)];
    let mut one_of = |number: usize| random.random_range(0..number);
    let (beginning, protocol) = (beginnings[one_of(3)], protocols[one_of(3)]);
    let bookmarks = random.random();
    let (form, selection) = (view.form, view.selection);
    Watcher {
        name: format!("watcher {number}: {form:?} of {selection:?}, {beginning:?}, {protocol:?}"),
        view,
        protocol,
        beginning,
        bookmarks,
        random: StdRng::seed_from_u64(random.random()),
        progress: progress.clone(),
        record: Record::default(),
        connection: None,
        forgiving: false,
    }
}

/// One who lists once and is never away.
async fn witness(view: View, progress: Arc<Progress>) -> anyhow::Result<Record> {
    let mut connection = view.endpoint.connect().await?;
    let (revision, objects) = view.list(&mut connection).await?;
    let mut record = Record::default();
    record.pieces.push(Piece::All { revision, objects });
    progress.tell(|point| point.witnessed = revision);
    let mut stream = view
        .watch(connection, &format!("timeoutSeconds=600&resourceVersion={revision}"))
        .await?;
    let all_seen = |point: &Point| point.last.is_some_and(|last| point.witnessed >= last);
    loop {
        let event = tokio::select! {
            event = stream.next() => event?.context("the witness was sent away")?,
            () = progress.comes_to(all_seen) => return Ok(record),
        };
        let Event::Change(change) = event else {
            anyhow::bail!("the witness learns {event:?}")
        };
        let revision = change.shown.revision;
        record.pieces.push(Piece::Change(change));
        progress.tell(|point| point.witnessed = revision);
    }
}

/// Compares what all of them know.
async fn judge(
    endpoint: &Endpoint,
    witness: &Record,
    acknowledged: &[Acknowledged],
    watchers: Vec<(View, Record)>,
) -> anyhow::Result<()> {
    let history = History::of(witness)?;
    history.check_acknowledged(acknowledged)?;
    let (mut resumed, mut lost, mut events) = (0, 0, 0);
    let mut connection = endpoint.connect().await?;
    for (view, record) in watchers {
        let what = || format!("{:?} of {:?}", view.form, view.selection);
        history.check(&view.selection, view.form, &record).with_context(what)?;
        let (revision, objects) = view.list(&mut connection).await?;
        history
            .check_all(&view.selection, view.form, revision, &objects)
            .with_context(what)?;
        resumed += record.resumed;
        lost += record.lost;
        events += record.pieces.len();
    }
    println!(
        "{} changes, {} acknowledged; watchers learned {events} times, went on {resumed} times, were too late {lost} times",
        history.len(),
        acknowledged.len()
    );
    anyhow::ensure!(
        lost > 0 && resumed > 0,
        "nobody fell behind: the test tests less than it should"
    );
    Ok(())
}
