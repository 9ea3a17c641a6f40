//! Small values that a schema takes.

use regex::Regex;
use serde_json::{Map, Value, json};

/// Texts of which each pattern takes one.
const TEXTS: &[&str] = &[
    "a",
    "aa",
    "1",
    "[1-3]",
    "a/v1",
    "10.0.0.1",
    "10.0.0.0/8",
    "00:50:56:00:00:01",
];

/// The smallest value that the schema takes.
pub(super) fn sample(schema: &Value) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return 1.into();
    }
    match schema["type"].as_str() {
        Some("boolean") => true.into(),
        Some("integer") => schema["minimum"].as_i64().unwrap_or_default().max(1).into(),
        Some("string") => text(schema).into(),
        Some("array") => vec![sample(&schema["items"]); number(schema, "minItems")].into(),
        Some("object") => object(schema).into(),
        _ => json!({}),
    }
}

/// What a schema says of a size; 0 if nothing.
pub(super) fn number(schema: &Value, rule: &str) -> usize {
    let number = schema[rule].as_u64().unwrap_or_default();
    usize::try_from(number).unwrap_or_default()
}

/// Whether a text has the form that is asked for.
pub(super) fn fits(schema: &Value, text: &str) -> bool {
    let pattern = schema["pattern"].as_str();
    pattern.is_none_or(|pattern| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text)))
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => return "2026-01-01T00:00:00Z".to_owned(),
        Some("uuid") => return "6b29fc40-ca47-1067-b31d-00dd010662da".to_owned(),
        _ => {}
    }
    let least = number(schema, "minLength");
    let mut texts = TEXTS.iter();
    let text = texts.find(|text| text.len() >= least && fits(schema, text));
    text.map_or_else(|| "a".repeat(least), |text| (*text).to_owned())
}

/// What is required, and of the rest as many fields as are.
pub(super) fn object(schema: &Value) -> Map<String, Value> {
    let properties = schema["properties"].as_object();
    let required = schema["required"].as_array().into_iter().flatten();
    let mut fields: Map<_, _> = required
        .filter_map(Value::as_str)
        .map(|name| (name.to_owned(), sample(&schema["properties"][name])))
        .collect();
    for (name, field) in properties.into_iter().flatten() {
        if fields.len() >= number(schema, "minProperties") {
            break;
        }
        fields.entry(name).or_insert_with(|| sample(field));
    }
    fields
}
