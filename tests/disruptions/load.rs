//! Clients that create, change, read and delete GuestClusters through kube-apiserver all the time, and one that watches them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::StreamExt as _;
use guestcluster_tests::{Manifest, client};
use guestcluster_types::GuestCluster;
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{
    runtime::Runtime,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::record::{Record, Seen, State};

/// Between two requests of a client.
const PACE: Duration = Duration::from_millis(20);
/// Longest for an answer: as long as kubectl's own.
const PATIENCE: Duration = Duration::from_secs(32);
/// Changes of an object before the next one is made; each second object is deleted then.
const CHANGES: u32 = 8;
/// Longest until the watch has shown everything.
const CATCH_UP: Duration = Duration::from_secs(30);
/// Which change of its object was the last.
const LABEL: &str = "change";
/// HTTP status for what is no longer kept.
const GONE: u16 = 410;

/// Running clients.
pub(crate) struct Load {
    runtime: Runtime,
    guests: Api<GuestCluster>,
    record: Arc<Mutex<Record>>,
    stop: CancellationToken,
    writers: Vec<tokio::task::JoinHandle<()>>,
    watcher: tokio::task::JoinHandle<()>,
    prefix: String,
}

impl Load {
    /// Starts so many, with objects whose names begin with the disruption's.
    pub(crate) fn start(kubeconfig: &Path, name: &str, clients: usize) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let record = Arc::new(Mutex::new(Record::default()));
        let stop = CancellationToken::new();
        let prefix: String = name.split('-').filter_map(|word| word.chars().next()).collect();
        let guests = runtime.block_on(guests(kubeconfig))?;
        let mut writers = Vec::new();
        for number in 0..clients {
            let writer = Writer {
                // Each with connections of its own.
                guests: runtime.block_on(self::guests(kubeconfig))?,
                record: record.clone(),
                stop: stop.clone(),
                prefix: format!("{prefix}{number}"),
            };
            writers.push(runtime.spawn(writer.run()));
        }
        let watcher = runtime.spawn(watch(runtime.block_on(self::guests(kubeconfig))?, record.clone()));
        Ok(Self {
            runtime,
            guests,
            record,
            stop,
            writers,
            watcher,
            prefix,
        })
    }

    /// Requests that failed so far.
    pub(crate) fn failures(&self) -> usize {
        self.record.lock().failures.len()
    }

    /// When the last one failed, and how.
    pub(crate) fn last_failure(&self) -> Option<String> {
        self.record.lock().failures.last().map(|(_, why)| why.clone())
    }

    /// Requests that failed so far, with the first word of each being what was asked.
    pub(crate) fn all_failures(&self) -> Vec<String> {
        self.record.lock().failures.iter().map(|(_, why)| why.clone()).collect()
    }

    /// Watches that had to list anew so far.
    pub(crate) fn relists(&self) -> usize {
        self.record.lock().relists
    }

    /// What is known so far is no more: the objects are those of a moment before the load began.
    pub(crate) fn all_restored(&self) {
        self.record.lock().expect_none();
    }

    pub(crate) fn since_failure(&self) -> Option<Duration> {
        self.record.lock().failures.last().map(|(at, _)| at.elapsed())
    }

    /// Stops them, compares what was acknowledged with what is there and what the watch has shown, and removes all.
    pub(crate) fn finish(self) -> anyhow::Result<Record> {
        self.stop.cancel();
        let found = self.runtime.block_on(async {
            for writer in self.writers {
                writer.await?;
            }
            let list = self.guests.list(&ours()).await?;
            anyhow::Ok(living(&list.items).map(seen).collect::<Vec<_>>())
        })?;
        let found: Vec<Seen> = found
            .into_iter()
            .filter(|seen| seen.name.starts_with(&self.prefix))
            .collect();
        self.runtime.block_on(async {
            let caught_up = async {
                while !self.record.lock().has_shown(&found) {
                    sleep(PACE).await;
                }
            };
            // Without it, the judgement says what is missing.
            let _ = timeout(CATCH_UP, caught_up).await;
            self.watcher.abort();
            anyhow::Ok(())
        })?;
        let mut record = std::mem::take(&mut *self.record.lock());
        record.judge(&found);
        self.runtime
            .block_on(self.guests.delete_collection(&DeleteParams::default(), &ours()))
            .context("removing the objects")?;
        Ok(record)
    }
}

struct Writer {
    guests: Api<GuestCluster>,
    record: Arc<Mutex<Record>>,
    stop: CancellationToken,
    prefix: String,
}

impl Writer {
    async fn run(self) {
        for number in 0u32.. {
            if self.stop.is_cancelled() {
                return;
            }
            self.live(&format!("{}-{number}", self.prefix), number % 2 == 0).await;
        }
    }

    /// An object's life, until an answer is missing: what it is then nobody knows, and the next one begins.
    async fn live(&self, name: &str, ends: bool) -> Option<()> {
        self.record.lock().expect(name, State::Unknown);
        let (creation, object) = (PostParams::default(), guest(name)?);
        self.ask("create", self.guests.create(&creation, &object)).await?;
        self.record.lock().expect(name, State::Change(0));
        for change in 1..=CHANGES {
            if self.stop.is_cancelled() {
                return None;
            }
            let patch = Patch::Merge(json!({"metadata": {"labels": {LABEL: change.to_string()}}}));
            self.record.lock().expect(name, State::Between(change - 1, change));
            self.ask("patch", self.guests.patch(name, &PatchParams::default(), &patch))
                .await?;
            self.record.lock().expect(name, State::Change(change));
            let read = self.ask("get", self.guests.get(name)).await?;
            if seen(&read).change != Some(change) {
                self.record.lock().stale += 1;
            }
        }
        if ends {
            self.record.lock().expect(name, State::Unknown);
            self.ask("delete", self.guests.delete(name, &DeleteParams::default()))
                .await?;
            self.record.lock().expect(name, State::Gone);
        }
        Some(())
    }

    async fn ask<T>(&self, what: &str, request: impl Future<Output = kube::Result<T>>) -> Option<T> {
        sleep(PACE).await;
        let answer = timeout(PATIENCE, request).await;
        let mut record = self.record.lock();
        record.requests += 1;
        let failure = match answer {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => format!("{what}: {error:?}"),
            Err(_) => format!("{what}: no answer within {PATIENCE:?}"),
        };
        record.failures.push((Instant::now(), failure));
        None
    }
}

/// Watches for ever, from where it was when the watch ends.
async fn watch(guests: Api<GuestCluster>, record: Arc<Mutex<Record>>) {
    let mut version: Option<String> = None;
    loop {
        let Some(from) = version.clone() else {
            // What is there already counts as shown.
            match guests.list(&ours()).await {
                Ok(list) => {
                    version.clone_from(&list.metadata.resource_version);
                    record.lock().list(living(&list.items).map(seen).collect());
                }
                Err(_) => sleep(PACE).await,
            }
            continue;
        };
        let parameters = WatchParams::default().labels(LABEL);
        let events = match guests.watch(&parameters, &from).await {
            Ok(events) => events,
            Err(error) => {
                if matches!(&error, kube::Error::Api(status) if status.code == GONE) {
                    record.lock().relists += 1;
                    version = None;
                }
                sleep(PACE).await;
                continue;
            }
        };
        let mut events = events.boxed();
        while let Some(event) = events.next().await {
            let (object, removed) = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => (object, false),
                Ok(WatchEvent::Deleted(object)) => (object, true),
                Ok(WatchEvent::Bookmark(bookmark)) => {
                    version = Some(bookmark.metadata.resource_version);
                    continue;
                }
                Ok(WatchEvent::Error(status)) => {
                    if status.code == GONE {
                        record.lock().relists += 1;
                        version = None;
                    }
                    break;
                }
                Err(_) => break,
            };
            version = object.resource_version();
            record.lock().show(seen(&object), removed || is_ending(&object));
        }
    }
}

fn seen(object: &GuestCluster) -> Seen {
    Seen {
        name: object.name_any(),
        change: object.labels().get(LABEL).and_then(|change| change.parse().ok()),
        revision: object
            .resource_version()
            .and_then(|version| version.parse().ok())
            .unwrap_or_default(),
    }
}

/// All objects of loads.
fn ours() -> ListParams {
    ListParams::default().labels(LABEL)
}

/// Where controllers run, they have a last word before an object goes.
fn living(objects: &[GuestCluster]) -> impl Iterator<Item = &GuestCluster> {
    objects.iter().filter(|object| !is_ending(object))
}

fn is_ending(object: &GuestCluster) -> bool {
    object.metadata.deletion_timestamp.is_some()
}

/// One that controllers make nothing of; none if it were no GuestCluster.
fn guest(name: &str) -> Option<GuestCluster> {
    let manifest = Manifest::new(name, "v1.34", 1, 1).with("/spec/paused", json!(true));
    let mut guest: GuestCluster = serde_json::from_value(manifest.object).ok()?;
    guest.labels_mut().insert(LABEL.to_owned(), "0".to_owned());
    Some(guest)
}

async fn guests(kubeconfig: &Path) -> anyhow::Result<Api<GuestCluster>> {
    Ok(Api::namespaced(client(kubeconfig).await?, "team-a"))
}
