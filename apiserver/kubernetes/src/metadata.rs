//! The part of `metadata` that controllers read, from the cached bytes.

use generic_apiserver::cache::Entry;
use serde::Deserialize;

/// Finalizer of a deletion that waits for the dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Finalizer of a deletion that leaves the dependents.
pub(crate) const ORPHAN: &str = "orphan";

/// The part of `meta/v1 ObjectMeta` that decides over life and death.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    #[serde(default)]
    pub(crate) uid: Box<str>,
    #[serde(default)]
    pub(crate) deletion_timestamp: Option<Box<str>>,
    #[serde(default)]
    pub(crate) finalizers: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) owner_references: Option<Vec<OwnerReference>>,
}

/// `meta/v1 OwnerReference`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnerReference {
    pub(crate) api_version: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) uid: Box<str>,
    #[serde(default)]
    pub(crate) block_owner_deletion: Option<bool>,
}

impl Metadata {
    /// Metadata that can't be read (a store that somebody else wrote to) is that of an object nobody owns.
    pub(crate) fn of(entry: &Entry) -> Metadata {
        serde_json::from_slice(&entry.metadata()).unwrap_or_default()
    }

    pub(crate) fn is_terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    pub(crate) fn has_finalizer(&self, name: &str) -> bool {
        self.finalizers.iter().flatten().any(|finalizer| finalizer == name)
    }

    pub(crate) fn owners(&self) -> &[OwnerReference] {
        self.owner_references.as_deref().unwrap_or_default()
    }
}

impl OwnerReference {
    /// API group of the owner, empty for core.
    pub(crate) fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }
}
