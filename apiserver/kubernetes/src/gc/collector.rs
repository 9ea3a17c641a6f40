//! Follows the watch cache, and does what is to be done with each object that a change concerns.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use generic_apiserver::{
    Status,
    authn::User,
    cache::{Entry, EventKind, Next, Watcher},
    registry::{Registry, Resource},
    storage::Revision,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    actions,
    graph::{Graph, Object},
    judge::{self, Dependent, Owner, Verdict},
};
use crate::metadata::{FOREGROUND, Metadata, ORPHAN, OwnerReference};

/// Objects worked on at one time.
const PARALLEL: usize = 32;
/// First pause after a failure; doubled each time.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// Longest pause after a failure.
const LONGEST_RETRY: Duration = Duration::from_mins(1);
/// Kinds whose objects come and go often and own nothing.
const IGNORED: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];

/// Runs until it is stopped; sleeps while nothing in the cluster changes.
pub(crate) struct GarbageCollector {
    registry: Arc<Registry>,
    user: User,
    graph: Graph,
    /// Up to here the graph knows every change.
    known: Revision,
    /// Objects to look at; each at most once, so it is never longer than the cluster is large.
    queue: BTreeSet<Object>,
    /// Objects that changed after `known`: their dependents may not be in the graph yet.
    later: BTreeMap<Object, Revision>,
    /// Objects whose last attempt failed: when to try again, and how long to wait the next time.
    retries: HashMap<Object, (Instant, Duration)>,
    /// By position of the definition.
    sources: Vec<Option<Source>>,
}

struct Source {
    resource: Arc<Resource>,
    watcher: Option<Watcher>,
}

/// An object that was worked on, and how it went.
type Done = (Object, Result<(), Status>);

impl GarbageCollector {
    pub(crate) fn new(registry: Arc<Registry>) -> GarbageCollector {
        let sources = registry.definitions().iter().map(|definition| {
            let names = &definition.names;
            let is_followed = definition.virtual_create.is_none()
                && !IGNORED.contains(&(names.group.as_str(), names.plural.as_str()));
            let resource = is_followed
                .then(|| registry.resource(&names.group, &names.plural))
                .flatten()?;
            Some(Source {
                resource,
                watcher: None,
            })
        });
        GarbageCollector {
            graph: Graph::new(registry.definitions()),
            user: crate::controller_user("generic-garbage-collector"),
            known: 0,
            queue: BTreeSet::new(),
            later: BTreeMap::new(),
            retries: HashMap::new(),
            sources: sources.collect(),
            registry,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        self.restart();
        let mut working: FuturesUnordered<BoxFuture<'static, Done>> = FuturesUnordered::new();
        loop {
            // Before the events: whatever is taken afterwards holds all of them up to here.
            let seen = self.registry.cache().revision();
            if !self.take() {
                self.restart();
            }
            self.known = seen;
            self.requeue_known();
            self.requeue_due();
            while working.len() < PARALLEL
                && let Some(object) = self.queue.pop_first()
            {
                match self.work_on(&object) {
                    Some(work) => working.push(work),
                    None => drop(self.retries.remove(&object)),
                }
            }
            let registry = self.registry.clone();
            tokio::select! {
                Some((object, result)) = working.next() => self.done(object, result),
                () = registry.cache().wait_after(seen) => {}
                () = until(self.next_retry()) => {}
            }
        }
    }

    /// Looks at everything, and follows what changes afterwards.
    fn restart(&mut self) {
        self.graph.clear();
        for position in 0..self.sources.len() {
            let Some(cache) = self.sources[position]
                .as_ref()
                .and_then(|source| source.resource.cache().cloned())
            else {
                continue;
            };
            let snapshot = cache.snapshot();
            let watcher = cache.watch(snapshot.revision()).ok();
            if let Some(source) = &mut self.sources[position] {
                source.watcher = watcher;
            }
            for entry in snapshot.iter() {
                self.note(object(position, entry), entry);
            }
        }
    }

    /// Takes in what changed. False when some of it is lost.
    fn take(&mut self) -> bool {
        for position in 0..self.sources.len() {
            loop {
                let next = match &mut self.sources[position] {
                    Some(Source {
                        watcher: Some(watcher), ..
                    }) => watcher.try_next(),
                    Some(Source { watcher: None, .. }) => return false,
                    None => None,
                };
                match next {
                    None | Some(Next::Closed) => break,
                    Some(Next::Expired) => return false,
                    Some(Next::Event(event)) if event.kind == EventKind::Deleted => {
                        self.note_deletion(&object(position, &event.entry), event.revision);
                    }
                    Some(Next::Event(event)) => self.note(object(position, &event.entry), &event.entry),
                }
            }
        }
        true
    }

    fn note(&mut self, object: Object, entry: &Entry) {
        let concerns = contains(&entry.metadata(), br#""ownerReferences""#)
            || contains(&entry.metadata(), br#""deletionTimestamp""#)
            || self.graph.is_owned(&object);
        if !concerns {
            return;
        }
        let metadata = Metadata::of(entry);
        let is_held =
            metadata.is_terminating() && (metadata.has_finalizer(FOREGROUND) || metadata.has_finalizer(ORPHAN));
        if self.graph.set(&object, &metadata) || is_held || !metadata.owners().is_empty() {
            self.later.insert(object, entry.revision);
        }
    }

    fn note_deletion(&mut self, object: &Object, revision: Revision) {
        // Owners may have waited for it; its dependents may have lost their last owner.
        let owners = self.graph.remove(object);
        self.later.extend(owners.into_iter().map(|owner| (owner, revision)));
        self.later.extend(
            self.graph
                .dependents(object)
                .map(|dependent| (dependent.clone(), revision)),
        );
        self.retries.remove(object);
    }

    fn requeue_known(&mut self) {
        let known = self.known;
        self.queue.extend(
            self.later
                .extract_if(.., |_, revision| *revision <= known)
                .map(|(object, _)| object),
        );
    }

    /// What is to be done with an object, ready to be done; none when there is nothing.
    fn work_on(&mut self, object: &Object) -> Option<BoxFuture<'static, Done>> {
        let entry = self.entry(object)?;
        if entry.revision > self.known {
            self.later.insert(object.clone(), entry.revision);
            return None;
        }
        let metadata = Metadata::of(&entry);
        let owners: Vec<Owner> = metadata
            .owners()
            .iter()
            .map(|reference| self.owner(object, reference))
            .collect();
        let dependents = self.dependents(object, &metadata);
        let judged: Vec<Dependent> = dependents.iter().map(|(_, dependent)| *dependent).collect();
        let resource = self.resource(object)?;
        let user = self.user.clone();
        let uid = metadata.uid.clone();
        let target = object.clone();
        let work = match judge::judge(&metadata, &owners, &judged) {
            Verdict::Keep => return None,
            Verdict::DeleteDependents => {
                self.queue
                    .extend(dependents.into_iter().map(|(dependent, _)| dependent));
                return None;
            }
            Verdict::Delete(propagation) => {
                async move { actions::delete(&resource, &user, &target, &uid, entry.revision, propagation).await }
                    .boxed()
            }
            Verdict::Release(owners) => {
                async move { actions::drop_owners(&resource, &user, &target, &uid, &owners).await }.boxed()
            }
            Verdict::FinishForeground => {
                async move { actions::drop_finalizer(&resource, &user, &target, &uid, FOREGROUND).await }.boxed()
            }
            Verdict::OrphanDependents => {
                let dependents: Vec<(Arc<Resource>, Object)> = dependents
                    .into_iter()
                    .filter_map(|(dependent, _)| Some((self.resource(&dependent)?, dependent)))
                    .collect();
                async move { actions::orphan(&resource, &user, &target, &uid, &dependents).await }.boxed()
            }
        };
        let object = object.clone();
        Some(work.map(move |result| (object, result)).boxed())
    }

    fn owner(&self, object: &Object, reference: &OwnerReference) -> Owner {
        // A kind that is not served here may be served elsewhere: such an owner is never taken for absent.
        let Some(owner) = self.graph.owner(object, reference) else {
            return Owner::Solid;
        };
        let found = self.entry(&owner).map(|entry| Metadata::of(&entry));
        judge::owner(reference, found.as_ref())
    }

    /// Objects that this very object owns.
    fn dependents(&self, object: &Object, metadata: &Metadata) -> Vec<(Object, Dependent)> {
        let known = self.graph.dependents(object);
        let owned = known.filter_map(|dependent| {
            let of = Metadata::of(&*self.entry(dependent)?);
            let reference = of.owners().iter().find(|reference| reference.uid == metadata.uid)?;
            Some((
                dependent.clone(),
                Dependent {
                    blocks: reference.block_owner_deletion == Some(true),
                },
            ))
        });
        owned.collect()
    }

    fn resource(&self, object: &Object) -> Option<Arc<Resource>> {
        Some(
            self.sources
                .get(usize::from(object.resource))?
                .as_ref()?
                .resource
                .clone(),
        )
    }

    fn entry(&self, object: &Object) -> Option<Arc<Entry>> {
        let source = self.sources.get(usize::from(object.resource))?.as_ref()?;
        source.resource.cache()?.get(&object.namespace, &object.name)
    }

    fn done(&mut self, object: Object, result: Result<(), Status>) {
        let Err(status) = result else {
            self.retries.remove(&object);
            return;
        };
        // A conflict means that the object changed: its event is on the way, but may already have been taken.
        let pause = self
            .retries
            .get(&object)
            .map_or(FIRST_RETRY, |(_, pause)| (*pause * 2).min(LONGEST_RETRY));
        if status.code != 409 {
            let (namespace, name) = (&object.namespace, &object.name);
            tracing::warn!(%namespace, %name, error = status.message, "garbage collection failed, will try again");
        }
        self.retries.insert(object, (Instant::now() + pause, pause));
    }

    fn requeue_due(&mut self) {
        let now = Instant::now();
        let due = self
            .retries
            .iter()
            .filter(|(_, (at, _))| *at <= now)
            .map(|(object, _)| object.clone());
        for object in due.collect::<Vec<_>>() {
            // Far in the future until the attempt ends, so that the pause is remembered.
            if let Some((at, _)) = self.retries.get_mut(&object) {
                *at = now + LONGEST_RETRY;
            }
            self.queue.insert(object);
        }
    }

    fn next_retry(&self) -> Option<Instant> {
        self.retries.values().map(|(at, _)| *at).min()
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn object(position: usize, entry: &Entry) -> Object {
    let resource = u16::try_from(position).unwrap_or(u16::MAX);
    Object {
        resource,
        namespace: entry.namespace.clone(),
        name: entry.name.clone(),
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
