//! The one place where an error becomes a Kubernetes `Status` and an HTTP code, word for word as kube-apiserver's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Machine-readable reason, such as `FieldValueInvalid`.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// Path of the field.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// One problem of one field, as apimachinery's `field.Error`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// The kind of problem.
    pub kind: FieldErrorKind,
    /// Path such as `spec.topology.nodePools[0].replicas`.
    pub field: String,
    /// The value that was refused; `None` where the form has none (Required, Forbidden, TooLong).
    pub value: Option<Value>,
    /// What is accepted.
    pub detail: String,
}

/// The kinds of `field.Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// `Duplicate value`
    Duplicate,
    /// `Forbidden`
    Forbidden,
    /// `Internal error`
    Internal,
    /// `Invalid value`
    Invalid,
    /// `Not found`
    NotFound,
    /// `Unsupported value`
    NotSupported,
    /// `Required value`
    Required,
    /// `Too long`
    TooLong,
    /// `Too many`
    TooMany,
    /// `Invalid value` with cause `FieldValueTypeInvalid`
    TypeInvalid,
}

impl Status {
    /// 500 without a reason, as kube-apiserver sends for an unexpected error.
    pub fn internal(message: impl Into<String>) -> Status {
        Status {
            message: message.into(),
            reason: String::new(),
            details: None,
            code: 500,
            continue_token: None,
        }
    }
}
