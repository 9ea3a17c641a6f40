//! A kind's own rules, beside the generic registry: prepare, validate, warn, scale.

use std::net::IpAddr;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    admission::Notes,
    authn::User,
    authz::Access,
    status::{FieldError, Status},
};

/// The request a strategy is asked for.
pub struct StrategyContext<'a> {
    /// Who.
    pub user: &'a User,
    /// What they and others may do, as this server's authorizer sees it; none for calls within the process.
    pub access: Option<Access<'a>>,
    /// The address that the request came from, as far as it is known; none for calls within the process.
    pub source: Option<IpAddr>,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Subresource that is written, or empty.
    pub subresource: &'a str,
    /// Nothing is stored.
    pub dry_run: bool,
    /// What is left for the client and the audit log.
    pub notes: &'a Notes,
}

/// What validation found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Any error refuses the write with 422.
    pub errors: Vec<FieldError>,
    /// Sent as `Warning` headers.
    pub warnings: Vec<String>,
}

/// Numbers of a scale subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleValues {
    /// `spec.replicas`.
    pub desired: i64,
    /// `status.replicas`.
    pub observed: i64,
    /// `status.selector`.
    pub selector: String,
}

/// Per-kind rules. Every method has a default that does nothing.
#[async_trait]
pub trait Strategy: Send + Sync + 'static {
    /// Fills in what a kind has by default and its schema can't say. Belongs to whoever writes the object.
    fn apply_defaults(&self, _object: &mut Value) {}

    /// Changes a new object before it is validated; the schema's defaults are already in it.
    fn prepare_for_create(&self, _context: &StrategyContext<'_>, _object: &mut Value) {}

    /// Whether a create may bring a status along, although `/status` writes it afterwards: nodes register themselves so.
    fn keeps_status_on_create(&self) -> bool {
        false
    }

    /// Changes an updated object before it is validated; not called for `/status`. For one of the definition's
    /// `update_subresources` it is the only guard: `object` is what was sent, but for the metadata that only the server sets.
    fn prepare_for_update(&self, _context: &StrategyContext<'_>, _object: &mut Value, _old: &Value) {}

    /// Rules that the schema can't state, for a new object. `Err` refuses with another status than 422.
    async fn validate_create(&self, _context: &StrategyContext<'_>, _object: &Value) -> Result<Findings, Status> {
        Ok(Findings::default())
    }

    /// Rules for an update through the main resource (not `/status`), also for the finalizer writes of controllers.
    async fn validate_update(
        &self,
        _context: &StrategyContext<'_>,
        _object: &Value,
        _old: &Value,
    ) -> Result<Findings, Status> {
        Ok(Findings::default())
    }

    /// Rules for an update through `/status`.
    async fn validate_status_update(
        &self,
        _context: &StrategyContext<'_>,
        _object: &Value,
        _old: &Value,
    ) -> Result<Findings, Status> {
        Ok(Findings::default())
    }

    /// Rules for a deletion, each time that one is asked for. `Err` refuses it.
    async fn validate_delete(&self, _context: &StrategyContext<'_>, _object: &Value) -> Result<(), Status> {
        Ok(())
    }

    /// Changes an object whose deletion begins but that stays for the time being.
    fn prepare_for_delete(&self, _object: &mut Value) {}

    /// Whether an object that is being deleted must stay for a reason beside `metadata.finalizers`: a namespace's
    /// `spec.finalizers`.
    fn holds_deletion(&self, _object: &Value) -> bool {
        false
    }

    /// The scale of an object, for [`super::Scale::Strategy`].
    fn scale(&self, _object: &Value) -> Result<ScaleValues, Status> {
        Err(Status::internal("this resource has no scale"))
    }

    /// Sets the desired replicas, for [`super::Scale::Strategy`].
    fn set_scale(&self, _object: &mut Value, _replicas: i64) -> Result<(), Status> {
        Err(Status::internal("this resource has no scale"))
    }
}

/// The strategy without rules.
pub struct NoRules;

impl Strategy for NoRules {}

/// Answers the POST of a virtual resource or a create-only subresource.
#[async_trait]
pub trait CreateOnly: Send + Sync + 'static {
    /// `object` is the decoded body; `parent` is the name in the path for a subresource. Returns the body of the 201.
    async fn create(&self, context: &StrategyContext<'_>, parent: Option<&str>, object: Value)
    -> Result<Value, Status>;
}
