//! Swagger 2.0 from OpenAPI 3 documents: the same content in the older form.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::COMPONENTS;

/// Where references point to in Swagger 2.0.
const DEFINITIONS: &str = "#/definitions/";
/// Keywords that Swagger 2.0 does not know.
const UNKNOWN_KEYWORDS: [&str; 6] = ["anyOf", "oneOf", "allOf", "not", "nullable", "x-kubernetes-validations"];

/// One document of many. `custom` are the components of custom resources.
pub(super) fn merged(documents: impl Iterator<Item = Value>, custom: &HashSet<String>) -> Value {
    let mut definitions = Map::new();
    let mut paths = Map::new();
    for mut document in documents {
        if let Value::Object(schemas) = document["components"]["schemas"].take() {
            for (name, mut schema) in schemas {
                let custom = custom.contains(&name);
                if custom {
                    loosen(&mut schema);
                }
                merge_definition(&mut definitions, name, converted_schema(schema, custom));
            }
        }
        if let Value::Object(items) = document["paths"].take() {
            paths.extend(items.into_iter().map(|(path, item)| (path, converted_path(item))));
        }
    }
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "definitions": definitions,
    })
}

/// The shared components are the same in all documents but for the groups and versions that they list.
fn merge_definition(definitions: &mut Map<String, Value>, name: String, schema: Value) {
    const KINDS: &str = "x-kubernetes-group-version-kind";
    let Some(Value::Array(known)) = definitions.get_mut(&name).and_then(|known| known.get_mut(KINDS)) else {
        definitions.insert(name, schema);
        return;
    };
    let Some(Value::Array(more)) = schema.get(KINDS) else {
        return;
    };
    for kind in more {
        if !known.contains(kind) {
            known.push(kind.clone());
        }
    }
}

/// Takes from the schema of a custom resource what clients that read Swagger can't cope with, as kube-apiserver does: types
/// beside `null`, fields beside unknown ones, defaults.
fn loosen(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    if fields.contains_key("allOf") && fields.contains_key("description") && !fields.contains_key("type") {
        return; // A reference, wrapped.
    }
    let is = |fields: &Map<String, Value>, key: &str| fields.get(key) == Some(&Value::Bool(true));
    fields.remove("default");
    let (nullable, preserves) = (
        is(fields, "nullable"),
        is(fields, "x-kubernetes-preserve-unknown-fields"),
    );
    if nullable || preserves {
        fields.remove("items");
        fields.remove("properties");
    }
    let is_bare = match fields.get("type").and_then(Value::as_str) {
        Some("array") => !fields.contains_key("items"),
        Some("object") => preserves,
        _ => false,
    };
    if nullable || is_bare {
        fields.remove("type");
    }
    if preserves && is(fields, "x-kubernetes-embedded-resource") {
        fields.remove("required");
    }
    drop_nullable_requirements(fields);
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(keyword) {
            loosen(inner);
        }
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(loosen);
    }
}

/// A field that may be null can't be required.
fn drop_nullable_requirements(fields: &mut Map<String, Value>) {
    let properties = fields.get("properties").cloned().unwrap_or_default();
    if let Some(Value::Array(required)) = fields.get_mut("required") {
        required.retain(|name| properties[name.as_str().unwrap_or_default()]["nullable"] != Value::Bool(true));
        if required.is_empty() {
            fields.remove("required");
        }
    }
}

/// A schema without the newer keywords; a wrapped reference becomes a bare one beside its description.
fn converted_schema(schema: Value, custom: bool) -> Value {
    let Value::Object(mut fields) = schema else {
        return schema;
    };
    if let Some(Value::String(target)) = fields.get_mut("$ref") {
        *target = target.replacen(COMPONENTS, DEFINITIONS, 1);
        return Value::Object(fields);
    }
    let wrapped = fields
        .get("allOf")
        .and_then(|all| all.get(0))
        .and_then(|one| one.get("$ref"))
        .cloned();
    if let Some(target) = wrapped {
        return wrapped_reference(&target, fields.remove("description"));
    }
    for keyword in UNKNOWN_KEYWORDS {
        fields.remove(keyword);
    }
    // Only built-in kinds say what these are.
    let is_int_or_string = fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    if is_int_or_string && !custom && !fields.contains_key("type") {
        fields.insert("type".to_owned(), Value::from("string"));
        fields.insert("format".to_owned(), Value::from("int-or-string"));
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(keyword) {
            *inner = converted_schema(inner.take(), custom);
        }
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        for property in properties.values_mut() {
            *property = converted_schema(property.take(), custom);
        }
    }
    Value::Object(fields)
}

fn wrapped_reference(target: &Value, description: Option<Value>) -> Value {
    let target = target.as_str().unwrap_or_default().replacen(COMPONENTS, DEFINITIONS, 1);
    match description {
        Some(description) => json!({"$ref": target, "description": description}),
        None => json!({"$ref": target}),
    }
}

fn converted_path(item: Value) -> Value {
    let Value::Object(fields) = item else { return item };
    let converted = fields.into_iter().map(|(key, value)| match (key.as_str(), value) {
        ("parameters", Value::Array(parameters)) => (
            key,
            parameters
                .into_iter()
                .map(converted_parameter)
                .collect::<Vec<_>>()
                .into(),
        ),
        (_, operation) => (key, converted_operation(operation)),
    });
    Value::Object(converted.collect())
}

/// A parameter states its type itself.
fn converted_parameter(parameter: Value) -> Value {
    let Value::Object(mut fields) = parameter else {
        return parameter;
    };
    if let Some(Value::Object(schema)) = fields.remove("schema") {
        fields.extend(schema);
    }
    Value::Object(fields)
}

fn converted_operation(operation: Value) -> Value {
    let Value::Object(mut fields) = operation else {
        return operation;
    };
    let mut parameters = match fields.remove("parameters") {
        Some(Value::Array(parameters)) => parameters.into_iter().map(converted_parameter).collect(),
        _ => Vec::new(),
    };
    let body = fields.remove("requestBody");
    if let Some(body) = &body {
        parameters.push(body_parameter(body));
    }
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), Value::from(parameters));
    }
    fields.insert(
        "consumes".to_owned(),
        Value::from(body.as_ref().map_or_else(|| vec!["*/*".to_owned()], media_types)),
    );
    fields.insert(
        "produces".to_owned(),
        Value::from(media_types(&fields["responses"]["200"])),
    );
    if let Some(Value::Object(responses)) = fields.get_mut("responses") {
        for response in responses.values_mut() {
            *response = converted_response(response);
        }
    }
    fields.insert("schemes".to_owned(), json!(["https"]));
    Value::Object(fields)
}

fn body_parameter(body: &Value) -> Value {
    let mut parameter = json!({"name": "body", "in": "body", "schema": first_schema(body)});
    if body["required"] == true {
        parameter["required"] = Value::Bool(true);
    }
    parameter
}

fn converted_response(response: &Value) -> Value {
    let mut converted = json!({"description": response["description"]});
    if response.get("content").is_some() {
        converted["schema"] = first_schema(response);
    }
    converted
}

fn media_types(holder: &Value) -> Vec<String> {
    holder["content"]
        .as_object()
        .map(|content| content.keys().cloned().collect())
        .unwrap_or_default()
}

/// All media types of a body have the same schema.
fn first_schema(holder: &Value) -> Value {
    let first = holder["content"]
        .as_object()
        .and_then(|content| content.values().next());
    first.map_or(Value::Null, |media| converted_schema(media["schema"].clone(), false))
}
