use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod formats;
mod properties;

fn schema(source: Value) -> Schema {
    Schema::from_json(&source).unwrap()
}

fn error_of(source: Value) -> String {
    Schema::from_json(&source).unwrap_err().to_string()
}

#[test]
fn a_schema_tells_apply_and_patch_how_to_merge() {
    let schema = schema(json!({
        "type": "object",
        "properties": {
            "ports": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["port", "protocol"],
                "x-kubernetes-patch-strategy": "merge,retainKeys",
                "x-kubernetes-patch-merge-key": "port",
                "items": {"type": "object", "properties": {"port": {"type": "integer"}}},
            },
            "names": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "args": {"type": "array", "items": {"type": "string"}},
            "selector": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": {"type": "string"}},
            "value": {"x-kubernetes-int-or-string": true, "nullable": true, "default": 1},
        },
    }));
    let ports = schema.property("ports").unwrap();
    assert_eq!(
        ports.list_type(),
        ListType::Map(&["port".to_owned(), "protocol".to_owned()])
    );
    let merge = PatchMerge {
        merge_key: Some("port"),
        merge: true,
        retain_keys: true,
    };
    assert_eq!(ports.patch_merge(), Some(merge));
    assert_eq!(ports.items().unwrap().property("port").unwrap().kind(), Kind::Integer);
    assert_eq!(schema.property("names").unwrap().list_type(), ListType::Set);
    assert_eq!(schema.property("args").unwrap().list_type(), ListType::Atomic);
    assert_eq!(schema.property("args").unwrap().patch_merge(), None);
    let selector = schema.property("selector").unwrap();
    assert!(selector.map_atomic());
    assert_eq!(selector.field("any").unwrap().kind(), Kind::String);
    let value = schema.property("value").unwrap();
    assert!(value.int_or_string() && value.nullable());
    assert_eq!(value.default(), Some(&json!(1)));
    assert!(schema.property("absent").is_none());
}

#[test]
fn metadata_of_a_whole_object_is_the_servers() {
    let root = Schema::root_from_json(&json!({
        "type": "object",
        "properties": {"metadata": {"type": "string"}, "spec": {"type": "object"}},
    }))
    .unwrap();
    let metadata = root.property("metadata").unwrap();
    let owners = metadata.property("ownerReferences").unwrap();
    assert_eq!(owners.list_type(), ListType::Map(&["uid".to_owned()]));
    assert_eq!(owners.patch_merge().unwrap().merge_key, Some("uid"));
    assert!(owners.items().unwrap().map_atomic());
    let finalizers = metadata.property("finalizers").unwrap();
    assert_eq!(finalizers.list_type(), ListType::Set);
    assert!(finalizers.patch_merge().unwrap().merge);
    assert_eq!(
        metadata.property("managedFields").unwrap().list_type(),
        ListType::Atomic
    );
    assert_eq!(
        metadata.property("labels").unwrap().field("x").unwrap().kind(),
        Kind::String
    );
    let other = Schema::root_from_json(&json!({"type": "object"})).unwrap();
    assert!(
        std::sync::Arc::ptr_eq(metadata, other.property("metadata").unwrap()),
        "metadata is shared"
    );
}

#[test]
fn schemas_that_can_not_be_used_say_where_and_why() {
    let table = [
        (json!([]), ": must be an object"),
        (json!({"type": "thing"}), ": unknown type thing"),
        (
            json!({"properties": {"a": {"items": {"type": 1}}}}),
            "properties.a.items: type must be a string",
        ),
        (
            json!({"properties": {"a": {"$ref": "#/x"}}}),
            "properties.a: $ref is not supported",
        ),
        (
            json!({"x-kubernetes-list-type": "heap"}),
            r#": unknown x-kubernetes-list-type "heap""#,
        ),
        (
            json!({"x-kubernetes-list-type": "map"}),
            ": x-kubernetes-list-type map needs x-kubernetes-list-map-keys",
        ),
        (json!({"maxItems": -1}), ": maxItems must be a whole number from 0 on"),
        (
            json!({"additionalProperties": {"allOf": [{"minimum": "1"}]}}),
            "additionalProperties.allOf[0]: minimum must be a number",
        ),
        (json!({"nullable": "yes"}), ": nullable must be true or false"),
    ];
    for (source, error) in table {
        assert_eq!(error_of(source.clone()), error, "{source}");
    }
    assert!(error_of(json!({"pattern": "("})).starts_with(": pattern: regex parse error"));
    assert!(Schema::root_from_json(&json!({"type": "string"})).is_err());
    let mut deep = json!({});
    for _ in 0..500 {
        deep = json!({"items": deep});
    }
    assert!(error_of(deep).ends_with("nested too deeply"));
}

#[test]
fn defaults_are_set_where_nothing_is_given() {
    let schema = schema(json!({
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "default": 1},
            "network": {
                "type": "object",
                "default": {},
                "properties": {"cni": {"type": "object", "default": {"name": "antrea"}, "properties": {
                    "name": {"type": "string"}, "mode": {"type": "string", "default": "overlay"},
                }}},
            },
            "pools": {"type": "array", "items": {"type": "object", "properties": {
                "surge": {"x-kubernetes-int-or-string": true, "default": 1},
            }}},
            "zones": {"type": "object", "additionalProperties": {"type": "object", "properties": {
                "weight": {"type": "integer", "default": 10},
            }}},
            "tags": {"type": "array", "items": {"type": "string", "default": "x"}},
            "absent": {"type": "object", "properties": {"inner": {"type": "integer", "default": 1}}},
        },
    }));
    let mut object = json!({"pools": [{}, {"surge": "10%"}], "zones": {"a": {}}, "tags": [null, "y"]});
    schema.apply_defaults(&mut object);
    let expected = json!({
        "replicas": 1,
        "network": {"cni": {"name": "antrea", "mode": "overlay"}},
        "pools": [{"surge": 1}, {"surge": "10%"}],
        "zones": {"a": {"weight": 10}},
        "tags": ["x", "y"],
    });
    assert_eq!(object, expected);
}

#[test]
fn null_is_a_value_only_where_the_schema_says_so() {
    let source = json!({
        "type": "object",
        "properties": {
            "defaulted": {"type": "integer", "default": 1},
            "plain": {"type": "integer"},
            "nullable": {"type": "integer", "nullable": true},
            "nullable-defaulted": {"type": "integer", "nullable": true, "default": 1},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
        },
    });
    let given = json!({
        "defaulted": null, "plain": null, "nullable": null, "nullable-defaulted": null, "unknown": null,
        "labels": {"a": null, "b": "c"}, "list": [{"a": null}],
    });

    let mut object = given.clone();
    schema(source.clone()).apply_defaults(&mut object);
    let custom = json!({
        "defaulted": 1, "nullable": null, "nullable-defaulted": null, "unknown": null,
        "labels": {"b": "c"}, "list": [{}],
    });
    assert_eq!(object, custom);

    let mut object = given;
    Schema::builtin_from_json(&source).unwrap().apply_defaults(&mut object);
    let builtin = json!({
        "defaulted": 1, "nullable-defaulted": 1, "unknown": null, "labels": {"a": "", "b": "c"}, "list": [{}],
    });
    assert_eq!(object, builtin);
}

#[test]
fn metadata_nulls_are_dropped() {
    let root = Schema::root_from_json(&json!({"type": "object"})).unwrap();
    let mut object = json!({"metadata": {"name": "a", "creationTimestamp": null, "labels": {"x": null}}});
    root.apply_defaults(&mut object);
    assert_eq!(object, json!({"metadata": {"name": "a", "labels": {"x": ""}}}));
}

#[test]
fn unknown_fields_are_removed_and_told() {
    let root = Schema::root_from_json(&json!({
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "replicas": {"type": "integer"},
                    "list": {"type": "array", "items": {"type": "object", "properties": {"y": {"type": "string"}}}},
                    "free": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": true,
                        "properties": {"known": {"type": "object", "properties": {"a": {"type": "string"}}}},
                    },
                    "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {}}},
                    "open": {"type": "object", "additionalProperties": true},
                    "template": {"type": "object", "x-kubernetes-embedded-resource": true},
                },
            },
        },
    }))
    .unwrap();
    let mut object = json!({
        "apiVersion": "g/v1", "kind": "K",
        "metadata": {"name": "a", "bogus": 1, "managedFields": [{"fieldsV1": {"f:spec": {}}, "x": 1}], "ownerReferences": [{"uid": "u", "y": 1}]},
        "spec": {
            "replicas": 1, "bogus": {"deep": 1},
            "list": [{"x": 1, "y": "z"}, {"x": 2}],
            "free": {"any": {"thing": 1}, "known": {"a": "b", "c": 1}},
            "map": {"k": {"v": 1}},
            "open": {"any": {"thing": 1}},
            "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "odd": 1}, "spec": {}},
        },
        "status": {},
    });
    let unknown = root.prune(&mut object);
    let expected = [
        "metadata.bogus",
        "metadata.managedFields[0].x",
        "metadata.ownerReferences[0].y",
        "spec.bogus",
        "spec.free.known.c",
        "spec.list[0].x",
        "spec.list[1].x",
        "spec.map.k.v",
        "spec.open.any.thing",
        "spec.template.metadata.odd",
        "spec.template.spec",
        "status",
    ];
    assert_eq!(unknown, expected);
    let pruned = json!({
        "apiVersion": "g/v1", "kind": "K",
        "metadata": {"name": "a", "managedFields": [{"fieldsV1": {"f:spec": {}}}], "ownerReferences": [{"uid": "u"}]},
        "spec": {
            "replicas": 1,
            "list": [{"y": "z"}, {}],
            "free": {"any": {"thing": 1}, "known": {"a": "b"}},
            "map": {"k": {}},
            "open": {"any": {}},
            "template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}},
        },
    });
    assert_eq!(object, pruned);
}

#[test]
fn very_many_unknown_fields_are_told_in_part_and_all_removed() {
    let fields: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("f{n}"), Value::Null)).collect();
    let mut object = Value::Object(fields);
    let unknown = Schema::nothing().prune(&mut object);
    assert_eq!(unknown.len(), 1000);
    assert_eq!(object, json!({}));
}

#[test]
fn descriptions_and_rules_are_kept_for_documents() {
    let schema = schema(json!({
        "type": "string",
        "description": "How many.",
        "x-kubernetes-validations": [{"rule": "self != ''"}],
    }));
    assert_eq!(schema.description(), Some("How many."));
    assert_eq!(schema.validations(), Some(&json!([{"rule": "self != ''"}])));
}
