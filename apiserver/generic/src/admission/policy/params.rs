//! Where policies come from, and what they are given.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    super::Surroundings,
    compiled::{Binding, Policy},
    definition::{ParamKind, ParamRef},
    set::Hook,
};

/// Knows the policies of a cluster and the objects that they take as parameters.
#[async_trait]
pub trait PolicySource: Surroundings {
    /// The policies in force. While they are not known yet, it waits a little; the error then says what is missing.
    async fn hooks(&self) -> Result<Arc<[Hook]>, String>;

    /// The parameters that a binding means: none where there are no such objects. The error says why they can't be read.
    async fn params(&self, query: ParamQuery<'_>) -> Result<Vec<Value>, String>;
}

/// Which parameters are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ParamQuery<'a> {
    /// Their kind.
    pub kind: &'a ParamKind,
    /// Which of the kind.
    pub reference: &'a ParamRef,
    /// The namespace of the write, or empty.
    pub namespace: &'a str,
}

/// What a policy is asked with, once for each: without parameters, once with none.
pub(super) async fn collect(
    source: &dyn PolicySource,
    policy: &Policy,
    binding: &Binding,
    namespace: &str,
) -> Result<Vec<Option<Value>>, String> {
    let (Some(kind), Some(reference)) = (&policy.param_kind, &binding.param_ref) else {
        return Ok(vec![None]);
    };
    let query = ParamQuery {
        kind,
        reference,
        namespace,
    };
    let found = source.params(query).await?;
    if found.is_empty() && reference.parameter_not_found_action.as_deref() == Some("Deny") {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    Ok(found.into_iter().map(Some).collect())
}
