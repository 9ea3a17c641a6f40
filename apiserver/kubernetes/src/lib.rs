//! What a Kubernetes cluster has by itself: core kinds, default roles, RBAC, garbage collection, namespace lifecycle.

pub mod kinds;
pub mod rbac;
