//! One problem of one field, and its words: `path: Word: value: detail`.

use std::fmt;

use serde_json::Value;

use super::StatusCause;

/// One problem of one field, as apimachinery's `field.Error`.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// The kind of problem.
    pub kind: FieldErrorKind,
    /// Path such as `spec.topology.nodePools[0].replicas`.
    pub field: String,
    /// The value that was refused; `None` where none is shown.
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

impl FieldError {
    fn new(kind: FieldErrorKind, field: impl Into<String>, value: Option<Value>, detail: impl Into<String>) -> Self {
        FieldError {
            kind,
            field: field.into(),
            value,
            detail: detail.into(),
        }
    }

    /// `Required value`: the field is absent.
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Required, field, None, detail)
    }

    /// `Invalid value`: the value is not acceptable.
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Invalid, field, Some(value.into()), detail)
    }

    /// `Invalid value` of something that is not there: `null` without quotes.
    pub fn invalid_absent(field: impl Into<String>, detail: &str) -> Self {
        Self::new(FieldErrorKind::Invalid, field, None, detail).showing("null")
    }

    /// A value that is shown as this text, as it is: for what is no JSON of ours, such as a Go struct with its own field names.
    #[must_use]
    pub fn showing(mut self, value: &str) -> Self {
        self.value = None;
        self.detail = format!("{value}: {}", self.detail);
        self
    }

    /// `Invalid value` of the wrong JSON type.
    pub fn type_invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::TypeInvalid, field, Some(value.into()), detail)
    }

    /// `Unsupported value`: not one of `supported`, which the message lists in this order.
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|value| quote(value)).collect();
        let detail = if quoted.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", quoted.join(", "))
        };
        Self::new(FieldErrorKind::NotSupported, field, Some(value.into()), detail)
    }

    /// `Duplicate value`.
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(FieldErrorKind::Duplicate, field, Some(value.into()), "")
    }

    /// `Forbidden`: the field may not be set, or not to this.
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Forbidden, field, None, detail)
    }

    /// `Too long`: more than `max_bytes` bytes.
    pub fn too_long(field: impl Into<String>, max_bytes: usize) -> Self {
        let plural = if max_bytes == 1 { "" } else { "s" };
        let detail = format!("may not be more than {max_bytes} byte{plural}");
        Self::new(FieldErrorKind::TooLong, field, None, detail)
    }

    /// As [`FieldError::too_long`], of a limit in characters.
    pub fn too_long_characters(field: impl Into<String>, max_characters: usize) -> Self {
        let detail = format!("may not be more than {max_characters} characters");
        Self::new(FieldErrorKind::TooLong, field, None, detail)
    }

    /// `Too many`: `actual` items where at most `max` are allowed.
    pub fn too_many(field: impl Into<String>, actual: usize, max: usize) -> Self {
        let plural = if max == 1 { "" } else { "s" };
        let detail = format!("must have at most {max} item{plural}");
        Self::new(FieldErrorKind::TooMany, field, Some(actual.into()), detail)
    }

    /// `Not found`: the value names something that does not exist.
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(FieldErrorKind::NotFound, field, Some(value.into()), "")
    }

    /// The message without the field: `Word: value: detail`.
    pub fn body(&self) -> String {
        let mut body = self.kind.word().to_owned();
        if let Some(value) = self.value.as_ref().filter(|_| self.kind.shows_value()) {
            body.push_str(": ");
            body.push_str(&shown(value));
        }
        if !self.detail.is_empty() {
            body.push_str(": ");
            body.push_str(&self.detail);
        }
        body
    }

    /// The cause of a `Status` for this error.
    pub fn cause(&self) -> StatusCause {
        StatusCause {
            reason: self.kind.reason().to_owned(),
            message: self.body(),
            field: self.field.clone(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl FieldErrorKind {
    /// The words people read.
    pub fn word(self) -> &'static str {
        match self {
            FieldErrorKind::Duplicate => "Duplicate value",
            FieldErrorKind::Forbidden => "Forbidden",
            FieldErrorKind::Internal => "Internal error",
            FieldErrorKind::Invalid | FieldErrorKind::TypeInvalid => "Invalid value",
            FieldErrorKind::NotFound => "Not found",
            FieldErrorKind::NotSupported => "Unsupported value",
            FieldErrorKind::Required => "Required value",
            FieldErrorKind::TooLong => "Too long",
            FieldErrorKind::TooMany => "Too many",
        }
    }

    /// The reason of the cause, which programs read.
    pub fn reason(self) -> &'static str {
        match self {
            FieldErrorKind::Duplicate => "FieldValueDuplicate",
            FieldErrorKind::Forbidden => "FieldValueForbidden",
            FieldErrorKind::Internal => "InternalError",
            FieldErrorKind::Invalid => "FieldValueInvalid",
            FieldErrorKind::NotFound => "FieldValueNotFound",
            FieldErrorKind::NotSupported => "FieldValueNotSupported",
            FieldErrorKind::Required => "FieldValueRequired",
            FieldErrorKind::TooLong => "FieldValueTooLong",
            FieldErrorKind::TooMany => "FieldValueTooMany",
            FieldErrorKind::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn shows_value(self) -> bool {
        !matches!(
            self,
            FieldErrorKind::Required | FieldErrorKind::Forbidden | FieldErrorKind::TooLong | FieldErrorKind::Internal
        )
    }
}

/// The value as messages show it: strings quoted, everything else compact JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
}

fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_follow_field_error() {
        let cases = [
            (
                FieldError::invalid("spec.replicas", -1, "should be a non-negative integer"),
                "spec.replicas: Invalid value: -1: should be a non-negative integer",
            ),
            (
                FieldError::invalid("metadata.name", "A_", "bad"),
                "metadata.name: Invalid value: \"A_\": bad",
            ),
            (
                FieldError::required("metadata.name", "name or generateName is required"),
                "metadata.name: Required value: name or generateName is required",
            ),
            (
                FieldError::not_supported("spec.color", "pink", &["red", "blue"]),
                "spec.color: Unsupported value: \"pink\": supported values: \"red\", \"blue\"",
            ),
            (
                FieldError::duplicate("spec.list[1]", json!({"k": "a"})),
                "spec.list[1]: Duplicate value: {\"k\":\"a\"}",
            ),
            (
                FieldError::too_long("metadata.annotations", 262_144),
                "metadata.annotations: Too long: may not be more than 262144 bytes",
            ),
            (
                FieldError::too_many("spec.list", 5, 3),
                "spec.list: Too many: 5: must have at most 3 items",
            ),
            (
                FieldError::invalid("spec.a", Value::Null, "x"),
                "spec.a: Invalid value: null: x",
            ),
            (
                FieldError::invalid_absent("spec.a", "x"),
                "spec.a: Invalid value: null: x",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_cause_keeps_field_and_message_apart() {
        let cause = FieldError::type_invalid("spec.a", "x", "must be of type integer").cause();
        assert_eq!(cause.reason, "FieldValueTypeInvalid");
        assert_eq!(cause.field, "spec.a");
        assert_eq!(cause.message, "Invalid value: \"x\": must be of type integer");
    }
}
