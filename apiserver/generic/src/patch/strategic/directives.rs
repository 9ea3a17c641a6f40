//! The directives of a strategic merge patch.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::patch::{PatchError, printed};

/// Says what to do with the object that carries it.
pub(super) const MARKER: &str = "$patch";
/// Lists the fields that an object keeps.
pub(super) const RETAIN_KEYS: &str = "$retainKeys";
/// Prefix of the lists of scalars to take out of a list.
pub(super) const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
/// Prefix of the lists that give the order of a list's items.
pub(super) const SET_ELEMENT_ORDER: &str = "$setElementOrder";

/// The value of `$patch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// Take the patch in place of the original.
    Replace,
    /// Remove the original.
    Delete,
}

impl Directive {
    /// The directive of an object, where it has one.
    pub(super) fn of(patch: &Map<String, Value>) -> Result<Option<Directive>, PatchError> {
        match patch.get(MARKER) {
            None => Ok(None),
            Some(Value::String(word)) if word == "replace" => Ok(Some(Directive::Replace)),
            Some(Value::String(word)) if word == "delete" => Ok(Some(Directive::Delete)),
            Some(other) => Err(PatchError::Malformed(format!(
                "unknown patch type: {} in map: {}",
                printed(other),
                printed(&Value::Object(patch.clone()))
            ))),
        }
    }
}

/// The field that a key such as `$setElementOrder/ports` is about; `None` where the key is no such directive.
pub(super) fn field_of<'k>(key: &'k str, directive: &str) -> Result<Option<&'k str>, PatchError> {
    let Some(rest) = key.strip_prefix(directive) else {
        return Ok(None);
    };
    match rest.strip_prefix('/') {
        Some(field) => Ok(Some(field)),
        None if directive == SET_ELEMENT_ORDER => Err(bad_order()),
        None => Err(bad_scalars()),
    }
}

pub(super) fn bad_order() -> PatchError {
    PatchError::Malformed("invalid patch format of setElementOrder list".to_owned())
}

/// A value of another type than is needed, in Go's names for both.
pub(super) fn bad_type(expected: &str, found: &Value) -> PatchError {
    let found = match found {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_i64() => "int64",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    PatchError::Malformed(format!("expected a {expected}, but received a {found}"))
}

pub(super) fn bad_scalars() -> PatchError {
    PatchError::Malformed("invalid patch format of primitive list".to_owned())
}

/// Removes the fields of `original` that the patch's `$retainKeys` does not list.
pub(super) fn retain_keys(original: &mut Map<String, Value>, patch: &Map<String, Value>) -> Result<(), PatchError> {
    let Some(listed) = patch.get(RETAIN_KEYS) else {
        return Ok(());
    };
    let bad = || PatchError::Malformed("invalid patch format of retainKeys".to_owned());
    let kept: BTreeSet<&str> = listed
        .as_array()
        .ok_or_else(bad)?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let unlisted = patch
        .iter()
        .filter(|(key, value)| !value.is_null() && !key.starts_with('$'))
        .any(|(key, _)| !kept.contains(key.as_str()));
    if unlisted {
        return Err(bad());
    }
    original.retain(|key, _| kept.contains(key.as_str()));
    Ok(())
}

/// A new value without its null members and directives; `None` where it is nothing but a directive.
pub(super) fn cleaned(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) if fields.contains_key(MARKER) => None,
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, value)| !value.is_null() && !is_directive(name));
            Some(Value::Object(
                kept.filter_map(|(name, value)| Some((name.clone(), cleaned(value)?)))
                    .collect(),
            ))
        }
        Value::Array(items) => Some(Value::Array(items.iter().filter_map(cleaned).collect())),
        other => Some(other.clone()),
    }
}

fn is_directive(key: &str) -> bool {
    key == RETAIN_KEYS || key.starts_with(DELETE_FROM_LIST) || key.starts_with(SET_ELEMENT_ORDER)
}
