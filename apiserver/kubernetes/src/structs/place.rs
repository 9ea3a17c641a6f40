//! Where in a body a value is that does not fit, and how kube-apiserver's two decoders say so.

use generic_apiserver::{registry::Decoder, schema::decode::word};
use serde_json::Value;

/// A field below the object, and those above it.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) above: Option<&'a Place<'a>>,
    /// The struct that has the field.
    pub(super) owner: &'a str,
    pub(super) field: &'a str,
}

impl Place<'_> {
    /// `spec.containers.name`: items of lists and keys of maps do not show.
    fn path(&self) -> String {
        match self.above {
            Some(above) => format!("{}.{}", above.path(), self.field),
            None => self.field.to_owned(),
        }
    }

    /// A value that is no `expected`.
    pub(super) fn mismatch(&self, decoder: Decoder, value: &Value, expected: &str) -> String {
        match decoder {
            Decoder::Json | Decoder::Store => self.of_json(word(value), expected),
            Decoder::Unstructured => of_unstructured(value, expected),
        }
    }

    /// A number that its type can't hold.
    pub(super) fn overflow(&self, decoder: Decoder, value: &Value, expected: &str) -> String {
        match decoder {
            Decoder::Json | Decoder::Store => self.of_json(&format!("number {value}"), expected),
            Decoder::Unstructured => format!("cannot convert float64 to {expected}"),
        }
    }

    /// As [`Place::mismatch`] of a value that decodes itself, as JSON either way.
    pub(super) fn own_mismatch(&self, decoder: Decoder, value: &Value, expected: &str) -> String {
        let found = match value {
            Value::Number(number) if expected != "string" => format!("number {number}"),
            other => word(other).to_owned(),
        };
        match decoder {
            Decoder::Json | Decoder::Store => self.of_json(&found, expected),
            Decoder::Unstructured => format!("json: cannot unmarshal {found} into Go value of type {expected}"),
        }
    }

    fn of_json(&self, found: &str, expected: &str) -> String {
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{} of type {expected}",
            self.owner,
            self.path()
        )
    }
}

/// The words of the converter from maps, which strategic merge patches go through.
fn of_unstructured(value: &Value, expected: &str) -> String {
    let found = match value {
        Value::Null => "invalid",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    };
    match expected {
        list if list.starts_with("[]") => format!("cannot restore slice from {found}"),
        map if map.starts_with("map[") => format!("cannot restore map from {found}"),
        "bool" | "int32" | "int64" => format!("unrecognized type: {expected}"),
        // Go would make a character of an integer.
        text if found == "int64" => format!("cannot convert int64 to {text}"),
        _ => "unrecognized type: string".to_owned(),
    }
}

/// A struct where there is no object.
pub(super) fn no_struct(value: &Value) -> String {
    of_unstructured(value, "[]").replace("slice from ", "struct from: ")
}
