//! JSON patch, merge patch and strategic merge patch.
//!
//! All three are pure and never nest a value deeper than the server's own JSON parser can read back.

#[cfg(test)]
mod fuzz;
mod json;
mod merge;
mod printed;
mod strategic;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::{json::json_patch, merge::merge_patch, printed::printed, strategic::strategic_merge_patch};

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
    /// Problems that strict field validation refuses and warning mode reports: unknown and duplicate keys.
    pub unknown: Vec<String>,
}
