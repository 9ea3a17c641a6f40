//! Parameters of operations.

use serde_json::{Value, json};

use crate::registry::Style;

/// Path parameters, and those that every operation takes.
pub(super) fn of_path(kind: &str, named: bool, namespaced: bool) -> Vec<Value> {
    let mut parameters = Vec::new();
    if named {
        parameters.push(in_path("name", &format!("name of the {kind}")));
    }
    if namespaced {
        parameters.push(in_path("namespace", "namespace of the object"));
    }
    parameters.push(query("pretty", "string", "true: indent the answer"));
    parameters
}

/// Of GET of one object.
pub(super) fn of_get(style: Style) -> Vec<Value> {
    match style {
        Style::Custom => vec![resource_version()],
        Style::BuiltIn { .. } => Vec::new(),
    }
}

/// Of POST and PUT.
pub(super) fn of_write() -> Vec<Value> {
    vec![
        query("dryRun", "string", "All: do everything but store"),
        query(
            "fieldManager",
            "string",
            "name of the writer, for ownership of fields; at most 128 printable characters",
        ),
        query(
            "fieldValidation",
            "string",
            "what unknown and duplicate fields lead to: Ignore, Warn or Strict",
        ),
    ]
}

/// Of PATCH.
pub(super) fn of_patch() -> Vec<Value> {
    let mut parameters = of_write();
    parameters.push(query(
        "force",
        "boolean",
        "take fields from other owners; only for apply patches",
    ));
    parameters
}

/// Of DELETE of one object.
pub(super) fn of_delete() -> Vec<Value> {
    vec![
        query("dryRun", "string", "All: do everything but delete"),
        query(
            "gracePeriodSeconds",
            "integer",
            "seconds that the object may take to end",
        ),
        query(
            "ignoreStoreReadErrorWithClusterBreakingPotential",
            "boolean",
            "for objects that the store has and can't read; without effect here",
        ),
        query(
            "orphanDependents",
            "boolean",
            "older form of propagationPolicy: true is Orphan",
        ),
        query(
            "propagationPolicy",
            "string",
            "what happens to dependents: Orphan, Background or Foreground",
        ),
    ]
}

/// Of GET of a collection.
pub(super) fn of_list() -> Vec<Value> {
    let mut parameters = selection();
    parameters.insert(
        0,
        query("allowWatchBookmarks", "boolean", "a watch may send BOOKMARK events"),
    );
    parameters.push(query("watch", "boolean", "stream the changes instead of listing"));
    parameters
}

/// Of DELETE of a collection.
pub(super) fn of_delete_collection() -> Vec<Value> {
    let mut parameters = of_delete();
    parameters.extend(selection());
    parameters
}

fn selection() -> Vec<Value> {
    vec![
        query(
            "continue",
            "string",
            "token of the next part of a list, from metadata.continue of the last",
        ),
        query("fieldSelector", "string", "only objects whose fields match"),
        query("labelSelector", "string", "only objects whose labels match"),
        query("limit", "integer", "at most so many items; more follow by continue"),
        resource_version(),
        query(
            "resourceVersionMatch",
            "string",
            "how resourceVersion counts: Exact or NotOlderThan",
        ),
        query(
            "sendInitialEvents",
            "boolean",
            "a watch begins with the objects there are, then a bookmark",
        ),
        query(
            "shardSelector",
            "string",
            "for lists and watches of a part of all objects; without effect here",
        ),
        query("timeoutSeconds", "integer", "ends the request after this time"),
    ]
}

fn resource_version() -> Value {
    query(
        "resourceVersion",
        "string",
        "the state of the store to show or to start from",
    )
}

fn query(name: &str, kind: &str, description: &str) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": {"type": kind, "uniqueItems": true}})
}

fn in_path(name: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": description,
        "schema": {"type": "string", "uniqueItems": true},
    })
}
