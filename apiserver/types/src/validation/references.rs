//! What a GuestCluster names in its namespace: looked up live by the server, judged here.

use std::collections::BTreeSet;

use super::Problem;
use crate::{ControlPlane, GuestCluster, GuestClusterSpec, NodePool};

/// An object that a GuestCluster names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Path of the field that names it.
    pub field: String,
    /// What it is.
    pub kind: ReferenceKind,
    /// Its name.
    pub name: String,
}

/// What a [`Reference`] is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// A VirtualMachineClass of the namespace.
    VmClass,
    /// A StorageClass that the namespace may use.
    StorageClass,
    /// An AvailabilityZone of the supervisor.
    Zone,
}

/// What `new` names and must be looked up: everything when it is created, else what `old` did not name at the same place.
pub fn references(new: &GuestCluster, old: Option<&GuestCluster>) -> Vec<Reference> {
    let before: BTreeSet<_> = old
        .map(|old| all(&old.spec))
        .into_iter()
        .flatten()
        .map(|named| named.identity())
        .collect();
    all(&new.spec)
        .into_iter()
        .filter(|named| !before.contains(&named.identity()))
        .map(|named| named.reference)
        .collect()
}

/// A reference with the place it stands at, which for a pool is the pool's name, not its index.
struct Named {
    place: String,
    reference: Reference,
}

impl Named {
    fn identity(&self) -> (String, String) {
        (self.place.clone(), self.reference.name.clone())
    }
}

fn all(spec: &GuestClusterSpec) -> Vec<Named> {
    let mut all = machines(
        "spec.topology.controlPlane",
        "control plane",
        Size::of(&spec.topology.control_plane),
    );
    for (index, pool) in spec.topology.node_pools.iter().enumerate() {
        let place = format!("pool {}", pool.name);
        all.extend(machines(
            &format!("spec.topology.nodePools[{index}]"),
            &place,
            Size::of_pool(pool),
        ));
        all.extend(pool.failure_domain.as_ref().map(|zone| Named {
            place: format!("{place} failureDomain"),
            reference: Reference {
                field: format!("spec.topology.nodePools[{index}].failureDomain"),
                kind: ReferenceKind::Zone,
                name: zone.clone(),
            },
        }));
    }
    for (index, class) in spec.settings.storage.classes.iter().enumerate() {
        let field = format!("spec.settings.storage.classes[{index}]");
        all.push(Named {
            place: "storage".to_owned(),
            reference: Reference {
                field,
                kind: ReferenceKind::StorageClass,
                name: class.clone(),
            },
        });
    }
    all
}

struct Size<'a> {
    vm_class: &'a str,
    storage_class: &'a str,
}

impl<'a> Size<'a> {
    fn of(control_plane: &'a ControlPlane) -> Self {
        Self {
            vm_class: &control_plane.vm_class,
            storage_class: &control_plane.storage_class,
        }
    }

    fn of_pool(pool: &'a NodePool) -> Self {
        Self {
            vm_class: &pool.vm_class,
            storage_class: &pool.storage_class,
        }
    }
}

fn machines(path: &str, place: &str, size: Size<'_>) -> Vec<Named> {
    [
        ("vmClass", ReferenceKind::VmClass, size.vm_class),
        ("storageClass", ReferenceKind::StorageClass, size.storage_class),
    ]
    .into_iter()
    .map(|(field, kind, name)| Named {
        place: format!("{place} {field}"),
        reference: Reference {
            field: format!("{path}.{field}"),
            kind,
            name: name.to_owned(),
        },
    })
    .collect()
}

/// `class "huge" is not in namespace team-a; there are best-effort-small, guaranteed-small`
pub fn class_missing(field: &str, name: &str, namespace: &str, available: &[String]) -> Problem {
    missing(field, "class", name, namespace, available)
}

/// `storage class "tin" is not in namespace team-a; there are gold, silver`
pub fn storage_class_missing(field: &str, name: &str, namespace: &str, available: &[String]) -> Problem {
    missing(field, "storage class", name, namespace, available)
}

/// `no zone is named "zone-9"; there are zone-1, zone-2`
pub fn zone_missing(field: &str, name: &str, available: &[String]) -> Problem {
    let there_are = there_are(available, "no zones");
    Problem::invalid(field, name, format!("no zone is named {name:?}; {there_are}"))
}

fn missing(field: &str, what: &str, name: &str, namespace: &str, available: &[String]) -> Problem {
    let there_are = there_are(available, "none");
    Problem::invalid(
        field,
        name,
        format!("{what} {name:?} is not in namespace {namespace}; {there_are}"),
    )
}

fn there_are(available: &[String], none: &str) -> String {
    let mut available = available.to_vec();
    available.sort();
    match available.as_slice() {
        [] => format!("there are {none}"),
        [only] => format!("there is only {only}"),
        several => format!("there are {}", several.join(", ")),
    }
}
