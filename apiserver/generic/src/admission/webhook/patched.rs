//! What a webhook's patch makes of an object.

use serde_json::Value;

use super::super::AdmissionRequest;
use crate::{patch, status::Status};

/// What the server alone says of an object.
const FIXED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// The object after a JSON patch; none where it stays as it is.
pub(super) fn patched(
    webhook: &str,
    request: &AdmissionRequest<'_>,
    object: Option<&Value>,
    patch: &[u8],
) -> Result<Option<Value>, Status> {
    if is_empty(patch) {
        return Ok(None);
    }
    let Some(object) = object else {
        return Err(Status::internal_error(format!(
            "admission webhook {webhook:?} attempted to modify the object, which is not supported for this operation"
        )));
    };
    let patched = patch::json_patch(object, patch).map_err(|error| Status::internal_error(error.to_string()))?;
    let mut new = patched.value;
    if let Some(field) = changed_identity(object, &new) {
        return Err(Status::internal_error(format!(
            "admission webhook {webhook:?} attempted to modify {field}, which is not supported"
        )));
    }
    complete(request, &mut new);
    Ok((new != *object).then_some(new))
}

fn is_empty(patch: &[u8]) -> bool {
    patch.is_empty() || serde_json::from_slice::<Vec<Value>>(patch).is_ok_and(|operations| operations.is_empty())
}

/// The field that no webhook may change, if it did.
fn changed_identity(old: &Value, new: &Value) -> Option<String> {
    for field in ["apiVersion", "kind"] {
        if new.get(field) != old.get(field) {
            return Some(field.to_owned());
        }
    }
    let (old, new) = (&old["metadata"], &new["metadata"]);
    if old.is_object() != new.is_object() {
        return Some("metadata".to_owned());
    }
    let changed = FIXED.iter().find(|field| old.get(**field) != new.get(**field));
    changed.map(|field| format!("metadata.{field}"))
}

/// Fills in the defaults of what is new, and takes away what nobody knows.
fn complete(request: &AdmissionRequest<'_>, object: &mut Value) {
    let definition = request.resource;
    // A Scale, or the body of a subresource, is checked by who takes it.
    if request.kind != (&definition.names).into() {
        return;
    }
    definition.schema.prune(object);
    definition.schema.apply_defaults(object);
    definition.strategy.apply_defaults(object);
}
