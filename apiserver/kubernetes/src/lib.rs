//! What a Kubernetes cluster has by itself: core kinds, default roles, RBAC, garbage collection, namespace lifecycle.
//!
//! [`Cluster::start`] puts it together over a store. Everything that is the same for all clusters (definitions, schemas,
//! the rules of the default roles) exists once in a process, and nothing here works while nothing changes: thousands of
//! clusters fit in one process.

mod cluster;
mod gc;
pub mod kinds;
mod metadata;
pub mod namespaces;
mod protobuf;
pub mod quota;
pub mod rbac;
mod seed;
mod structs;

use generic_apiserver::quantity;

pub use cluster::{Cluster, ClusterOptions, StartError};
pub use kinds::core_definitions;

/// The user that a controller of the cluster itself writes as.
fn controller_user(name: &str) -> generic_apiserver::authn::User {
    generic_apiserver::authn::User {
        name: format!("system:serviceaccount:kube-system:{name}"),
        groups: vec!["system:masters".to_owned()],
        ..Default::default()
    }
}
