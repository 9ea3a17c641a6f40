//! The components that every document shares: `meta/v1`, and `autoscaling/v1 Scale` where it is served.

use serde_json::{Map, Value, json};

use super::{
    field_of,
    names::{META, RAW_EXTENSION, SCALE},
    reference,
};
use crate::schema::meta::{managed_fields_entry, object_meta, owner_reference};

/// The shared components, as the document of this group and version shows them.
pub(super) fn components(group: &str, version: &str) -> Map<String, Value> {
    let mut components: Map<String, Value> = [
        ("ObjectMeta", object_meta_component()),
        ("OwnerReference", owner_reference_component()),
        ("ManagedFieldsEntry", managed_fields_component()),
        ("FieldsV1", json!({"type": "object", "description": "A set of fields, as a tree of their path elements."})),
        ("Time", json!({"type": "string", "format": "date-time", "description": "A time with whole seconds, as in RFC 3339."})),
        ("ListMeta", list_meta()),
        ("Patch", json!({"type": "object", "description": "The body of a PATCH request."})),
        ("Preconditions", preconditions()),
        ("DeleteOptions", with_kinds(delete_options(), "DeleteOptions", group, version)),
        ("Status", with_kinds(status(), "Status", "", "v1")),
        ("StatusDetails", status_details()),
        ("StatusCause", status_cause()),
        ("WatchEvent", with_kinds(watch_event(), "WatchEvent", group, version)),
    ]
    .into_iter()
    .map(|(kind, component)| (format!("{META}.{kind}"), component))
    .collect();
    let raw = json!({"type": "object", "description": "An object of any kind."});
    components.insert(RAW_EXTENSION.to_owned(), raw);
    components
}

/// `autoscaling/v1 Scale` and its parts.
pub(super) fn scale_components() -> [(String, Value); 3] {
    let scale = json!({
        "type": "object",
        "description": "How many replicas an object should have and has.",
        "properties": {
            "apiVersion": text("Group and version: autoscaling/v1."),
            "kind": text("The kind: Scale."),
            "metadata": field_of(&format!("{META}.ObjectMeta"), "Metadata of the object that is scaled."),
            "spec": field_of(&format!("{SCALE}Spec"), "What is wanted."),
            "status": field_of(&format!("{SCALE}Status"), "What there is."),
        },
        "x-kubernetes-group-version-kind": [{"group": "autoscaling", "version": "v1", "kind": "Scale"}],
    });
    let spec = json!({
        "type": "object",
        "description": "The wanted number of replicas.",
        "properties": {"replicas": count("Wanted replicas.", "int32")},
    });
    let status = json!({
        "type": "object",
        "description": "The observed number of replicas.",
        "required": ["replicas"],
        "properties": {
            "replicas": count("Observed replicas.", "int32"),
            "selector": text("Selects the pods that are counted, in the form of a query."),
        },
    });
    [
        (SCALE.to_owned(), scale),
        (format!("{SCALE}Spec"), spec),
        (format!("{SCALE}Status"), status),
    ]
}

/// ObjectMeta with its parts as references.
fn object_meta_component() -> Value {
    let mut meta = object_meta();
    let properties = &mut meta["properties"];
    for field in ["creationTimestamp", "deletionTimestamp"] {
        refer(&mut properties[field], "Time");
    }
    properties["ownerReferences"]["items"] = part("OwnerReference");
    properties["managedFields"]["items"] = part("ManagedFieldsEntry");
    meta
}

fn owner_reference_component() -> Value {
    let mut owner = owner_reference();
    owner["required"] = json!(["apiVersion", "kind", "name", "uid"]);
    owner
}

fn managed_fields_component() -> Value {
    let mut entry = managed_fields_entry();
    refer(&mut entry["properties"]["time"], "Time");
    refer(&mut entry["properties"]["fieldsV1"], "FieldsV1");
    entry
}

/// Replaces what a field is by a reference, and keeps its description.
fn refer(field: &mut Value, kind: &str) {
    let description = field["description"].take();
    *field = json!({"allOf": [reference(&format!("{META}.{kind}"))], "description": description});
}

/// An item of a list of components.
fn part(kind: &str) -> Value {
    json!({"allOf": [reference(&format!("{META}.{kind}"))], "default": {}})
}

fn list_meta() -> Value {
    json!({
        "type": "object",
        "description": "What a list carries beside its items.",
        "properties": {
            "continue": text("Set when there is more: send it back to get the next part of the same list."),
            "remainingItemCount": count("How many items follow, where that is known.", "int64"),
            "resourceVersion": text("The state of the store that the list shows; watches start from it."),
            "selfLink": text("No longer filled."),
        },
    })
}

fn preconditions() -> Value {
    json!({
        "type": "object",
        "description": "What must hold for a deletion to happen.",
        "properties": {
            "resourceVersion": text("The object must have this version."),
            "uid": text("The object must have this UID."),
        },
    })
}

fn delete_options() -> Value {
    json!({
        "type": "object",
        "description": "How to delete.",
        "properties": {
            "apiVersion": text("Group and version of these options."),
            "kind": text("The kind: DeleteOptions."),
            "dryRun": {
                "type": "array",
                "items": {"type": "string"},
                "description": "All: do everything but delete.",
                "x-kubernetes-list-type": "atomic",
            },
            "gracePeriodSeconds": count("Seconds that the object may take to end.", "int64"),
            "orphanDependents": {"type": "boolean", "description": "Older form of propagationPolicy: true is Orphan."},
            "preconditions": {
                "allOf": [reference(&format!("{META}.Preconditions"))],
                "description": "What must hold, else the answer is 409.",
            },
            "propagationPolicy": text("What happens to dependents: Orphan keeps them, Background deletes them afterwards, Foreground before."),
        },
    })
}

fn status() -> Value {
    json!({
        "type": "object",
        "description": "The outcome of a request that returns no object.",
        "properties": {
            "apiVersion": text("The version: v1."),
            "kind": text("The kind: Status."),
            "metadata": field_of(&format!("{META}.ListMeta"), "Continuation of an expired list, if any."),
            "status": text("Success or Failure."),
            "message": text("What happened, for people."),
            "reason": text("What happened, for programs."),
            "details": {
                "allOf": [reference(&format!("{META}.StatusDetails"))],
                "description": "What it is about.",
                "x-kubernetes-list-type": "atomic",
            },
            "code": count("The HTTP status code.", "int32"),
        },
    })
}

fn status_details() -> Value {
    json!({
        "type": "object",
        "description": "What a Status is about.",
        "properties": {
            "name": text("Name of the object."),
            "group": text("Group of the object."),
            "kind": text("Kind or resource of the object."),
            "uid": text("UID of the object."),
            "causes": {
                "type": "array",
                "items": part("StatusCause"),
                "description": "The single problems.",
                "x-kubernetes-list-type": "atomic",
            },
            "retryAfterSeconds": count("When to try again.", "int32"),
        },
    })
}

fn status_cause() -> Value {
    json!({
        "type": "object",
        "description": "One problem.",
        "properties": {
            "field": text("Path of the field."),
            "message": text("What is wrong, for people."),
            "reason": text("What is wrong, for programs."),
        },
    })
}

fn watch_event() -> Value {
    json!({
        "type": "object",
        "description": "One change that a watch tells.",
        "required": ["type", "object"],
        "properties": {
            "type": text("ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."),
            "object": {
                "allOf": [reference(RAW_EXTENSION)],
                "description": "The object after the change; before it for DELETED; a Status for ERROR.",
            },
        },
    })
}

/// Marks a component as a kind that is known in core `v1` and in this group and version.
fn with_kinds(mut component: Value, kind: &str, group: &str, version: &str) -> Value {
    let mut kinds = vec![json!({"group": "", "version": "v1", "kind": kind})];
    if (group, version) != ("", "v1") {
        kinds.push(json!({"group": group, "version": version, "kind": kind}));
    }
    component["x-kubernetes-group-version-kind"] = Value::from(kinds);
    component
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn count(description: &str, format: &str) -> Value {
    json!({"type": "integer", "format": format, "description": description})
}
