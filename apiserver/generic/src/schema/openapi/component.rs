//! Components: the schemas of the served kinds.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{field_of, names, reference};
use crate::{
    registry::{Names, ResourceDefinition, Style, Verbs},
    schema::{
        Kind, ListType, Property, Schema,
        meta::object_fields,
        node::{Additional, DeclaredListType, MapType, Merge, Notes},
        rules::Rules,
    },
};

/// The components of a definition: its kind, its list, and the bodies of its own subresources.
pub(super) fn of_kind(definition: &ResourceDefinition) -> Vec<(String, Value)> {
    let Names {
        group, version, kind, ..
    } = &definition.names;
    let mut components = vec![(
        names::component(definition, kind),
        with_kind(of_node(&definition.schema), group, version, kind),
    )];
    if definition.verbs != Verbs::Create && definition.virtual_create.is_none() {
        components.push(list_of(definition));
    }
    if definition.style == Style::Custom && !definition.selectable.is_empty() {
        // As kube-apiserver has it, lists say so too.
        for (_, component) in &mut components {
            component["x-kubernetes-selectable-fields"] = selectable_fields(definition);
        }
    }
    for body in &definition.create_subresources {
        let name = names::component_of(definition.style, &body.group, &body.version, &body.kind);
        components.push((
            name,
            with_kind(of_node(&body.schema), &body.group, &body.version, &body.kind),
        ));
    }
    components
}

fn selectable_fields(definition: &ResourceDefinition) -> Value {
    let fields = definition.selectable.iter();
    fields.map(|field| json!({"fieldPath": field.name})).collect()
}

fn list_of(definition: &ResourceDefinition) -> (String, Value) {
    let Names {
        group, version, kind, ..
    } = &definition.names;
    let list_kind = format!("{kind}List");
    let fields = object_fields();
    let component = json!({
        "type": "object",
        "description": format!("A list of {kind} objects."),
        "required": ["items"],
        "properties": {
            "apiVersion": of_node(&fields.api_version),
            "kind": of_node(&fields.kind),
            "metadata": field_of(&format!("{}.ListMeta", names::META), "What the list carries beside its items."),
            "items": {
                "type": "array",
                "description": "The objects, ordered by namespace and name.",
                "items": reference(&names::component(definition, kind)),
            },
        },
    });
    (
        names::component(definition, &list_kind),
        with_kind(component, group, version, &list_kind),
    )
}

fn with_kind(mut component: Value, group: &str, version: &str, kind: &str) -> Value {
    component["x-kubernetes-group-version-kind"] = json!([{"group": group, "version": version, "kind": kind}]);
    component
}

/// A node as OpenAPI writes it. Metadata is a reference to its component.
fn of_node(node: &Schema) -> Value {
    let mut out = Map::new();
    add_type(node, &mut out);
    if let Some(notes) = &node.notes {
        add_notes(notes, &mut out);
    }
    if let Some(default) = node.default() {
        out.insert("default".to_owned(), default.clone());
    }
    if !node.properties.is_empty() {
        let is_object = node
            .property("metadata")
            .is_some_and(|field| field.is_object_metadata());
        let properties = node.properties.iter().map(|Property { name, schema }| {
            let schema = match &**name {
                "apiVersion" if is_object => &object_fields().api_version,
                "kind" if is_object => &object_fields().kind,
                _ => schema,
            };
            (name.to_string(), of_field(schema))
        });
        out.insert("properties".to_owned(), Value::Object(properties.collect()));
    }
    match &node.additional {
        Additional::Undeclared => {}
        Additional::Anything => drop(out.insert("additionalProperties".to_owned(), Value::Bool(true))),
        Additional::Schema(values) => drop(out.insert("additionalProperties".to_owned(), of_field(values))),
    }
    if let Some(items) = &node.items {
        out.insert("items".to_owned(), of_field(items));
    }
    if let Some(rules) = &node.rules {
        add_rules(rules, &mut out);
    }
    add_extensions(node, &mut out);
    Value::Object(out)
}

fn of_field(node: &Arc<Schema>) -> Value {
    if node.is_object_metadata() {
        return field_of(
            &format!("{}.ObjectMeta", names::META),
            "Name, labels, owners and history of the object.",
        );
    }
    of_node(node)
}

fn add_type(node: &Schema, out: &mut Map<String, Value>) {
    let name = match node.kind {
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Any => {
            if node.int_or_string {
                out.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
            }
            return;
        }
    };
    out.insert("type".to_owned(), Value::from(name));
}

fn add_notes(notes: &Notes, out: &mut Map<String, Value>) {
    let texts = [("description", &notes.description), ("title", &notes.title)];
    for (key, text) in texts {
        add(out, key, text.as_deref());
    }
    add(out, "example", notes.example.clone());
    add(out, "x-kubernetes-validations", notes.validations.clone());
}

fn add_rules(rules: &Rules, out: &mut Map<String, Value>) {
    add_list(
        out,
        "required",
        rules.required.iter().map(|name| Value::from(name.as_ref())),
    );
    add_list(out, "enum", rules.enumeration.iter().cloned());
    for (key, exclusive, bound) in [
        ("minimum", "exclusiveMinimum", &rules.minimum),
        ("maximum", "exclusiveMaximum", &rules.maximum),
    ] {
        add(out, key, bound.as_ref().map(|bound| bound.limit.clone()));
        add_flag(out, exclusive, bound.as_ref().is_some_and(|bound| bound.exclusive));
    }
    add(out, "multipleOf", rules.multiple_of.clone());
    let counts = [
        ("minLength", rules.min_length),
        ("maxLength", rules.max_length),
        ("minItems", rules.min_items),
        ("maxItems", rules.max_items),
        ("minProperties", rules.min_properties),
        ("maxProperties", rules.max_properties),
    ];
    for (key, count) in counts {
        add(out, key, count);
    }
    add(out, "pattern", rules.pattern.as_ref().map(|pattern| pattern.0.as_str()));
    add(out, "format", rules.format.as_ref().map(|format| format.name.as_ref()));
    add_flag(out, "uniqueItems", rules.unique_items);
    add_list(out, "allOf", rules.all_of.iter().map(of_node));
    add_list(out, "anyOf", rules.any_of.iter().map(of_node));
    add_list(out, "oneOf", rules.one_of.iter().map(of_node));
    add(out, "not", rules.not.as_deref().map(of_node));
}

fn add_extensions(node: &Schema, out: &mut Map<String, Value>) {
    add_flag(out, "nullable", node.nullable);
    add_flag(out, "x-kubernetes-int-or-string", node.int_or_string);
    add_flag(out, "x-kubernetes-preserve-unknown-fields", node.preserve_unknown);
    add_flag(out, "x-kubernetes-embedded-resource", node.embedded_resource);
    let map_type = node.map_type.map(|map_type| match map_type {
        MapType::Granular => "granular",
        MapType::Atomic => "atomic",
    });
    add(out, "x-kubernetes-map-type", map_type);
    let list_type = node.list_type.as_ref().map(|list_type| match list_type {
        DeclaredListType::Atomic => "atomic",
        DeclaredListType::Set => "set",
        DeclaredListType::Map(_) => "map",
    });
    add(out, "x-kubernetes-list-type", list_type);
    if let ListType::Map(keys) = node.list_type() {
        add_list(
            out,
            "x-kubernetes-list-map-keys",
            keys.iter().map(|key| Value::from(key.as_str())),
        );
    }
    if let Some(Merge { strategy, key }) = node.merge.as_deref() {
        add(out, "x-kubernetes-patch-strategy", strategy.as_deref());
        add(out, "x-kubernetes-patch-merge-key", key.as_deref());
    }
}

fn add(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(key.to_owned(), value.into());
    }
}

fn add_flag(out: &mut Map<String, Value>, key: &str, value: bool) {
    add(out, key, value.then_some(true));
}

fn add_list(out: &mut Map<String, Value>, key: &str, values: impl ExactSizeIterator<Item = Value>) {
    if values.len() > 0 {
        out.insert(key.to_owned(), values.collect());
    }
}
