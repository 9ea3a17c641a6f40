//! The objects of one kind, as a watch delivers them, with the two ways in which reconcilers look them up. What is
//! written through an informer is in it at once, so a reconciler reads its own writes.

use super::Key;
use crate::watching::{Seen, follow};
use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Client, Resource, ResourceExt};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use guestcluster_types::upstream::capi::CLUSTER_NAME_LABEL;

/// A kind that can be watched.
pub(crate) trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static> Watched for K {}

/// The objects of one kind.
pub(crate) struct Informer<K> {
    client: Client,
    objects: RwLock<Objects<K>>,
    known: watch::Sender<Known>,
    /// Whether the layer waits while the kind can't be read.
    needed: bool,
    changed: Changed<K>,
}

/// How much of a kind is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nobody has answered yet.
    Nothing,
    /// All of it.
    All,
    /// What there was when it could still be read; it is not served any more, or the right is missing.
    Once,
}

/// Told of each object what it was and what it is; and of nothing, when all is known of a kind that could not be read.
type Changed<K> = Box<dyn Fn(Option<&K>, Option<&K>) + Send + Sync>;

struct Objects<K> {
    by_key: HashMap<Key, Arc<K>>,
    by_owner: HashMap<String, BTreeSet<Key>>,
    by_cluster: HashMap<Key, BTreeSet<Key>>,
    /// UIDs of the last objects that went, so that a late answer to a write does not bring one back.
    gone: VecDeque<String>,
}

/// So many deletions can pass between a write and its answer.
const GONE: usize = 1024;

impl<K: Watched> Informer<K> {
    /// An informer that knows nothing yet and tells `changed` what it learns.
    pub(crate) fn new(client: Client, changed: impl Fn(Option<&K>, Option<&K>) + Send + Sync + 'static) -> Self {
        let objects = Objects {
            by_key: HashMap::new(),
            by_owner: HashMap::new(),
            by_cluster: HashMap::new(),
            gone: VecDeque::with_capacity(GONE),
        };
        Self {
            client,
            objects: RwLock::new(objects),
            known: watch::Sender::new(Known::Nothing),
            needed: true,
            changed: Box::new(changed),
        }
    }

    /// Of a kind that need not be there: nothing waits while it can't be read.
    pub(crate) fn unneeded(mut self) -> Self {
        self.needed = false;
        self
    }

    /// The client that it reads and writes with.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The object, if it exists.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.objects.read().by_key.get(key).cloned()
    }

    /// The objects with an owner reference to `uid`, by name.
    pub(crate) fn owned_by(&self, uid: &str) -> Vec<Arc<K>> {
        let objects = self.objects.read();
        objects.all(objects.by_owner.get(uid))
    }

    /// The objects with the cluster's label, by name.
    pub(crate) fn of_cluster(&self, cluster: &Key) -> Vec<Arc<K>> {
        let objects = self.objects.read();
        objects.all(objects.by_cluster.get(cluster))
    }

    /// All objects, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.objects.read().by_key.values().cloned().collect()
    }

    /// All objects; nothing while it is not known which ones there are.
    pub(crate) fn all_if_known(&self) -> Option<Vec<Arc<K>>> {
        (*self.known.borrow() == Known::All).then(|| self.all())
    }

    /// Waits while not everything is known: before the first list, and while a kind that is needed can't be read.
    pub(crate) async fn synced(&self) {
        let is_enough = |known: &Known| *known == Known::All || (*known == Known::Once && !self.needed);
        // The sender lives as long as self: an error cannot happen.
        let _ = self.known.subscribe().wait_for(is_enough).await;
    }

    /// Follows the kind in all namespaces until `stop`.
    pub(crate) async fn run(&self, config: watcher::Config, stop: CancellationToken) {
        let mut all = std::pin::pin!(follow(&self.client, config).take_until(stop.cancelled_owned()));
        let mut listed = HashSet::new();
        while let Some(seen) = all.next().await {
            match seen {
                Seen::Event(event) => self.take_in(event, &mut listed),
                // What was known stays until a new list says what there is: nothing is decided before.
                Seen::Lost(_) => {
                    self.known.send_replace(Known::Once);
                }
            }
        }
    }

    fn take_in(&self, event: Event<K>, listed: &mut HashSet<Key>) {
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                listed.insert(Key::of(&object));
                self.put(object);
            }
            Event::InitDone => {
                let gone: Vec<_> = self
                    .objects
                    .read()
                    .by_key
                    .keys()
                    .filter(|key| !listed.contains(key))
                    .cloned()
                    .collect();
                for key in gone {
                    self.remove(&key);
                }
                *listed = HashSet::new();
                if self.known.send_replace(Known::All) == Known::Once {
                    (self.changed)(None, None);
                }
            }
            Event::Apply(object) => self.put(object),
            Event::Delete(object) => self.remove(&Key::of(&object)),
        }
    }

    fn put(&self, mut object: K) {
        object.meta_mut().managed_fields = None;
        let object = Arc::new(object);
        let old = {
            let mut objects = self.objects.write();
            // Under the same lock as a removal: a write's answer that overtakes it in between would never go again.
            let is_gone = object.meta().uid.as_ref().is_some_and(|uid| objects.gone.contains(uid));
            let known = objects.by_key.get(&Key::of(&*object));
            if is_gone || known.is_some_and(|known| is_as_new(&**known, &*object)) {
                return;
            }
            objects.put(Arc::clone(&object))
        };
        (self.changed)(old.as_deref(), Some(&object));
    }

    /// Takes in what a write returned, unless the watch already reported the object as deleted.
    pub(crate) fn observe(&self, object: K) {
        self.put(object);
    }

    fn remove(&self, key: &Key) {
        let old = {
            let mut objects = self.objects.write();
            let old = objects.remove(key);
            if let Some(uid) = old.as_ref().and_then(|object| object.uid()) {
                objects.gone.truncate(GONE - 1);
                objects.gone.push_front(uid);
            }
            old
        };
        if let Some(old) = old {
            (self.changed)(Some(&old), None);
        }
    }
}

impl<K: Watched> Objects<K> {
    fn all(&self, keys: Option<&BTreeSet<Key>>) -> Vec<Arc<K>> {
        keys.into_iter()
            .flatten()
            .filter_map(|key| self.by_key.get(key).cloned())
            .collect()
    }

    fn put(&mut self, object: Arc<K>) -> Option<Arc<K>> {
        let key = Key::of(&*object);
        let old = self.remove(&key);
        for owner in object.owner_references() {
            self.by_owner.entry(owner.uid.clone()).or_default().insert(key.clone());
        }
        if let Some(cluster) = cluster_of(&*object) {
            self.by_cluster.entry(cluster).or_default().insert(key.clone());
        }
        self.by_key.insert(key, object);
        old
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<K>> {
        let old = self.by_key.remove(key)?;
        for owner in old.owner_references() {
            take_out(&mut self.by_owner, &owner.uid, key);
        }
        if let Some(cluster) = cluster_of(&*old) {
            take_out(&mut self.by_cluster, &cluster, key);
        }
        Some(old)
    }
}

/// Whether what is known of an object is as new as another state of it; versions of one object are ordered numbers.
fn is_as_new<K: Resource>(known: &K, other: &K) -> bool {
    let version = |object: &K| object.meta().resource_version.as_ref()?.parse::<u64>().ok();
    let same = known.meta().uid == other.meta().uid;
    same && matches!((version(known), version(other)), (Some(known), Some(other)) if known >= other)
}

fn take_out<Q, I>(index: &mut HashMap<I, BTreeSet<Key>>, at: &Q, key: &Key)
where
    I: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
    Q: Eq + std::hash::Hash + ?Sized,
{
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

/// The cluster that an object's label names.
pub(crate) fn cluster_of<K: Resource>(object: &K) -> Option<Key> {
    let meta = object.meta();
    let name = meta.labels.as_ref()?.get(CLUSTER_NAME_LABEL)?;
    Some(Key::new(meta.namespace.as_deref()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use guestcluster_types::upstream::capi::{Machine, MachineSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
    use parking_lot::Mutex;

    type Seen = Arc<Mutex<Vec<(Option<String>, Option<String>)>>>;

    fn informer() -> (Informer<Machine>, Seen) {
        let seen = Seen::default();
        let told = Arc::clone(&seen);
        let nobody = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Err::<http::Response<kube::client::Body>, _>(std::io::Error::other("no server"))
        });
        let informer = Informer::new(
            Client::new(nobody, "default"),
            move |old: Option<&Machine>, new: Option<&Machine>| {
                told.lock()
                    .push((old.map(ResourceExt::name_any), new.map(ResourceExt::name_any)));
            },
        );
        (informer, seen)
    }

    fn machine(name: &str, cluster: &str, owner: &str) -> Machine {
        let mut machine = Machine::new(name, MachineSpec::default());
        machine.metadata.namespace = Some("ns".to_owned());
        machine
            .labels_mut()
            .insert(CLUSTER_NAME_LABEL.to_owned(), cluster.to_owned());
        machine.owner_references_mut().push(OwnerReference {
            uid: owner.to_owned(),
            ..Default::default()
        });
        machine
    }

    fn names(machines: Vec<Arc<Machine>>) -> Vec<String> {
        machines.iter().map(|machine| machine.name_any()).collect()
    }

    #[tokio::test]
    async fn a_new_list_replaces_the_old_one_and_tells_what_is_gone() {
        let (informer, seen) = informer();
        let mut listed = HashSet::new();
        let mut take = |event| informer.take_in(event, &mut listed);
        take(Event::Init);
        take(Event::InitApply(machine("a", "dev", "1")));
        take(Event::InitApply(machine("b", "dev", "1")));
        assert_eq!(
            (*informer.known.borrow(), informer.all_if_known()),
            (Known::Nothing, None)
        );
        take(Event::InitDone);
        assert_eq!(informer.all_if_known().map(|all| all.len()), Some(2));
        take(Event::Init);
        take(Event::InitApply(machine("b", "dev", "2")));
        take(Event::InitDone);
        assert_eq!(seen.lock().last(), Some(&(Some("a".to_owned()), None)));
        assert_eq!(names(informer.of_cluster(&Key::new("ns", "dev"))), ["b"]);
        assert_eq!(names(informer.owned_by("1")), Vec::<String>::new());
        assert_eq!(names(informer.owned_by("2")), ["b"]);
    }

    #[tokio::test]
    async fn a_kind_that_need_not_be_there_is_not_waited_for_and_told_when_it_comes() {
        let (needed, told) = informer();
        let (unneeded, told_later) = informer();
        let unneeded = unneeded.unneeded();
        for informer in [&needed, &unneeded] {
            assert!(informer.synced().now_or_never().is_none(), "nobody has answered");
            informer.known.send_replace(Known::Once);
        }
        assert!(needed.synced().now_or_never().is_none());
        assert!(unneeded.synced().now_or_never().is_some());
        assert_eq!(unneeded.all_if_known(), None);
        for informer in [&needed, &unneeded] {
            informer.take_in(Event::InitDone, &mut HashSet::new());
            assert!(informer.synced().now_or_never().is_some());
        }
        assert_eq!([told.lock().len(), told_later.lock().len()], [1, 1]);
    }

    #[tokio::test]
    async fn a_changed_label_moves_the_object_in_the_index() {
        let (informer, _) = informer();
        let mut listed = HashSet::new();
        let mut take = |event| informer.take_in(event, &mut listed);
        take(Event::Apply(machine("a", "dev", "1")));
        take(Event::Apply(machine("a", "prod", "1")));
        assert!(informer.of_cluster(&Key::new("ns", "dev")).is_empty());
        assert_eq!(names(informer.of_cluster(&Key::new("ns", "prod"))), ["a"]);
        take(Event::Delete(machine("a", "prod", "1")));
        assert!(informer.get(&Key::new("ns", "a")).is_none() && informer.objects.read().by_cluster.is_empty());
    }

    #[tokio::test]
    async fn a_written_state_counts_at_once_but_brings_nothing_deleted_back() {
        let at = |version: &str, owner: &str| {
            let mut machine = machine("a", "dev", owner);
            machine.metadata.uid = Some("u".to_owned());
            machine.metadata.resource_version = Some(version.to_owned());
            machine
        };
        let (informer, seen) = informer();
        let mut listed = HashSet::new();
        informer.observe(at("9", "1"));
        informer.observe(at("10", "2"));
        assert_eq!(names(informer.owned_by("2")), ["a"]);
        informer.take_in(Event::Apply(at("10", "2")), &mut listed);
        informer.take_in(Event::Apply(at("9", "1")), &mut listed);
        assert_eq!(seen.lock().len(), 2, "what is known already is no change");
        assert_eq!(names(informer.owned_by("2")), ["a"]);

        informer.take_in(Event::Delete(at("11", "2")), &mut listed);
        informer.observe(at("10", "2"));
        assert!(informer.get(&Key::new("ns", "a")).is_none());
    }
}
