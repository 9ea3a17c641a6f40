//! Build a Kubernetes API server in Rust.
//!
//! The crate knows no kind: a resource is a [`registry::ResourceDefinition`] (names, scope, structural schema, subresources,
//! columns) plus a [`registry::Strategy`]. The folders follow a request: `serve` > `authn` > `authz` > `flow` > `request` >
//! `negotiate` > `admission` > `registry` > `patch`/`apply`/`schema` > `cache` > `storage`.

pub mod admission;
pub mod apply;
pub mod audit;
pub mod authn;
pub mod authz;
pub mod cache;
pub mod discovery;
pub mod flow;
pub mod health;
mod https;
pub mod metrics;
pub mod negotiate;
pub mod patch;
pub mod quantity;
pub mod registry;
pub mod remembered;
pub mod request;
pub mod schema;
pub mod serve;
pub mod status;
pub mod storage;
pub mod table;

pub use serve::{ApiServer, ApiServerBuilder};
pub use status::{FieldError, Status};
