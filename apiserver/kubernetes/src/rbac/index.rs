//! Roles and bindings, arranged so that one decision looks only at what concerns its user and namespace.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    sync::{Arc, LazyLock, Weak},
};

use generic_apiserver::{authn::User, cache::Entry};
use parking_lot::Mutex;
use serde::Deserialize;

use super::policy::PolicyRule;

/// A role or a binding: namespace (empty for the cluster) and name.
type Key = (Box<str>, Box<str>);

/// Rules of one role; roles with the same rules share them, across all clusters of the process.
pub(super) type Rules = Arc<[PolicyRule]>;

/// All roles and bindings of one cluster.
#[derive(Default)]
pub(super) struct Index {
    /// By namespace (empty for ClusterRoles), then by name.
    roles: HashMap<Box<str>, HashMap<Box<str>, Rules>>,
    bindings: HashMap<Key, Arc<Binding>>,
    /// By namespace of the binding (empty for the whole cluster), then by subject.
    granted: HashMap<Box<str>, Grants>,
}

#[derive(Default)]
struct Grants {
    users: HashMap<Box<str>, Vec<Arc<Binding>>>,
    groups: HashMap<Box<str>, Vec<Arc<Binding>>>,
}

/// A binding: what it grants and to whom.
struct Binding {
    name: Box<str>,
    role: RoleRef,
    subjects: Box<[Subject]>,
}

#[derive(Deserialize)]
pub(super) struct RoleRef {
    pub(super) kind: Box<str>,
    pub(super) name: Box<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    User(Box<str>),
    Group(Box<str>),
}

/// A role that the user holds in the place that was asked for.
pub(super) struct Grant<'a> {
    /// Namespace of the binding, empty for a ClusterRoleBinding.
    pub(super) namespace: &'a str,
    /// Name of the binding.
    pub(super) binding: &'a str,
    /// The role that it names.
    pub(super) role: &'a RoleRef,
    /// The role's rules; none when it does not exist.
    pub(super) rules: Option<&'a Rules>,
    /// `User "x"` or `Group "x"`: why it applies.
    pub(super) to: (&'static str, &'a str),
}

impl Index {
    /// Puts a Role or ClusterRole in; one that can't be read grants nothing.
    pub(super) fn set_role(&mut self, entry: &Entry) {
        let rules = shared(rules_of(&entry.encoded));
        let place = self.roles.entry(entry.namespace.clone()).or_default();
        place.insert(entry.name.clone(), rules);
    }

    pub(super) fn remove_role(&mut self, entry: &Entry) {
        let Some(place) = self.roles.get_mut(&entry.namespace) else {
            return;
        };
        place.remove(&entry.name);
        if place.is_empty() {
            self.roles.remove(&entry.namespace);
        }
    }

    /// Puts a RoleBinding or ClusterRoleBinding in; one that can't be read grants nothing.
    pub(super) fn set_binding(&mut self, entry: &Entry) {
        self.remove_binding(entry);
        let Some(binding) = binding_of(entry).map(Arc::new) else {
            return;
        };
        let grants = self.granted.entry(entry.namespace.clone()).or_default();
        for subject in &binding.subjects {
            grants.of_mut(subject).push(binding.clone());
        }
        self.bindings.insert(key(entry), binding);
    }

    pub(super) fn remove_binding(&mut self, entry: &Entry) {
        let Some(binding) = self.bindings.remove(&key(entry)) else {
            return;
        };
        let Some(grants) = self.granted.get_mut(&entry.namespace) else {
            return;
        };
        for subject in &binding.subjects {
            grants.remove(subject, &entry.name);
        }
        if grants.users.is_empty() && grants.groups.is_empty() {
            self.granted.remove(&entry.namespace);
        }
    }

    /// What the user holds in the whole cluster and in `namespace` (empty for the cluster alone).
    pub(super) fn grants<'a>(&'a self, user: &'a User, namespace: &str) -> impl Iterator<Item = Grant<'a>> {
        let local = (!namespace.is_empty()).then_some(namespace);
        let places = std::iter::once("")
            .chain(local)
            .filter_map(|place| self.granted.get_key_value(place));
        places.flat_map(move |(place, grants)| {
            let held = grants.to(user);
            held.map(move |(to, binding)| Grant {
                namespace: place,
                binding: &binding.name,
                role: &binding.role,
                rules: self.rules(place, &binding.role),
                to,
            })
        })
    }

    /// The rules of the role that a binding in `namespace` names.
    pub(super) fn rules(&self, namespace: &str, role: &RoleRef) -> Option<&Rules> {
        let namespace = if *role.kind == *"Role" { namespace } else { "" };
        self.roles.get(namespace)?.get(&role.name)
    }
}

impl Grants {
    fn of_mut(&mut self, subject: &Subject) -> &mut Vec<Arc<Binding>> {
        match subject {
            Subject::User(name) => self.users.entry(name.clone()).or_default(),
            Subject::Group(name) => self.groups.entry(name.clone()).or_default(),
        }
    }

    fn remove(&mut self, subject: &Subject, binding: &str) {
        let (map, name) = match subject {
            Subject::User(name) => (&mut self.users, name),
            Subject::Group(name) => (&mut self.groups, name),
        };
        if let Slot::Occupied(mut slot) = map.entry(name.clone()) {
            slot.get_mut().retain(|held| *held.name != *binding);
            if slot.get().is_empty() {
                slot.remove();
            }
        }
    }

    fn to<'a>(&'a self, user: &'a User) -> impl Iterator<Item = ((&'static str, &'a str), &'a Binding)> {
        let of_user = self.users.get(user.name.as_str()).into_iter().flatten();
        let by_name = of_user.map(|binding| (("User", user.name.as_str()), &**binding));
        let by_group = user.groups.iter().flat_map(|group| {
            let bindings = self.groups.get(group.as_str()).into_iter().flatten();
            bindings.map(|binding| (("Group", group.as_str()), &**binding))
        });
        by_name.chain(by_group)
    }
}

fn key(entry: &Entry) -> Key {
    (entry.namespace.clone(), entry.name.clone())
}

/// The rules in an encoded role.
pub(super) fn rules_of(encoded: &[u8]) -> Vec<PolicyRule> {
    #[derive(Deserialize)]
    struct Role {
        #[serde(default)]
        rules: Option<Vec<PolicyRule>>,
    }
    serde_json::from_slice::<Role>(encoded)
        .ok()
        .and_then(|role| role.rules)
        .unwrap_or_default()
}

fn binding_of(entry: &Entry) -> Option<Binding> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Encoded {
        role_ref: RoleRef,
        #[serde(default)]
        subjects: Option<Vec<EncodedSubject>>,
    }
    #[derive(Deserialize)]
    struct EncodedSubject {
        kind: Box<str>,
        name: Box<str>,
        #[serde(default)]
        namespace: Option<Box<str>>,
    }
    let encoded: Encoded = serde_json::from_slice(&entry.encoded).ok()?;
    let mut subjects: Vec<Subject> = Vec::new();
    for subject in encoded.subjects.unwrap_or_default() {
        let subject = match &*subject.kind {
            "User" => Subject::User(subject.name),
            "Group" => Subject::Group(subject.name),
            "ServiceAccount" => {
                let namespace = subject.namespace.unwrap_or_default();
                Subject::User(format!("system:serviceaccount:{namespace}:{}", subject.name).into())
            }
            _ => continue,
        };
        if !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    Some(Binding {
        name: entry.name.clone(),
        role: encoded.role_ref,
        subjects: subjects.into(),
    })
}

/// Rules that live anywhere in this process, by their JSON.
static SHARED: LazyLock<Mutex<HashMap<String, Weak<[PolicyRule]>>>> = LazyLock::new(Mutex::default);

/// The one copy of these rules: thousands of clusters have the same default roles.
fn shared(rules: Vec<PolicyRule>) -> Rules {
    let Ok(text) = serde_json::to_string(&rules) else {
        return rules.into();
    };
    let mut known = SHARED.lock();
    if let Some(rules) = known.get(&text).and_then(Weak::upgrade) {
        return rules;
    }
    // Amortized: forgets dead entries whenever the map would grow.
    if known.len() == known.capacity() {
        known.retain(|_, rules| rules.strong_count() > 0);
    }
    let rules: Rules = rules.into();
    known.insert(text, Arc::downgrade(&rules));
    rules
}
