//! How to delete, and what came of it.

use serde_json::Value;

use crate::storage::Revision;

/// As `meta/v1 DeleteOptions`.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// What happens to the objects that this one owns.
    pub propagation: Option<Propagation>,
    /// What must hold of the object.
    pub preconditions: Preconditions,
    /// Nothing is stored.
    pub dry_run: bool,
    /// Ignored: no kind here is deleted gracefully.
    pub grace_period_seconds: Option<i64>,
}

/// As `meta/v1 DeletionPropagation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Dependents stay and lose their owner.
    Orphan,
    /// Dependents go afterwards.
    Background,
    /// Dependents go first.
    Foreground,
}

/// As `meta/v1 Preconditions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The UID that the object must have.
    pub uid: Option<String>,
    /// The revision that the object must have.
    pub resource_version: Option<String>,
}

/// What a delete came to.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// The object is gone; this was its last state.
    Gone {
        /// Last state.
        object: Value,
        /// Revision of the deletion; none for a dry run.
        revision: Option<Revision>,
    },
    /// The object stays until its finalizers are gone.
    Terminating(Value),
}

impl Deleted {
    /// The object's last or current state.
    pub fn object(&self) -> &Value {
        match self {
            Deleted::Gone { object, .. } | Deleted::Terminating(object) => object,
        }
    }
}
