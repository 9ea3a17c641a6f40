//! The server is stopped, or killed, while everybody is at it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use guestcluster_tests::{Connection, Endpoint, Start, Supervisor, seeds};
use http::{Method, StatusCode};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::Value;
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    churn::{finished, last_write, make_namespaces, view, watcher},
    form::{Kept, Kind, Shown},
    object::{Key, NAMESPACES, Object, same},
    progress::Progress,
    stream::View,
    watcher::{Piece, Record},
    writer::{Outcome, Write, choose, outcome},
};

const OWNERS: usize = 6;
/// Objects that each of them has for itself.
const NAMES: usize = 8;
const WATCHERS: usize = 20;
const RESTARTS: usize = 4;

#[test]
fn nothing_that_was_acknowledged_is_lost_by_a_stop_or_a_kill() {
    for seed in seeds() {
        println!("seed {seed}");
        let mut supervisor = Supervisor::start(Start {
            layers: Some("none".to_owned()),
            ..Start::default()
        });
        let endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig()).unwrap();
        if let Err(error) = round(&mut supervisor, &endpoint, seed) {
            panic!("seed {seed}: {error:#}");
        }
    }
}

fn round(supervisor: &mut Supervisor, endpoint: &Endpoint, seed: u64) -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    runtime.block_on(make_namespaces(endpoint))?;
    let mut random = StdRng::seed_from_u64(seed);
    // There is no witness to wait for.
    let progress = Arc::new(Progress::default());
    progress.tell(|point| point.witnessed = u64::MAX / 2);
    let (mut owners, mut watchers) = (JoinSet::new(), JoinSet::new());
    for number in 0..OWNERS {
        let owner = Owner::new(endpoint, number, &mut random, &progress);
        owners.spawn_on(owner.run(), runtime.handle());
    }
    let kept = Arc::<Kept>::default();
    for number in 0..WATCHERS {
        let mut watcher = watcher(view(endpoint, &kept, number), number, &mut random, &progress);
        watcher.forgiving = true;
        watchers.spawn_on(watcher.run(), runtime.handle());
    }
    for number in 0..RESTARTS {
        let enough = progress.now().writes + random.random_range(50..500);
        runtime.block_on(progress.until("more is written", |point| point.writes >= enough));
        progress.tell(|point| point.down = true);
        if number % 2 == 0 {
            println!("stop after {enough} writes");
            supervisor.stop();
        } else {
            println!("kill -9 after {enough} writes");
            supervisor.kill();
        }
        supervisor.restart();
        progress.tell(|point| {
            point.down = false;
            point.restarts += 1;
        });
    }
    runtime.block_on(async {
        let enough = progress.now().writes + 100;
        progress.until("more is written", |point| point.writes >= enough).await;
        progress.tell(|point| point.stop = true);
        let stored = finished(&mut owners).await?.concat();
        let last = last_write(endpoint).await?;
        progress.tell(|point| point.last = Some(last));
        judge(endpoint, &stored, finished(&mut watchers).await?).await
    })
}

/// A writer whose objects nobody else writes, so that it knows what they must be.
struct Owner {
    number: usize,
    endpoint: Endpoint,
    random: StdRng,
    progress: Arc<Progress>,
    keys: Vec<Key>,
    /// What was acknowledged last.
    known: HashMap<Key, Object>,
    stored: Vec<Object>,
}

impl Owner {
    fn new(endpoint: &Endpoint, number: usize, random: &mut StdRng, progress: &Arc<Progress>) -> Self {
        // Names that the selections of watchers know too.
        let names = (0..NAMES).map(|name| name * OWNERS + number);
        let keys = names.map(|name| Key::new(NAMESPACES[name % NAMESPACES.len()], &format!("cm-{name}")));
        Self {
            number,
            endpoint: endpoint.clone(),
            random: StdRng::seed_from_u64(random.random()),
            progress: progress.clone(),
            keys: keys.collect(),
            known: HashMap::new(),
            stored: Vec::new(),
        }
    }

    /// Writes until it is told to stop; what was stored.
    async fn run(mut self) -> anyhow::Result<Vec<Object>> {
        let mut connection = None;
        for turn in 0.. {
            let begun = self.progress.now();
            if begun.stop {
                break;
            }
            let key = self.keys.choose(&mut self.random).context("no keys")?.clone();
            let mark = format!("{}-{turn}", self.number);
            let write = choose(&mut self.random, &key, self.known.get(&key), &mark, self.number);
            let answer = send(&write, &self.endpoint, &mut connection).await;
            let now = self.progress.now();
            match answer {
                Ok((status, answer)) => self
                    .take(key, outcome(status, &answer))
                    .await
                    .with_context(|| write.line())?,
                Err(_) if now.down || now.restarts != begun.restarts => {
                    connection = None;
                    self.progress.until("the server is back", |point| !point.down).await;
                    self.look(&key, &write).await?;
                }
                Err(error) => return Err(error.context(write.line())),
            }
        }
        Ok(self.stored)
    }

    async fn take(&mut self, key: Key, outcome: anyhow::Result<Outcome>) -> anyhow::Result<()> {
        match outcome? {
            Outcome::Stored(object) => {
                self.progress.acknowledge(object.revision).await;
                self.stored.push((*object).clone());
                self.known.insert(key, *object);
            }
            Outcome::Removed(_) => {
                self.progress.acknowledge(0).await;
                self.known.remove(&key);
            }
            Outcome::Refused => bail!("nobody else writes this"),
        }
        Ok(())
    }

    /// After a restart: everything is as it was acknowledged, but for one write whose answer nobody heard.
    async fn look(&mut self, unheard: &Key, write: &Write) -> anyhow::Result<()> {
        let mut connection = None;
        let newest = self.known.values().map(|object| object.revision).max().unwrap_or(0);
        for key in self.keys.clone() {
            let get = Write::new(Method::GET, key.path(), "application/json", Value::Null);
            let (status, answer) = send(&get, &self.endpoint, &mut connection).await?;
            let found = match status {
                StatusCode::NOT_FOUND => None,
                StatusCode::OK => Some(Object::parse(std::str::from_utf8(&answer)?)?),
                other => bail!("{other}"),
            };
            let known = self.known.get(&key);
            let as_known = match (&found, known) {
                (None, None) => true,
                (Some(found), Some(known)) => found.revision == known.revision && same(&found.whole, &known.whole),
                _ => false,
            };
            let as_written = key == *unheard
                && match &found {
                    Some(found) => !write.is_removal() && found.revision > newest,
                    None => write.is_removal(),
                };
            ensure!(
                as_known || as_written,
                "{key:?}\nacknowledged: {known:?}\nfound: {found:?}\nunheard: {}",
                write.line()
            );
            match found {
                Some(found) => self.known.insert(key, found),
                None => self.known.remove(&key),
            };
        }
        Ok(())
    }
}

async fn send(
    write: &Write,
    endpoint: &Endpoint,
    connection: &mut Option<Connection>,
) -> anyhow::Result<(StatusCode, bytes::Bytes)> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(endpoint.connect().await?),
    };
    write.send(endpoint, connection).await
}

async fn judge(endpoint: &Endpoint, stored: &[Object], watchers: Vec<(View, Record)>) -> anyhow::Result<()> {
    let mut connection = endpoint.connect().await?;
    let (mut resumed, mut lost) = (0, 0);
    for (view, record) in watchers {
        let what = || format!("{:?} of {:?}", view.form, view.selection);
        let known = follow(&view, &record, stored).with_context(what)?;
        let (_, objects) = view.list(&mut connection).await?;
        let objects: BTreeMap<_, _> = objects.iter().map(entry).collect();
        ensure!(known == objects, "{}\nknown: {known:?}\nfound: {objects:?}", what());
        resumed += record.resumed;
        lost += record.lost;
    }
    println!(
        "{} stored; watchers went on {resumed} times, were too late {lost} times",
        stored.len()
    );
    Ok(())
}

/// Follows what a watcher learned: nothing comes twice, out of order, or without what must come before it, and no stored object
/// is missed. What the watcher knows in the end.
fn follow(view: &View, record: &Record, stored: &[Object]) -> anyhow::Result<BTreeMap<Key, u64>> {
    let mut objects = BTreeMap::new();
    let mut newest = 0;
    let mut events = BTreeMap::new();
    // From where to where it watched without a gap.
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for piece in &record.pieces {
        match piece {
            Piece::All {
                revision, objects: all, ..
            } => {
                ensure!(*revision >= newest, "a list at {revision} after {newest}");
                newest = *revision;
                objects = all.iter().map(entry).collect();
                spans.push((newest, newest));
            }
            Piece::Change(change) => {
                let shown = &change.shown;
                let was = objects.get(&shown.key).copied();
                let right = was.is_some() != (change.kind == Kind::Added);
                ensure!(
                    right && shown.revision > newest,
                    "{change:?}, after {newest}; it was at {was:?}"
                );
                newest = shown.revision;
                match change.kind {
                    Kind::Deleted => objects.remove(&shown.key),
                    Kind::Added | Kind::Modified => objects.insert(shown.key.clone(), shown.revision),
                };
                events.insert(shown.revision, shown);
            }
            Piece::Bookmark(revision) => {
                ensure!(*revision >= newest, "a bookmark of {revision} after {newest}");
                newest = *revision;
            }
        }
        if let Some((_, until)) = spans.last_mut() {
            *until = newest;
        }
    }
    let watched = |revision: u64| spans.iter().any(|(from, until)| *from < revision && revision <= *until);
    for object in stored.iter().filter(|object| view.selection.matches(object)) {
        let expected = view.form.of(object);
        let found = events.get(&object.revision);
        let right = found.is_some_and(|found| found.key == object.key && same(&found.text, &expected.text));
        ensure!(
            right || !watched(object.revision),
            "stored: {expected:?}\nfound: {found:?}"
        );
    }
    Ok(objects)
}

fn entry(shown: &Shown) -> (Key, u64) {
    (shown.key.clone(), shown.revision)
}
