//! The rules of `metadata`: what the server owns, and what clients may set.

use std::collections::HashSet;

use serde_json::Value;

use crate::{
    FieldError,
    registry::{
        ResourceDefinition, Style,
        naming::{label_value_problems, name_problems, qualified_name_problems},
        object,
        warnings::Warnings,
    },
    status::Status,
};

/// Longest sum of all annotations, in bytes.
const ANNOTATIONS_BYTES: usize = 256 * 1024;

/// Removes from a new object what only the server sets.
pub(super) fn wipe(object: &mut Value) {
    const OWNED: [&str; 7] = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "resourceVersion",
        "generation",
    ];
    let metadata = object::metadata_mut(object);
    for field in OWNED {
        metadata.remove(field);
    }
}

/// What a write may not even try to change.
pub(super) fn unchangeable(definition: &ResourceDefinition, new: &Value, live: &Value) -> Vec<FieldError> {
    let (given, kept) = (
        object::text(new, "deletionTimestamp"),
        object::text(live, "deletionTimestamp"),
    );
    if given.is_empty() || given == kept {
        return Vec::new();
    }
    let error = FieldError::invalid("metadata.deletionTimestamp", given, "field is immutable");
    match definition.style {
        // Their metadata is validated twice, and clients see both.
        Style::Custom => vec![error.clone(), error],
        Style::BuiltIn { .. } => vec![error],
    }
}

/// Puts back into a changed object what a write can't change.
pub(super) fn restore(new: &mut Value, live: &Value) {
    const OWNED: [&str; 8] = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ];
    for field in OWNED {
        object::set(new, field, live["metadata"][field].clone());
    }
    object::set(new, "selfLink", Value::Null);
}

/// Sets the namespace of the request; 400 when the object names another one.
pub(in crate::registry) fn check_namespace(
    definition: &ResourceDefinition,
    namespace: &str,
    object: &mut Value,
) -> Result<(), Status> {
    let given = object::text(object, "namespace");
    if definition.names.namespaced && !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object::set(object, "namespace", namespace);
    Ok(())
}

/// Keeps the first of several equal owners, and warns.
pub(super) fn dedupe_owner_references(object: &mut Value, warnings: &Warnings) {
    let Some(owners) = object::metadata_mut(object)
        .get_mut("ownerReferences")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let mut seen = HashSet::with_capacity(owners.len());
    let is_first: Vec<bool> = owners.iter().map(|owner| seen.insert(owner)).collect();
    let repeated: Vec<_> = owners
        .iter()
        .zip(&is_first)
        .filter(|(_, is_first)| !**is_first)
        .map(|(owner, _)| owner["uid"].as_str().unwrap_or_default().to_owned())
        .collect();
    if !repeated.is_empty() {
        let mut is_first = is_first.into_iter();
        owners.retain(|_| is_first.next().unwrap_or(true));
        warnings.add(format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            repeated.join(", ")
        ));
    }
}

/// What is wrong with the metadata of a new object.
pub(super) fn validate(definition: &ResourceDefinition, object: &Value) -> Vec<FieldError> {
    let mut errors = validate_generate_name(definition, object);
    errors.extend(validate_name(definition, object));
    errors.extend(validate_body(object));
    errors
}

/// What is wrong with the metadata of a changed object.
pub(super) fn validate_update(definition: &ResourceDefinition, new: &Value, live: &Value) -> Vec<FieldError> {
    let mut errors = validate_body(new);
    if object::is_terminating(live) {
        let before = object::finalizers(live);
        let added: Vec<String> = object::finalizers(new)
            .into_iter()
            .filter(|finalizer| !before.contains(finalizer))
            .map(|finalizer| format!("\"{finalizer}\""))
            .collect();
        if !added.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    if definition.style == Style::Custom {
        // Their metadata is validated again and again, and clients see it all.
        errors.extend(errors.clone());
        errors.extend(validate_body(new));
    }
    errors
}

fn validate_name(definition: &ResourceDefinition, object: &Value) -> Vec<FieldError> {
    let name = object::text(object, "name");
    if name.is_empty() {
        return vec![FieldError::required(
            "metadata.name",
            "name or generateName is required",
        )];
    }
    let problems = name_problems(definition.name_rule, name);
    problems
        .into_iter()
        .map(|problem| FieldError::invalid("metadata.name", name, problem))
        .collect()
}

/// A base may end where a whole name may not: with a `-` or a `.`.
fn validate_generate_name(definition: &ResourceDefinition, object: &Value) -> Vec<FieldError> {
    let base = object::text(object, "generateName");
    if base.is_empty() {
        return Vec::new();
    }
    let as_name = match base.strip_suffix('-') {
        Some(head) => format!("{head}a"),
        None => base.to_owned(),
    };
    let problems = name_problems(definition.name_rule, &as_name).into_iter();
    problems
        .map(|problem| FieldError::invalid("metadata.generateName", base, problem))
        .collect()
}

/// Says which new finalizers may meet those of others.
pub(super) fn warn_of_short_finalizers(object: &Value, before: &[&str], warnings: &Warnings) {
    let added = object::finalizers(object)
        .into_iter()
        .filter(|finalizer| !before.contains(finalizer));
    for finalizer in added {
        let is_known = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
        if !finalizer.contains('/') && !is_known && qualified_name_problems(finalizer).is_empty() {
            warnings.add(format!(
                "metadata.finalizers: {finalizer:?}: prefer a domain-qualified finalizer name to avoid accidental conflicts with \
                 other finalizer writers"
            ));
        }
    }
}

/// Problems of what clients may write in an object's metadata, but for its name.
pub(in crate::registry) fn validate_body(object: &Value) -> Vec<FieldError> {
    let mut errors = validate_labels(object);
    errors.extend(validate_annotations(object));
    errors.extend(validate_owners(object));
    errors.extend(validate_finalizers(object));
    errors
}

fn validate_labels(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "metadata.labels";
    let mut errors = Vec::new();
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        errors.extend(
            qualified_name_problems(key)
                .into_iter()
                .map(|p| FieldError::invalid(FIELD, key.as_str(), p)),
        );
        let value = value.as_str().unwrap_or_default();
        errors.extend(
            label_value_problems(value)
                .into_iter()
                .map(|p| FieldError::invalid(FIELD, value, p)),
        );
    }
    errors
}

fn validate_annotations(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "metadata.annotations";
    let (mut errors, mut size) = (Vec::new(), 0);
    for (key, value) in object["metadata"]["annotations"].as_object().into_iter().flatten() {
        // Keys may have upper case in their prefix.
        let problems = qualified_name_problems(&key.to_lowercase());
        errors.extend(
            problems
                .into_iter()
                .map(|p| FieldError::invalid(FIELD, key.as_str(), p)),
        );
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_BYTES {
        errors.push(FieldError::too_long(FIELD, ANNOTATIONS_BYTES));
    }
    errors
}

fn validate_owners(object: &Value) -> Vec<FieldError> {
    let owners = object["metadata"]["ownerReferences"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut errors = Vec::new();
    let mut controller = "";
    for (position, owner) in owners.iter().enumerate() {
        let text = |field: &str| owner[field].as_str().unwrap_or_default();
        for field in ["apiVersion", "kind", "name", "uid"] {
            if text(field).is_empty() {
                let path = format!("metadata.ownerReferences[{position}].{field}");
                errors.push(FieldError::required(path, "must not be empty"));
            }
        }
        let api_version = text("apiVersion");
        if api_version.matches('/').count() > 1 {
            let path = format!("metadata.ownerReferences[{position}].apiVersion");
            errors.push(FieldError::invalid(
                path,
                api_version,
                "must be <group>/<version> or <version>",
            ));
        }
        if (api_version, text("kind")) == ("v1", "Event") {
            let path = format!("metadata.ownerReferences[{position}]");
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(path, owner.clone(), detail));
        }
        if owner["controller"].as_bool() == Some(true) {
            let name = text("name");
            if controller.is_empty() {
                controller = name;
            } else {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {controller} \
                     and {name}"
                );
                errors.push(FieldError::invalid("metadata.ownerReferences", owners.to_vec(), detail));
            }
        }
    }
    errors
}

fn validate_finalizers(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "metadata.finalizers";
    let finalizers = object::finalizers(object);
    let mut errors: Vec<FieldError> = Vec::new();
    for finalizer in &finalizers {
        let problems = qualified_name_problems(finalizer);
        errors.extend(
            problems
                .into_iter()
                .map(|problem| FieldError::invalid(FIELD, *finalizer, problem)),
        );
    }
    if finalizers.contains(&"orphan") && finalizers.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid(FIELD, finalizers.clone(), detail));
    }
    errors
}
