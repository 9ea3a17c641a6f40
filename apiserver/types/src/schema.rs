//! What the derived schemas need beyond the derive: list types, no nulls, and fields whose types are Kubernetes' own.

use schemars::{Schema, SchemaGenerator, json_schema, transform::transform_subschemas};
use serde_json::{Value, json};

/// Says that a list is a map by `keys`. Server-side apply merges it, and two elements with the same keys are refused.
pub(crate) fn list_map(keys: &'static [&'static str]) -> impl Fn(&mut Schema) {
    move |schema| {
        schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
        schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
    }
}

/// Says that a list is a set.
pub(crate) fn list_set(schema: &mut Schema) {
    schema.insert("x-kubernetes-list-type".to_owned(), json!("set"));
}

/// Makes a derived schema Kubernetes' own: an optional field is absent, never null, and a description is one line.
pub(crate) fn plain(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if let Some(types) = schema.get_mut("type").filter(|value| value.is_array()) {
        let remaining = without_null(types);
        if let [only] = remaining.as_slice() {
            *types = only.clone();
        }
    }
    for combination in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get(combination) else {
            continue;
        };
        let mut real = branches.iter().filter(|branch| !is_null_type(branch));
        let (Some(Value::Object(only)), None) = (real.next().cloned(), real.next()) else {
            continue;
        };
        schema.remove(combination);
        for (key, value) in only {
            if schema.get(&key).is_none() {
                schema.insert(key, value);
            }
        }
    }
    transform_subschemas(&mut plain, schema);
}

fn without_null(types: &Value) -> Vec<Value> {
    types
        .as_array()
        .into_iter()
        .flatten()
        .filter(|name| *name != "null")
        .cloned()
        .collect()
}

fn is_null_type(branch: &Value) -> bool {
    branch.get("type").is_some_and(|name| name == "null")
}

/// Schema of `status.conditions`: the standard Kubernetes condition, a map by type.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "description": "Whether something holds, since when, and why.",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": {"type": "string", "maxLength": 316, "description": "What it is about, such as Ready."},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"], "description": "Whether it holds."},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "Why, as one word for programs."},
                "message": {"type": "string", "maxLength": 32768, "description": "Why, as a sentence for people; may be empty."},
                "lastTransitionTime": {"type": "string", "format": "date-time", "description": "When the status last changed."},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0,
                    "description": "The metadata.generation that it answers to."},
            },
        },
    })
}

/// Schema of a number or a percentage.
pub(crate) fn int_or_string(_: &mut SchemaGenerator) -> Schema {
    // The derive makes an optional field of this type nullable unless something is said.
    json_schema!({"x-kubernetes-int-or-string": true, "nullable": false})
}

/// Schema of a point in time.
pub(crate) fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's skip_serializing_if passes a reference
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}
