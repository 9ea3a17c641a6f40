//! Admission: a last word on a write, after defaulting and before validation (mutating) or before the write (validating).

use async_trait::async_trait;
use serde_json::Value;

use crate::{authn::User, registry::ResourceDefinition, status::Status};

/// The write that is asked for.
pub struct AdmissionRequest<'a> {
    /// Who.
    pub user: &'a User,
    /// The resource.
    pub resource: &'a ResourceDefinition,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Name; empty before generateName.
    pub name: &'a str,
    /// What happens.
    pub operation: Operation,
    /// The stored object, for update and delete.
    pub old: Option<&'a Value>,
    /// Nothing is stored.
    pub dry_run: bool,
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// A removed object.
    Delete,
}

/// Looks at writes of every resource.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// May change the object or refuse the write.
    async fn admit(&self, _request: &AdmissionRequest<'_>, _object: &mut Value) -> Result<(), Status> {
        Ok(())
    }

    /// May refuse the write; `object` is the final one, none for a delete.
    async fn validate(&self, _request: &AdmissionRequest<'_>, _object: Option<&Value>) -> Result<(), Status> {
        Ok(())
    }
}
