//! Whether a value is of the declared type.

use serde_json::{Number, Value};

use super::{Problems, field_at, quote};
use crate::{
    schema::{Kind, Schema, formats::Format, path::Path},
    status::FieldError,
};

/// The largest float up to which all whole numbers are exact; beyond it, a float is no integer.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

pub(super) fn check(schema: &Schema, value: &Value, path: Path<'_>, problems: &mut Problems) {
    if is_of_type(schema, value) {
        return;
    }
    problems.add(|| {
        let (expected, actual) = names(schema, value);
        let detail = format!("{path} in body must be of type {expected}: {}", quote(actual));
        FieldError::type_invalid(field_at(path), actual, detail)
    });
}

pub(super) fn is_of_type(schema: &Schema, value: &Value) -> bool {
    if value.is_null() {
        return schema.nullable || (schema.kind == Kind::Any && !schema.int_or_string);
    }
    match schema.kind {
        Kind::Any if schema.int_or_string => value.is_string() || is_integer(value),
        Kind::Any => true,
        Kind::Object => value.is_object(),
        Kind::Array => value.is_array(),
        Kind::String => value.is_string(),
        Kind::Integer => is_integer(value),
        Kind::Number => value.is_number(),
        Kind::Boolean => value.is_boolean(),
    }
}

fn is_integer(value: &Value) -> bool {
    matches!(value, Value::Number(number) if is_whole(number))
}

/// Whether a number is an integer for JSON Schema: `1.0` is one.
fn is_whole(number: &Number) -> bool {
    if number.is_i64() {
        return true;
    }
    number
        .as_f64()
        .is_some_and(|float| float.fract() == 0.0 && float.abs() <= MAX_EXACT)
}

/// The name of the declared type; empty where none is.
pub(in crate::schema) fn type_name(schema: &Schema) -> &'static str {
    match schema.kind {
        Kind::Any => "",
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
    }
}

/// What was expected and what was found, in the message's words.
fn names<'a>(schema: &'a Schema, value: &Value) -> (&'a str, &'static str) {
    let declared = match schema.kind {
        Kind::Any => "integer,string",
        _ => type_name(schema),
    };
    let format = schema.rules.as_deref().and_then(|rules| rules.format.as_ref());
    match (value, format.filter(|format| format.check != Format::Unchecked)) {
        (Value::Null, _) => (declared, "null"),
        (Value::String(_), _) => (declared, "string"),
        (Value::Array(_), _) => (declared, "array"),
        (Value::Number(number), Some(format)) => (&format.name, if number.is_i64() { "int64" } else { "float64" }),
        (Value::Bool(_) | Value::Object(_), Some(format)) => (&format.name, ""),
        (Value::Number(number), None) => (declared, if number.is_i64() { "integer" } else { "number" }),
        (Value::Bool(_), None) => (declared, "boolean"),
        (Value::Object(_), None) => (declared, "object"),
    }
}
