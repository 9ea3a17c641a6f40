//! What Go's decoder calls the kinds of JSON values.

use serde_json::Value;

/// The kind of a value in the words of Go's decoder, as in `json: cannot unmarshal bool into ...`.
pub fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
