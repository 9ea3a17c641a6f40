//! The schema of what every object has: `apiVersion`, `kind` and `metadata` (`meta/v1 ObjectMeta`).

use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::{Schema, build::Builder};

/// The schemas of the first three fields of every object.
pub(super) struct ObjectFields {
    pub(super) api_version: Arc<Schema>,
    pub(super) kind: Arc<Schema>,
    pub(super) metadata: Arc<Schema>,
}

/// Built once and shared by all schemas.
pub(super) fn object_fields() -> &'static ObjectFields {
    static FIELDS: LazyLock<ObjectFields> = LazyLock::new(|| ObjectFields {
        api_version: build(&json!({"type": "string", "description": "Group and version of this object's schema."})),
        kind: build(&json!({"type": "string", "description": "The kind of this object, in CamelCase."})),
        metadata: build(&object_meta()),
    });
    &FIELDS
}

/// `meta/v1 ObjectMeta` in OpenAPI, list types and patch keys included. Times are written out in place.
pub(super) fn object_meta() -> Value {
    json!({
        "type": "object",
        "description": "What every stored object carries beside its own fields.",
        "properties": {
            "name": {"type": "string", "description": "Name, unique per namespace and resource; it can't change."},
            "generateName": {"type": "string", "description": "Where no name is given, the server makes one that begins with this."},
            "namespace": {"type": "string", "description": "Namespace of the object; empty for cluster-scoped resources."},
            "selfLink": {"type": "string", "description": "No longer filled."},
            "uid": {"type": "string", "description": "Identity of the object in time and space, given by the server."},
            "resourceVersion": {"type": "string", "description": "Version of the stored object: send it back to write only if nobody else has written."},
            "generation": {"type": "integer", "format": "int64", "description": "Counts changes of the desired state."},
            "creationTimestamp": {"type": "string", "format": "date-time", "description": "When the object was created."},
            "deletionTimestamp": {"type": "string", "format": "date-time", "description": "When deletion was asked for; the object goes once its finalizers are gone."},
            "deletionGracePeriodSeconds": {"type": "integer", "format": "int64", "description": "Seconds the object may take to end."},
            "labels": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Keys and values that selectors match.",
            },
            "annotations": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "description": "Keys and values for tools and people; selectors don't see them.",
            },
            "ownerReferences": {
                "type": "array",
                "items": owner_reference(),
                "description": "Objects this one belongs to; it is deleted once all of them are gone.",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["uid"],
                "x-kubernetes-patch-strategy": "merge",
                "x-kubernetes-patch-merge-key": "uid",
            },
            "finalizers": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Who must still act before a deleted object goes.",
                "x-kubernetes-list-type": "set",
                "x-kubernetes-patch-strategy": "merge",
            },
            "managedFields": {
                "type": "array",
                "items": managed_fields_entry(),
                "description": "Which writer owns which fields; kept by the server.",
                "x-kubernetes-list-type": "atomic",
            },
        },
    })
}

/// `meta/v1 OwnerReference`. The registry checks the required fields.
pub(super) fn owner_reference() -> Value {
    json!({
        "type": "object",
        "description": "Names an owner in the same namespace, or a cluster-scoped one.",
        "properties": {
            "apiVersion": {"type": "string", "description": "Group and version of the owner."},
            "kind": {"type": "string", "description": "Kind of the owner."},
            "name": {"type": "string", "description": "Name of the owner."},
            "uid": {"type": "string", "description": "UID of the owner."},
            "controller": {"type": "boolean", "description": "Whether this owner manages the object; at most one does."},
            "blockOwnerDeletion": {"type": "boolean", "description": "Whether a foreground deletion of the owner waits for this object."},
        },
        "x-kubernetes-map-type": "atomic",
    })
}

/// `meta/v1 ManagedFieldsEntry`.
pub(super) fn managed_fields_entry() -> Value {
    json!({
        "type": "object",
        "description": "The fields of one writer.",
        "properties": {
            "manager": {"type": "string", "description": "Name of the writer."},
            "operation": {"type": "string", "description": "Apply for server-side apply, Update for any other write."},
            "apiVersion": {"type": "string", "description": "Version that the fields are named in."},
            "time": {"type": "string", "format": "date-time", "description": "When the set of fields last changed."},
            "fieldsType": {"type": "string", "description": "Format of fieldsV1; always FieldsV1."},
            "fieldsV1": {
                "type": "object",
                "description": "The fields, as a tree.",
                "x-kubernetes-preserve-unknown-fields": true,
            },
            "subresource": {"type": "string", "description": "Subresource that was written; empty for the object itself."},
        },
    })
}

fn build(source: &Value) -> Arc<Schema> {
    let built = Builder::of_metadata().node(source);
    Arc::new(built.unwrap_or_else(|error| unreachable!("the schema of metadata is valid: {error}")))
}
