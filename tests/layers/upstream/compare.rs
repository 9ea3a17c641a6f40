//! The schema of a type of ours beside the one of a definition of upstream's.

use serde_json::{Value, json};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Where we differ, and how.
    pub(super) wrong: Vec<String>,
    /// Fields that were compared.
    pub(super) fields: usize,
    /// Those of them that take some words alone.
    pub(super) enums: usize,
    /// Those that we keep as they come, whatever they hold.
    pub(super) opaque: usize,
}

/// Compares a field and all below it. Upstream may have more fields than we know.
pub(super) fn compare(ours: &Value, theirs: Option<&Value>, path: &str, found: &mut Comparison) {
    let Some(theirs) = theirs else {
        // A status of which nothing is read needs none on the other side.
        if ours["properties"].as_object().is_some_and(|fields| !fields.is_empty()) || !path.ends_with(" status") {
            found.wrong.push(format!("{path}: upstream has no such field"));
        }
        return;
    };
    found.fields += 1;
    let ours = present(ours);
    if is_opaque(ours) {
        found.opaque += 1;
        return;
    }
    let (our_type, their_type) = (type_of(ours), type_of(theirs));
    if our_type != their_type {
        found
            .wrong
            .push(format!("{path}: ours is {our_type}, upstream's {their_type}"));
        return;
    }
    compare_words(ours, theirs, path, found);
    for (name, field) in ours["properties"].as_object().into_iter().flatten() {
        compare(field, theirs["properties"].get(name), &format!("{path}.{name}"), found);
    }
    if let Some(items) = ours.get("items") {
        compare(items, theirs.get("items"), &format!("{path}[]"), found);
    }
    // Beside fields it is only what keeps the unknown ones.
    if let Some(values) = ours
        .get("additionalProperties")
        .filter(|values| values.is_object() && ours.get("properties").is_none())
    {
        compare(values, theirs.get("additionalProperties"), &format!("{path}.*"), found);
    }
}

/// A field that may be absent, if it is there.
pub(crate) fn present(schema: &Value) -> &Value {
    let is_null = |branch: &&Value| branch["type"] != "null" && branch.get("enum") != Some(&json!([null]));
    let branches = schema["anyOf"].as_array().or_else(|| schema["allOf"].as_array());
    let mut branches = branches.into_iter().flatten().filter(is_null);
    match (branches.next(), branches.next()) {
        (Some(one), None) => one,
        _ => schema,
    }
}

fn is_opaque(schema: &Value) -> bool {
    let says_nothing = |name: &str| matches!(name, "description" | "nullable" | "default");
    schema == &Value::Bool(true)
        || schema
            .as_object()
            .is_some_and(|schema| schema.keys().all(|name| says_nothing(name)))
}

/// Type and, of numbers and times, format.
fn type_of(schema: &Value) -> String {
    if schema["x-kubernetes-int-or-string"] == true {
        return "integer or string".to_owned();
    }
    let type_ = match &schema["type"] {
        Value::Array(types) => types.iter().find(|type_| *type_ != "null").unwrap_or(&Value::Null),
        type_ => type_,
    };
    let type_ = type_.as_str().unwrap_or("of no type");
    match schema["format"].as_str() {
        Some(format) => format!("{type_} ({format})"),
        None => type_.to_owned(),
    }
}

/// Where upstream takes some words alone, our documentation of the field names these, and in backticks no others.
fn compare_words(ours: &Value, theirs: &Value, path: &str, found: &mut Comparison) {
    let Some(values) = theirs["enum"].as_array() else {
        return;
    };
    found.enums += 1;
    let text = ours["description"].as_str().unwrap_or_default();
    let values: Vec<_> = values
        .iter()
        .filter_map(Value::as_str)
        .filter(|value| !value.is_empty())
        .collect();
    for word in text.split('`').skip(1).step_by(2).filter(|word| !values.contains(word)) {
        found
            .wrong
            .push(format!("{path}: we know `{word}`, upstream takes {}", json!(values)));
    }
    let words: Vec<_> = text
        .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '+')
        .collect();
    for value in values.iter().filter(|value| !words.contains(value)) {
        found.wrong.push(format!(
            "{path}: upstream takes {value}, which our documentation does not name"
        ));
    }
}
