//! The parts of an object that the server itself reads and writes.

use serde_json::{Map, Value};

use crate::status::Status;

/// A text of `metadata`, empty where it is absent.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

/// `metadata.finalizers`.
pub(super) fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// 400 for an object that is not named as the URL says.
pub(super) fn require_name(object: &Value, name: &str) -> Result<(), Status> {
    match text(object, "name") {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        given if given != name => Err(Status::name_differs(given, name)),
        _ => Ok(()),
    }
}

/// Whether the object is being deleted.
pub(super) fn is_terminating(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// `metadata`, made where it is absent or no object. The object itself must be one, as everything decoded here is.
pub(super) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let metadata = &mut object["metadata"];
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    match metadata {
        Value::Object(fields) => fields,
        _ => unreachable!("made an object above"),
    }
}

/// Sets a field of `metadata`; null and the empty string remove it.
pub(super) fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    let value = value.into();
    let metadata = metadata_mut(object);
    if value.is_null() || value.as_str() == Some("") {
        metadata.remove(field);
    } else {
        metadata.insert(field.to_owned(), value);
    }
}

/// Copies a top-level field, or its absence.
pub(super) fn copy_field(to: &mut Value, from: &Value, field: &str) {
    let Some(fields) = to.as_object_mut() else { return };
    match from.get(field) {
        Some(value) => fields.insert(field.to_owned(), value.clone()),
        None => fields.remove(field),
    };
}

/// Bytes that most objects fit into.
const USUAL: usize = 2048;

/// The bytes that are stored: without `resourceVersion`, which is the store's.
pub(super) fn encode(object: &mut Value) -> Vec<u8> {
    metadata_mut(object).remove("resourceVersion");
    let mut encoded = Vec::with_capacity(USUAL);
    // Writing a value to memory can't fail.
    let _ = serde_json::to_writer(&mut encoded, object);
    encoded
}

/// The time in the form that objects carry: whole seconds, UTC.
pub(super) fn timestamp(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
