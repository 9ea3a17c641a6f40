//! Field errors in kube-apiserver's words.

use serde_json::Value;

use crate::status::{FieldError, FieldErrorKind};

/// The field of an error that has none.
pub const NO_FIELD: &str = "<nil>";

/// `Required value`, with what is needed, or nothing.
pub fn required(field: impl Into<String>, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Required,
        field: field.into(),
        value: None,
        detail: detail.into(),
    }
}

/// `Invalid value`.
pub fn invalid(field: impl Into<String>, value: Value, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Invalid,
        field: field.into(),
        value: Some(value),
        detail: detail.into(),
    }
}

/// `Invalid value` of a wrong type.
pub fn type_invalid(field: impl Into<String>, value: Value, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::TypeInvalid,
        field: field.into(),
        value: Some(value),
        detail: detail.into(),
    }
}

/// `Unsupported value`, with the accepted ones.
pub fn not_supported<'a>(
    field: impl Into<String>,
    value: Value,
    supported: impl IntoIterator<Item = &'a str>,
) -> FieldError {
    let supported: Vec<String> = supported.into_iter().map(quote).collect();
    let detail = if supported.is_empty() {
        String::new()
    } else {
        format!("supported values: {}", supported.join(", "))
    };
    FieldError {
        kind: FieldErrorKind::NotSupported,
        field: field.into(),
        value: Some(value),
        detail,
    }
}

/// `Forbidden`.
pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Forbidden,
        field: field.into(),
        value: None,
        detail: detail.into(),
    }
}

/// `Duplicate value`.
pub fn duplicate(field: impl Into<String>, value: Value) -> FieldError {
    FieldError {
        kind: FieldErrorKind::Duplicate,
        field: field.into(),
        value: Some(value),
        detail: String::new(),
    }
}

/// `Not found`.
pub fn not_found(field: impl Into<String>, value: Value) -> FieldError {
    FieldError {
        kind: FieldErrorKind::NotFound,
        field: field.into(),
        value: Some(value),
        detail: String::new(),
    }
}

/// `Too long`: more than `max` characters, which kube-apiserver calls bytes.
pub fn too_long(field: impl Into<String>, max: u64) -> FieldError {
    let unit = if max == 1 { "byte" } else { "bytes" };
    let detail = format!("may not be more than {max} {unit}");
    FieldError {
        kind: FieldErrorKind::TooLong,
        field: field.into(),
        value: None,
        detail,
    }
}

/// `Too many`: `actual` items where `max` are allowed.
pub fn too_many(field: impl Into<String>, actual: usize, max: u64) -> FieldError {
    let unit = if max == 1 { "item" } else { "items" };
    let detail = format!("must have at most {max} {unit}");
    FieldError {
        kind: FieldErrorKind::TooMany,
        field: field.into(),
        value: Some(Value::from(actual)),
        detail,
    }
}

/// A string as Go's `%q` writes it.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
