//! `autoscaling/v1 Scale`, the kind behind every `/scale`: read, checked and shown as the built-in kind that it is.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::{
    Cell, Column, Decoder, NameRule, Names, NoRules, ResourceDefinition, Style, Verbs, object, typed_metadata,
};
use crate::schema::{Schema, decode::word};

/// Group and version of a Scale.
pub(super) const API_VERSION: &str = "autoscaling/v1";

/// The kind.
pub(super) fn scale_kind() -> &'static ResourceDefinition {
    static KIND: LazyLock<ResourceDefinition> = LazyLock::new(|| ResourceDefinition {
        names: Names {
            group: "autoscaling".into(),
            version: "v1".into(),
            kind: "Scale".into(),
            plural: "scales".into(),
            singular: "scale".into(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
        },
        schema: Arc::new(schema()),
        style: Style::BuiltIn {
            generation: false,
            unconditional_update: true,
            create_on_update: false,
        },
        status: false,
        scale: None,
        columns: columns(),
        selectable: Vec::new(),
        verbs: Verbs::All,
        name_rule: NameRule::Subdomain,
        strategy: Arc::new(NoRules),
        update_subresources: Vec::new(),
        create_subresources: Vec::new(),
        returns_deleted: false,
        decode_protobuf: None,
        hold: Some(hold),
        virtual_create: None,
        stored_as: None,
        deprecation: None,
    });
    &KIND
}

#[expect(clippy::expect_used, reason = "the text is part of the program, and a test reads it")]
fn schema() -> Schema {
    let count = json!({"type": "integer", "format": "int32"});
    let fields = json!({
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"replicas": count}},
            "status": {"type": "object", "properties": {"replicas": count, "selector": {"type": "string"}}},
        },
    });
    Schema::builtin_from_json(&fields).expect("a schema that is read")
}

fn columns() -> Vec<Column> {
    let column = |name: &str, r#type: &str, description: &str, value: fn(&Value) -> Value| Column {
        name: name.into(),
        r#type: r#type.into(),
        format: String::new(),
        description: description.into(),
        priority: 0,
        cell: Cell::Compute(value),
    };
    vec![
        column("Desired", "integer", "Replicas that are wanted.", |scale| {
            scale["spec"]["replicas"].as_i64().unwrap_or(0).into()
        }),
        column("Available", "integer", "Replicas that there are.", |scale| {
            scale["status"]["replicas"].as_i64().unwrap_or(0).into()
        }),
        column("Age", "date", "Time since the object was created.", |scale| {
            scale["metadata"]["creationTimestamp"].clone()
        }),
    ]
}

/// The form of the kind's struct: `spec` and `status` are always there, `status.replicas` too.
fn hold(scale: &mut Value, _: Decoder) -> Result<(), String> {
    if let Some(problem) = typed_metadata::problem(scale) {
        return Err(problem
            .replace(
                "Go value of type v1.ObjectMeta",
                "Go struct field Scale.metadata of type v1.ObjectMeta",
            )
            .replace("field ObjectMeta.", "field ObjectMeta.metadata."));
    }
    object::metadata_mut(scale);
    let spec = part(scale, "spec", "ScaleSpec")?;
    count(spec, "ScaleSpec.spec")?;
    if spec.get("replicas") == Some(&json!(0)) {
        spec.remove("replicas");
    }
    let status = part(scale, "status", "ScaleStatus")?;
    count(status, "ScaleStatus.status")?;
    status.entry("replicas").or_insert(json!(0));
    match status.get("selector") {
        Some(Value::String(text)) if !text.is_empty() => {}
        None | Some(Value::Null | Value::String(_)) => {
            status.remove("selector");
        }
        Some(other) => return Err(mismatch(word(other), "ScaleStatus.status.selector", "string")),
    }
    Ok(())
}

fn part<'s>(scale: &'s mut Value, field: &str, kind: &str) -> Result<&'s mut Map<String, Value>, String> {
    let part = &mut scale[field];
    if part.is_null() {
        *part = json!({});
    }
    let found = word(part);
    part.as_object_mut()
        .ok_or_else(|| mismatch(found, &format!("Scale.{field}"), &format!("v1.{kind}")))
}

fn count(part: &mut Map<String, Value>, place: &str) -> Result<(), String> {
    let found = match part.get("replicas") {
        None => return Ok(()),
        Some(Value::Null) => {
            part.remove("replicas");
            return Ok(());
        }
        Some(Value::Number(number)) if number.as_i64().is_some_and(|count| i32::try_from(count).is_ok()) => {
            return Ok(());
        }
        Some(Value::Number(number)) => format!("number {number}"),
        Some(other) => word(other).to_owned(),
    };
    Err(mismatch(&found, &format!("{place}.replicas"), "int32"))
}

fn mismatch(found: &str, place: &str, expected: &str) -> String {
    format!("json: cannot unmarshal {found} into Go struct field {place} of type {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(mut scale: Value) -> Result<Value, String> {
        hold(&mut scale, Decoder::Json).map(|()| scale)
    }

    #[test]
    fn what_is_not_set_is_shown_as_the_struct_shows_it() {
        let bare = json!({"metadata": {}, "spec": {}, "status": {"replicas": 0}});
        let cases = [
            json!({}),
            json!({"spec": null, "status": null, "metadata": null}),
            json!({"spec": {"replicas": 0}, "status": {"selector": "", "replicas": null}}),
        ];
        for scale in cases {
            assert_eq!(held(scale.clone()).as_ref(), Ok(&bare), "{scale}");
        }
        let full =
            json!({"metadata": {"name": "a"}, "spec": {"replicas": 3}, "status": {"replicas": 2, "selector": "a=b"}});
        assert_eq!(held(full.clone()), Ok(full));
    }

    #[test]
    fn what_the_struct_can_not_hold_is_named() {
        let cases = [
            (
                json!({"spec": []}),
                "array into Go struct field Scale.spec of type v1.ScaleSpec",
            ),
            (
                json!({"spec": {"replicas": 3_000_000_000_i64}}),
                "number 3000000000 into Go struct field ScaleSpec.spec.replicas of type int32",
            ),
            (
                json!({"status": {"replicas": "x"}}),
                "string into Go struct field ScaleStatus.status.replicas of type int32",
            ),
            (
                json!({"status": {"selector": 1}}),
                "number into Go struct field ScaleStatus.status.selector of type string",
            ),
            (
                json!({"metadata": {"name": 1}}),
                "number into Go struct field ObjectMeta.metadata.name of type string",
            ),
            (
                json!({"metadata": "a"}),
                "string into Go struct field Scale.metadata of type v1.ObjectMeta",
            ),
        ];
        for (scale, why) in cases {
            assert_eq!(held(scale), Err(format!("json: cannot unmarshal {why}")));
        }
    }

    #[test]
    fn the_kind_is_read() {
        assert_eq!(scale_kind().names.api_version(), API_VERSION);
    }
}
