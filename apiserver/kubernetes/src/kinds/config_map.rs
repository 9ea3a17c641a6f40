//! ConfigMap.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, entries},
};

/// What all values may take together, in bytes; those of a Secret too.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/configmaps.json");
    builtin::of(("", "v1"), "ConfigMap", "configmaps", schema)
        .short(&["cm"])
        .columns(vec![
            column("Data", "How many values it holds.", |object| {
                (entries(object, "/data") + entries(object, "/binaryData")).into()
            }),
            age(),
        ])
        .strategy(ConfigMap)
        .build()
}

struct ConfigMap;

#[async_trait]
impl Strategy for ConfigMap {
    fn apply_defaults(&self, object: &mut Value) {
        without_empty(object, &["data", "binaryData"]);
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = validate_immutable(object, old, &["data", "binaryData"]);
        errors.extend(validate(object));
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = validate_keys(object, &["data", "binaryData"]);
    let entries = |field: &str| object[field].as_object().into_iter().flatten();
    for (key, _) in entries("data").filter(|(key, _)| object["binaryData"].get(*key).is_some()) {
        let detail = "duplicate of key present in binaryData";
        errors.push(FieldError::invalid(format!("data[{key}]"), key.as_str(), detail));
    }
    let texts: usize = entries("data")
        .map(|(_, value)| value.as_str().map_or(0, str::len))
        .sum();
    let bytes: usize = entries("binaryData").map(|(_, value)| decoded_length(value)).sum();
    if texts + bytes > MOST_BYTES {
        // The object as a whole, whose path is shown so.
        errors.push(FieldError::too_long("[]", MOST_BYTES));
    }
    errors
}

/// How many bytes a base64 text stands for.
pub(super) fn decoded_length(value: &Value) -> usize {
    let text = value.as_str().unwrap_or_default();
    text.trim_end_matches('=').len() * 3 / 4
}

/// Maps without entries are as if they were not there.
pub(super) fn without_empty(object: &mut Value, fields: &[&str]) {
    let Some(object) = object.as_object_mut() else { return };
    for field in fields {
        if object
            .get(*field)
            .and_then(Value::as_object)
            .is_some_and(serde_json::Map::is_empty)
        {
            object.remove(*field);
        }
    }
}

/// An object that was declared immutable stays so, with its data.
pub(super) fn validate_immutable(object: &Value, old: &Value, fields: &[&str]) -> Vec<FieldError> {
    if old["immutable"] != true {
        return Vec::new();
    }
    let refused = "field is immutable when `immutable` is set";
    let mut errors = Vec::new();
    if object["immutable"] != true {
        errors.push(FieldError::forbidden("immutable", refused));
    }
    for &field in fields {
        if is_changed(&object[field], &old[field]) {
            errors.push(FieldError::forbidden(field, refused));
        }
    }
    errors
}

/// Whether two maps differ, absent and empty being the same.
fn is_changed(new: &Value, old: &Value) -> bool {
    let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    new != old && !(is_empty(new) && is_empty(old))
}

/// Keys of the values: letters, digits, `-`, `_` and `.`, at most 253.
pub(super) fn validate_keys(object: &Value, fields: &[&str]) -> Vec<FieldError> {
    let keys = fields.iter().flat_map(|&field| {
        object[field]
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys())
            .map(move |key| (field, key))
    });
    keys.filter_map(|(field, key)| {
        let problem = key_problem(key)?;
        Some(FieldError::invalid(format!("{field}[{key}]"), key.as_str(), problem))
    })
    .collect()
}

fn key_problem(key: &str) -> Option<&'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match key {
        "." => Some("must not be '.'"),
        ".." => Some("must not be '..'"),
        key if key.starts_with("..") => Some("must not start with '..'"),
        key if key.len() > 253 => Some("must be no more than 253 characters"),
        key if key.is_empty() || !key.chars().all(is_allowed) => Some(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
             'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
        _ => None,
    }
}
