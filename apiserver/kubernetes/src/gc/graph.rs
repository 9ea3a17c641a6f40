//! Who owns whom. Objects that nobody owns and that own nothing are not in it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, LazyLock},
};

use generic_apiserver::registry::ResourceDefinition;

use crate::{
    kinds::core_definitions,
    metadata::{Metadata, OwnerReference},
};

/// An object: the position of its definition, its namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Object {
    pub(super) resource: u16,
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
}

/// Edges of the ownership graph of one cluster.
pub(super) struct Graph {
    kinds: Arc<Kinds>,
    owners: HashMap<Object, Box<[Object]>>,
    dependents: HashMap<Object, HashSet<Object>>,
}

/// The kinds that can own or be owned.
struct Kinds {
    /// Group and kind to the position of the definition and its scope.
    by_name: HashMap<(Box<str>, Box<str>), (u16, bool)>,
    /// Scope of each definition.
    namespaced: Vec<bool>,
}

/// The same for all clusters that serve nothing else.
static CORE: LazyLock<Arc<Kinds>> = LazyLock::new(|| Arc::new(Kinds::of(&core_definitions())));

impl Kinds {
    fn of(definitions: &[ResourceDefinition]) -> Kinds {
        let stored = (0..)
            .zip(definitions)
            .filter(|(_, definition)| definition.virtual_create.is_none());
        let by_name = stored.map(|(position, definition)| {
            let names = &definition.names;
            (
                (names.group.as_str().into(), names.kind.as_str().into()),
                (position, names.namespaced),
            )
        });
        Kinds {
            by_name: by_name.collect(),
            namespaced: definitions
                .iter()
                .map(|definition| definition.names.namespaced)
                .collect(),
        }
    }
}

impl Graph {
    pub(super) fn new(definitions: &Arc<[ResourceDefinition]>) -> Graph {
        let is_core = Arc::ptr_eq(definitions, &core_definitions());
        Graph {
            kinds: if is_core {
                CORE.clone()
            } else {
                Arc::new(Kinds::of(definitions))
            },
            owners: HashMap::new(),
            dependents: HashMap::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.owners.clear();
        self.dependents.clear();
    }

    /// The object that a reference in `dependent` names; none for a kind that is not served here, or for a cluster-scoped
    /// object that claims an owner in some namespace: nobody can say whether such an owner exists.
    pub(super) fn owner(&self, dependent: &Object, reference: &OwnerReference) -> Option<Object> {
        let &(resource, namespaced) = self
            .kinds
            .by_name
            .get(&(reference.group().into(), reference.kind.clone()))?;
        if namespaced
            && !self
                .kinds
                .namespaced
                .get(usize::from(dependent.resource))
                .copied()
                .unwrap_or_default()
        {
            return None;
        }
        let namespace = if namespaced {
            dependent.namespace.clone()
        } else {
            "".into()
        };
        Some(Object {
            resource,
            namespace,
            name: reference.name.clone(),
        })
    }

    /// Records the owners of an object as it is; true when they differ from what was recorded.
    pub(super) fn set(&mut self, object: &Object, metadata: &Metadata) -> bool {
        let owners: Box<[Object]> = metadata
            .owners()
            .iter()
            .filter_map(|reference| self.owner(object, reference))
            .collect();
        if self.owners.get(object).is_some_and(|known| *known == owners) {
            return false;
        }
        self.remove(object);
        for owner in &owners {
            self.dependents.entry(owner.clone()).or_default().insert(object.clone());
        }
        if owners.is_empty() {
            return !metadata.owners().is_empty();
        }
        self.owners.insert(object.clone(), owners);
        true
    }

    /// Forgets an object as a dependent; returns its owners.
    pub(super) fn remove(&mut self, object: &Object) -> Box<[Object]> {
        let owners = self.owners.remove(object).unwrap_or_default();
        for owner in &owners {
            let Some(dependents) = self.dependents.get_mut(owner) else {
                continue;
            };
            dependents.remove(object);
            if dependents.is_empty() {
                self.dependents.remove(owner);
            }
        }
        owners
    }

    /// Objects that name this one as an owner, whatever UID they mean.
    pub(super) fn dependents(&self, owner: &Object) -> impl Iterator<Item = &Object> {
        self.dependents.get(owner).into_iter().flatten()
    }

    /// Whether the object is recorded as somebody's dependent.
    pub(super) fn is_owned(&self, object: &Object) -> bool {
        self.owners.contains_key(object)
    }
}
