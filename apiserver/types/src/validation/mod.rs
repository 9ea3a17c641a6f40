//! The rules for our kinds that a schema can't state: pure functions of the objects. Every message names the value and what is
//! accepted. The server turns a [`Problem`] into a field error, the plugin into a line.

mod change;
mod names;
mod network;
mod pool;
mod references;
mod release;

use std::fmt;

use serde_json::{Value, json};

pub use names::{LABEL_KEY, LABEL_VALUE, cluster_name, is_dns_subdomain, is_label_key, is_label_value};
pub use network::networks;
pub use references::{Reference, ReferenceKind, class_missing, references, storage_class_missing, zone_missing};
pub use release::{release_create, release_update};

use crate::{
    ControlPlane, GuestCluster, GuestClusterSpec, Storage,
    version::{Unresolved, VersionHint},
};

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Path such as `spec.topology.nodePools[0].name`.
    pub field: String,
    /// The value that is refused; `None` where there is nothing to show.
    pub value: Option<Value>,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// What is accepted, in words.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is {value}: {}", self.field, self.detail),
            None => write!(f, "{}: {}", self.field, self.detail),
        }
    }
}

/// The kinds of [`Problem`], named as Kubernetes' field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// The value is not accepted.
    Invalid,
    /// The value is not one of a few.
    NotSupported,
    /// The value can't be had twice.
    Duplicate,
    /// This can't be done in the state the object is in.
    Forbidden,
    /// The value is too long.
    TooLong,
}

impl Problem {
    fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: Some(value.into()),
            kind: ProblemKind::Invalid,
            detail: detail.into(),
        }
    }

    fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            value: None,
            kind: ProblemKind::Forbidden,
            detail: detail.into(),
        }
    }
}

/// All that is wrong with a new GuestCluster by itself. Its name is judged by [`cluster_name`].
pub fn create(new: &GuestCluster) -> Vec<Problem> {
    spec(new.metadata.name.as_deref().unwrap_or_default(), &new.spec)
}

/// All that is wrong with a change of a GuestCluster. A write that leaves the spec alone is never refused.
pub fn update(new: &GuestCluster, old: &GuestCluster) -> Vec<Problem> {
    if new.spec == old.spec {
        return vec![];
    }
    let mut problems = spec(new.metadata.name.as_deref().unwrap_or_default(), &new.spec);
    problems.extend(change::network(&new.spec, &old.spec));
    problems.extend(change::version(&new.spec, old));
    problems
}

/// The problem that no release fits the version.
pub fn unresolved(unresolved: &Unresolved) -> Problem {
    Problem::invalid(
        "spec.distribution.version",
        unresolved.hint.to_string(),
        unresolved.to_string(),
    )
}

fn spec(cluster: &str, spec: &GuestClusterSpec) -> Vec<Problem> {
    let mut problems = vec![];
    problems.extend(version(&spec.distribution.version));
    problems.extend(control_plane(&spec.topology.control_plane));
    problems.extend(pool::pools(cluster, &spec.topology.node_pools));
    problems.extend(network::network(&spec.settings.network));
    problems.extend(storage(&spec.settings.storage));
    problems
}

fn version(text: &str) -> Option<Problem> {
    text.parse::<VersionHint>().err()?;
    let detail = "must be vX.Y, vX.Y.Z or the full version of a release, such as v1.34 or v1.34.2";
    Some(Problem::invalid("spec.distribution.version", text, detail))
}

fn control_plane(control_plane: &ControlPlane) -> Option<Problem> {
    if [1, 3, 5].contains(&control_plane.replicas) {
        return None;
    }
    Some(Problem {
        field: "spec.topology.controlPlane.replicas".to_owned(),
        value: Some(json!(control_plane.replicas)),
        kind: ProblemKind::NotSupported,
        detail: r#"supported values: "1", "3", "5""#.to_owned(),
    })
}

fn storage(storage: &Storage) -> Option<Problem> {
    let default = storage.default_class.as_ref()?;
    if storage.classes.contains(default) {
        return None;
    }
    let detail = match storage.classes.as_slice() {
        [] => "must be one of spec.settings.storage.classes, which is empty".to_owned(),
        classes => format!("must be one of spec.settings.storage.classes: {}", classes.join(", ")),
    };
    Some(Problem::invalid(
        "spec.settings.storage.defaultClass",
        default.as_str(),
        detail,
    ))
}

#[cfg(test)]
mod tests;
