//! What the API server has of one kind, kept by a watch and found by name or by cluster.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Debug,
    sync::Arc,
};

use guestcluster_types::labels;
use kube::{Resource, ResourceExt, runtime::watcher};
use parking_lot::RwLock;

use crate::watching::Unavailable;

/// Namespace and name of a Cluster, which are those of its GuestCluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClusterKey {
    pub(super) namespace: String,
    pub(super) name: String,
}

/// How much a mirror knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Nothing yet.
    None,
    /// Nothing that holds: the kind can't be read.
    Lost(Unavailable),
    /// Everything there is.
    Complete,
}

/// All objects of one kind, as last seen.
pub(super) struct Mirror<K> {
    state: RwLock<State<K>>,
    /// Cuts what nobody reads off an object before it is kept.
    trim: fn(&mut K),
}

struct State<K> {
    knowledge: Knowledge,
    objects: Objects<K>,
    /// What a list that is still under way has brought.
    listing: Option<Objects<K>>,
}

struct Objects<K> {
    /// By namespace, then name.
    by_name: HashMap<String, BTreeMap<String, Arc<K>>>,
    /// Names of the objects of a cluster.
    by_cluster: HashMap<ClusterKey, BTreeSet<String>>,
}

impl<K> Default for Objects<K> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            by_cluster: HashMap::new(),
        }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + Debug> Mirror<K> {
    pub(super) fn new(trim: fn(&mut K)) -> Self {
        let state = State {
            knowledge: Knowledge::None,
            objects: Objects::default(),
            listing: None,
        };
        Self {
            state: RwLock::new(state),
            trim,
        }
    }

    pub(super) fn knowledge(&self) -> Knowledge {
        self.state.read().knowledge.clone()
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.state.read().objects.get(namespace, name).cloned()
    }

    /// Everything that carries the label of a cluster, by name.
    pub(super) fn of_cluster(&self, cluster: &ClusterKey) -> Vec<Arc<K>> {
        let state = self.state.read();
        let names = state.objects.by_cluster.get(cluster).into_iter().flatten();
        names
            .filter_map(|name| state.objects.get(&cluster.namespace, name).cloned())
            .collect()
    }

    /// Whether any object at all is such.
    pub(super) fn any(&self, mut is_such: impl FnMut(&K) -> bool) -> bool {
        self.state
            .read()
            .objects
            .by_name
            .values()
            .flat_map(BTreeMap::values)
            .any(|object| is_such(object))
    }

    /// All objects; for kinds of which there are few.
    pub(super) fn all(&self) -> Vec<Arc<K>> {
        self.state
            .read()
            .objects
            .by_name
            .values()
            .flat_map(BTreeMap::values)
            .cloned()
            .collect()
    }

    /// Forgets everything, because the kind can't be read.
    pub(super) fn lose(&self, why: Unavailable) {
        *self.state.write() = State {
            knowledge: Knowledge::Lost(why),
            objects: Objects::default(),
            listing: None,
        };
    }

    /// Takes in what a watch says, and answers which clusters it is about.
    pub(super) fn record(&self, event: watcher::Event<K>) -> Vec<ClusterKey> {
        let mut state = self.state.write();
        match event {
            watcher::Event::Init => {
                state.listing = Some(Objects::default());
                vec![]
            }
            watcher::Event::InitApply(mut object) => {
                (self.trim)(&mut object);
                state.listing.get_or_insert_default().insert(object);
                vec![]
            }
            watcher::Event::InitDone => {
                let listed = state.listing.take().unwrap_or_default();
                state.knowledge = Knowledge::Complete;
                let before = std::mem::replace(&mut state.objects, listed);
                before.differences(&state.objects)
            }
            watcher::Event::Apply(mut object) => {
                (self.trim)(&mut object);
                state.objects.insert(object)
            }
            watcher::Event::Delete(object) => state.objects.remove(&object),
        }
    }
}

impl<K: Resource<DynamicType = ()>> Objects<K> {
    fn get(&self, namespace: &str, name: &str) -> Option<&Arc<K>> {
        self.by_name.get(namespace)?.get(name)
    }

    /// The clusters that the object is about, and was about before.
    fn insert(&mut self, object: K) -> Vec<ClusterKey> {
        let mut touched = self.remove(&object);
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        if let Some(cluster) = cluster_of(&object) {
            self.by_cluster.entry(cluster.clone()).or_default().insert(name.clone());
            if !touched.contains(&cluster) {
                touched.push(cluster);
            }
        }
        self.by_name
            .entry(namespace)
            .or_default()
            .insert(name, Arc::new(object));
        touched
    }

    fn remove(&mut self, object: &K) -> Vec<ClusterKey> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let Some(names) = self.by_name.get_mut(&namespace) else {
            return vec![];
        };
        let Some(removed) = names.remove(&name) else {
            return vec![];
        };
        if names.is_empty() {
            self.by_name.remove(&namespace);
        }
        let Some(cluster) = cluster_of(removed.as_ref()) else {
            return vec![];
        };
        if let Some(names) = self.by_cluster.get_mut(&cluster) {
            names.remove(&name);
            if names.is_empty() {
                self.by_cluster.remove(&cluster);
            }
        }
        vec![cluster]
    }

    /// The clusters of which an object came, went or changed.
    fn differences(&self, after: &Self) -> Vec<ClusterKey> {
        let mut touched = BTreeSet::new();
        for (left, right) in [(self, after), (after, self)] {
            for object in left.by_name.values().flat_map(BTreeMap::values) {
                let other = right.get(&object.namespace().unwrap_or_default(), &object.name_any());
                let version = |object: &K| object.resource_version();
                if other.is_none_or(|other| version(other) != version(object)) {
                    touched.extend(cluster_of(object.as_ref()));
                }
            }
        }
        touched.into_iter().collect()
    }
}

/// The cluster that an object belongs to, by its label; or that has its name, and so may be waiting for it to go.
fn cluster_of<K: Resource<DynamicType = ()>>(object: &K) -> Option<ClusterKey> {
    let label = object
        .meta()
        .labels
        .as_ref()
        .and_then(|labels| labels.get(labels::CLUSTER_NAME));
    let name = label.or(object.meta().name.as_ref())?;
    Some(ClusterKey {
        namespace: object.namespace().unwrap_or_default(),
        name: name.clone(),
    })
}

/// Keeps of `managedFields` what says which fields are ours.
pub(super) fn keep_our_fields<K: Resource>(object: &mut K) {
    if let Some(entries) = &mut object.meta_mut().managed_fields {
        entries.retain(|entry| entry.manager.as_deref() == Some(labels::GUEST_MANAGER));
    }
}

/// Drops `managedFields` and annotations of an object that is only read.
pub(super) fn keep_no_fields<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
    object.meta_mut().annotations = None;
}

#[cfg(test)]
mod tests {
    use guestcluster_types::upstream::capi::{Machine, MachineSpec};
    use kube::runtime::watcher::Event;

    use super::*;

    fn machine(name: &str, cluster: Option<&str>, version: &str) -> Machine {
        let mut machine = Machine::new(name, MachineSpec::default());
        machine.metadata.namespace = Some("team-a".to_owned());
        machine.metadata.resource_version = Some(version.to_owned());
        machine.metadata.labels = cluster.map(|cluster| [(labels::CLUSTER_NAME.to_owned(), cluster.to_owned())].into());
        machine
    }

    fn key(name: &str) -> ClusterKey {
        ClusterKey {
            namespace: "team-a".to_owned(),
            name: name.to_owned(),
        }
    }

    fn names(mirror: &Mirror<Machine>, cluster: &str) -> Vec<String> {
        mirror
            .of_cluster(&key(cluster))
            .iter()
            .map(|machine| machine.name_any())
            .collect()
    }

    #[test]
    fn objects_are_found_by_name_and_by_cluster() {
        let mirror = Mirror::new(keep_no_fields);
        assert_eq!(mirror.record(Event::Init), vec![]);
        assert_eq!(mirror.record(Event::InitApply(machine("a", Some("dev"), "1"))), vec![]);
        assert_eq!(
            (mirror.knowledge(), names(&mirror, "dev")),
            (Knowledge::None, vec![]),
            "a list under way is not shown"
        );
        assert_eq!(mirror.record(Event::InitDone), vec![key("dev")]);
        assert_eq!(mirror.knowledge(), Knowledge::Complete);
        assert_eq!(
            mirror.record(Event::Apply(machine("b", Some("dev"), "2"))),
            vec![key("dev")]
        );
        assert_eq!(mirror.record(Event::Apply(machine("c", None, "3"))), vec![key("c")]);
        assert_eq!(names(&mirror, "dev"), ["a", "b"]);
        assert!(mirror.get("team-a", "c").is_some() && mirror.get("team-b", "c").is_none());
        assert_eq!(
            mirror.record(Event::Delete(machine("a", Some("dev"), "4"))),
            vec![key("dev")]
        );
        assert_eq!(names(&mirror, "dev"), ["b"]);
    }

    #[test]
    fn a_new_label_is_news_for_both_clusters() {
        let mirror = Mirror::new(keep_no_fields);
        mirror.record(Event::Apply(machine("a", Some("dev"), "1")));
        assert_eq!(
            mirror.record(Event::Apply(machine("a", Some("test"), "2"))),
            vec![key("dev"), key("test")]
        );
        assert_eq!((names(&mirror, "dev").len(), names(&mirror, "test").len()), (0, 1));
    }

    #[test]
    fn a_second_list_tells_only_what_differs() {
        let mirror = Mirror::new(keep_no_fields);
        for (name, cluster) in [("a", "same"), ("b", "changed"), ("c", "gone")] {
            mirror.record(Event::Apply(machine(name, Some(cluster), "1")));
        }
        mirror.record(Event::Init);
        for (name, cluster, version) in [("a", "same", "1"), ("b", "changed", "2"), ("d", "new", "3")] {
            mirror.record(Event::InitApply(machine(name, Some(cluster), version)));
        }
        assert_eq!(
            mirror.record(Event::InitDone),
            vec![key("changed"), key("gone"), key("new")]
        );
        assert!(mirror.get("team-a", "c").is_none());
        let lost = Unavailable::NotServed {
            wanted: "v1".to_owned(),
            served: vec![],
        };
        mirror.lose(lost.clone());
        assert_eq!(mirror.knowledge(), Knowledge::Lost(lost));
        assert!(!mirror.any(|_| true));
    }
}
