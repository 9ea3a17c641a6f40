//! What clients see of server-side apply, and laws that hold for all objects.

mod laws;
mod writes;

use serde_json::{Value, json};

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

/// An object of that kind.
pub(super) fn widget(spec: Value) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "ns"}, "spec": spec})
}
