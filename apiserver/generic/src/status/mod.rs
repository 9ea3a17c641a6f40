//! The one place where an error becomes a Kubernetes `Status` and an HTTP code, word for word as kube-apiserver's.

mod construct;
mod field_error;
mod respond;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

pub use construct::Forbidden;
pub use field_error::{FieldError, FieldErrorKind};

/// `meta/v1 Status`: the body of every error answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What went wrong, for people.
    pub message: String,
    /// The machine-readable reason, such as `NotFound`; empty where kube-apiserver sends none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What the error is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<StatusDetails>>,
    /// The HTTP status code.
    pub code: u16,
    /// `metadata.continue`, for an expired continue token.
    #[serde(skip)]
    pub continue_token: Option<String>,
    /// `Warning` headers of the answer.
    #[serde(skip)]
    pub warnings: Vec<HeaderValue>,
}

/// `meta/v1 StatusDetails`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDetails {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Kind or resource, as kube-apiserver fills it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// UID of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Single causes, one per field for an invalid object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<StatusCause>,
    /// When to try again; also sent as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// `meta/v1 StatusCause`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusCause {
    /// Machine-readable reason, such as `FieldValueInvalid`; empty where kube-apiserver sends none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// Path of the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
