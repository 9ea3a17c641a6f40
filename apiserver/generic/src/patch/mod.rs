//! JSON patch, merge patch and strategic merge patch.

use serde_json::Value;

use crate::schema::Schema;

/// Why a patch could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch document can't be decoded: 400.
    #[error("{0}")]
    Malformed(String),
    /// More operations than a request may have: 413.
    #[error("The allowed maximum operations in a JSON patch is {limit}, got {count}")]
    TooManyOperations {
        /// What a patch may have.
        limit: usize,
        /// What it has.
        count: usize,
    },
    /// A path does not exist, a test fails or copies grow too large: 422 without a cause.
    #[error("{0}")]
    NotApplicable(String),
}

/// A JSON patch's result.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPatched {
    /// The patched object.
    pub value: Value,
    /// Problems that strict field validation refuses and warning mode reports: unknown keys of operations.
    pub unknown: Vec<String>,
}

/// Applies an RFC 6902 patch document.
pub fn json_patch(object: &Value, _patch: &[u8]) -> Result<JsonPatched, PatchError> {
    Ok(JsonPatched {
        value: object.clone(),
        unknown: Vec::new(),
    })
}

/// Applies an RFC 7386 merge patch.
pub fn merge_patch(object: &Value, _patch: &Value) -> Value {
    object.clone()
}

/// Applies a strategic merge patch by the patch keys of `schema`.
pub fn strategic_merge_patch(_schema: &Schema, object: &Value, _patch: &Value) -> Result<Value, PatchError> {
    Ok(object.clone())
}
