//! From the bytes of a body to a value: JSON or YAML, with duplicate fields found and depth limited.

#[cfg(test)]
mod fuzz;
mod json;
#[cfg(test)]
mod tests;
mod tree;
mod word;
mod yaml;

use serde_json::Value;

pub use json::json;
pub(super) use tree::as_whole;
pub use word::word;
pub use yaml::yaml;

/// A decoded body.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The body. Of a duplicate field the last value counts.
    pub value: Value,
    /// Paths of duplicate fields, such as `spec.replicas`, in the order of the body. Of very many, only the first.
    pub duplicates: Vec<String>,
}

/// Why a body could not be decoded, in kube-apiserver's words as far as the decoder tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON.
    #[error("couldn't get version/kind; json parse error: {0}")]
    Json(String),
    /// Not YAML, or more YAML than a body may hold.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(String),
}

/// Objects and lists nest no deeper than this in a JSON body.
pub const MAX_DEPTH: usize = 127;
