//! kubectl's way from client-side to server-side apply: the last-applied annotation counts as ownership.

use serde_json::Value;

use super::{compare::compare, extract::fields_of, path::html_safe, set::FieldSet, typed::Type, validate::problems};

/// The manager name of `kubectl apply --server-side`.
pub(super) const KUBECTL: &str = "kubectl";
/// Where `kubectl apply` keeps what it applied.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Most bytes that keys and values of all annotations may have.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The fields that client-side apply set and that still have the applied value; `None` where the object was not applied
/// in this version.
pub(super) fn owned_fields(root: Type<'_>, live: &Value, api_version: &str) -> Option<FieldSet> {
    let annotation = annotations(live)?.get(ANNOTATION)?.as_str()?;
    let applied: Value = serde_json::from_str(annotation).ok()?;
    let same_version = applied.get("apiVersion").and_then(Value::as_str) == Some(api_version);
    if !same_version || problems(root, &applied).is_some() || problems(root, live).is_some() {
        return None;
    }
    let changes = compare(root, Some(&applied), live).ok()?;
    let changed = changes.written().union(&changes.removed);
    Some(fields_of(root, &applied).ok()?.difference(&changed))
}

/// Brings the annotation, where the object has one, up to the configuration that was just applied.
pub(super) fn refresh(object: &mut Value, config: &Value) {
    let present = annotations(object)
        .and_then(|all| all.get(ANNOTATION))
        .and_then(Value::as_str);
    if present.is_none_or(str::is_empty) {
        return;
    }
    let mut applied = config.clone();
    if let Some(annotations) = applied
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(ANNOTATION);
    }
    let text = format!("{}\n", html_safe(&applied.to_string()));
    let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    let size: usize = annotations
        .iter()
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum();
    if size > MAX_ANNOTATIONS {
        annotations.remove(ANNOTATION);
    }
}

fn annotations(object: &Value) -> Option<&serde_json::Map<String, Value>> {
    object.pointer("/metadata/annotations")?.as_object()
}
