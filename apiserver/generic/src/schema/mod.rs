//! The structural schema: what an object may look like.
//!
//! [`Schema`] is one node, read once from the `openAPIV3Schema` of a CustomResourceDefinition and shared from then on. It
//! defaults, prunes and validates objects as kube-apiserver does for custom resources, and tells server-side apply and
//! strategic merge patch how lists and maps merge.

mod build;
pub(crate) mod cel;
mod correlation;
pub mod decode;
mod defaults;
mod formats;
mod meta;
mod node;
pub mod openapi;
mod path;
mod patterns;
mod prune;
mod rules;
#[cfg(test)]
mod tests;
mod validate;
mod validations;

pub use build::SchemaError;
pub use node::{Kind, ListType, PatchMerge, Property, Schema};
pub use validations::RuleFindings;
