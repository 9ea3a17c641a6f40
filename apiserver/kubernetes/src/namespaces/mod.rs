//! The lifecycle of namespaces: what may be created in one, its default service account, and the deletion of its content.

mod admission;
mod content;
mod controller;

pub use admission::{NAME, NamespaceLifecycle, NamespacePhase, stores_in_a_namespace};
pub(crate) use controller::NamespaceController;

/// Namespaces that every cluster has and that may not be deleted.
pub(crate) const PERMANENT: [&str; 3] = ["default", "kube-public", "kube-system"];
/// Namespaces that every cluster starts with.
pub(crate) const INITIAL: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// The service account that every namespace has.
pub(crate) const DEFAULT_SERVICE_ACCOUNT: &str = "default";
