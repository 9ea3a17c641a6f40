//! What clients see of server-side apply, and laws that hold for all objects.

mod fuzz;
mod laws;
mod writes;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Manager;
use crate::schema::Schema;

/// A kind with one field of each sort.
pub(super) fn schema() -> Schema {
    let text = json!({"type": "string"});
    let number = json!({"type": "integer"});
    Schema::root_from_json(&json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {
                "n": number,
                "text": text,
                "labels": {"type": "object", "additionalProperties": text},
                "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": number},
                "list": {"type": "array", "items": number},
                "ids": {"type": "array", "x-kubernetes-list-type": "set", "items": number},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                    "items": {"type": "object", "required": ["port"], "properties": {
                        "port": number,
                        "protocol": {"type": "string", "default": "TCP"},
                        "name": text,
                        "labels": {"type": "object", "additionalProperties": text},
                    }},
                },
                "portName": {"x-kubernetes-int-or-string": true},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "any": {"x-kubernetes-preserve-unknown-fields": true},
                "nested": {"type": "object", "properties": {"a": number, "b": number}},
            }},
            "status": {"type": "object", "properties": {
                "phase": text,
                "conditions": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                    "items": {"type": "object", "properties": {"type": text, "status": text}},
                },
            }},
        },
    }))
    .unwrap()
}

/// The version of that kind.
const API_VERSION: &str = "example.com/v1";

/// An object of that kind.
fn widget(spec: Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "Widget", "metadata": {"name": "a", "namespace": "ns"}, "spec": spec})
}

/// A writer on the main resource.
fn manager(name: &str) -> Manager<'_> {
    let now = jiff::Timestamp::UNIX_EPOCH;
    Manager {
        name,
        api_version: API_VERSION,
        subresource: "",
        now,
    }
}

/// Any JSON value, with names that the schemas of tests know and others.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "status",
        "n",
        "text",
        "labels",
        "whole",
        "list",
        "ids",
        "ports",
        "port",
        "protocol",
        "name",
        "free",
        "any",
        "nested",
        "a",
        "b",
        "finalizers",
        "containers",
        "annotations",
        "managedFields",
        "$patch",
        "$retainKeys",
        "$setElementOrder/ids",
        "$deleteFromPrimitiveList/finalizers",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        (-2..3_i32).prop_map(|number| json!(f64::from(number) / 2.0)),
        prop::sample::select(vec!["", "a", "b", "TCP", "replace", "delete"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}
