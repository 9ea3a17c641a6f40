//! Core kinds: components of an OpenAPI v3 document with every reference expanded.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use crate::{
    Files, print,
    sources::{KUBERNETES, OPENAPI, OpenApiKind},
};

/// References nest no deeper than this in any core kind; more would be a cycle.
const DEEPEST: usize = 24;

/// Our one-line descriptions: file name to field path (empty for the kind) to text.
type Descriptions = BTreeMap<String, BTreeMap<String, String>>;

pub(crate) fn generate(modules: &Path, root: &Path, files: &mut Files) -> Result<()> {
    let folder = Path::new("apiserver/kubernetes/schemas");
    let descriptions: Descriptions =
        serde_json::from_str(&fs::read_to_string(root.join(folder).join("descriptions.json"))?)?;
    for kind in OPENAPI {
        let mut schema = expand_kind(modules, kind).with_context(|| kind.component.to_owned())?;
        for (path, text) in descriptions.get(kind.file).into_iter().flatten() {
            describe(&mut schema, path, text).with_context(|| format!("{} {path}", kind.file))?;
        }
        files.insert(folder.join(format!("{}.json", kind.file)), print::text(&schema));
    }
    Ok(())
}

fn expand_kind(modules: &Path, kind: &OpenApiKind) -> Result<Value> {
    let path = modules.join(KUBERNETES).join(format!("{}_openapi.json", kind.document));
    let document: Value = serde_json::from_slice(&fs::read(&path).with_context(|| path.display().to_string())?)?;
    let components = &document["components"]["schemas"];
    let mut schema = expand(components, &components[kind.component], 0)?;
    for path in kind.opaque {
        *at(&mut schema, path)? = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    }
    if let Some(properties) = schema["properties"].as_object_mut() {
        for of_server in ["apiVersion", "kind", "metadata"] {
            properties.remove(of_server);
        }
        if let Some(status) = properties.get_mut("status") {
            drop_required(status);
        }
    }
    relax_required(&mut schema);
    Ok(schema)
}

/// `required` only says that a Go field is always written. What a client must send stays, and that is never a status
/// (clients send parts of it), the server's own metadata, or a time (they send null).
fn relax_required(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != "metadata" && name != "eventTime" && name != "status");
        if required.is_empty() {
            fields.remove("required");
        }
    }
}

fn drop_required(node: &mut Value) {
    match node {
        Value::Object(fields) => {
            if fields.get("required").is_some_and(Value::is_array) {
                fields.remove("required");
            }
            fields.values_mut().for_each(drop_required);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_required),
        _ => {}
    }
}

/// The structure of a node without texts, with its references replaced by what they name.
fn expand(components: &Value, node: &Value, depth: usize) -> Result<Value> {
    ensure!(depth < DEEPEST, "references nest too deeply");
    let node = node.as_object().context("a schema must be an object")?;
    let target = node
        .get("$ref")
        .or_else(|| node.get("allOf").and_then(|all| all.get(0)?.get("$ref")));
    let mut result = match target.and_then(Value::as_str) {
        Some(reference) => {
            let name = reference.trim_start_matches("#/components/schemas/");
            let referred = components
                .get(name)
                .with_context(|| format!("{name} is not in the document"))?;
            well_known(name).map_or_else(|| expand(components, referred, depth + 1), Ok)?
        }
        None => json!({}),
    };
    let fields = result.as_object_mut().context("a schema must be an object")?;
    copy_structure(components, node, fields, depth)?;
    Ok(result)
}

fn copy_structure(
    components: &Value,
    node: &Map<String, Value>,
    fields: &mut Map<String, Value>,
    depth: usize,
) -> Result<()> {
    for (key, value) in node {
        match key.as_str() {
            "$ref" | "allOf" | "description" | "x-kubernetes-group-version-kind" => {}
            "default" if is_zero(value) => {}
            "properties" => {
                let mut properties = Map::new();
                for (name, property) in value.as_object().context("properties")? {
                    properties.insert(name.clone(), expand(components, property, depth + 1)?);
                }
                fields.insert(key.clone(), properties.into());
            }
            "items" | "additionalProperties" if value.is_object() => {
                fields.insert(key.clone(), expand(components, value, depth + 1)?);
            }
            "default" | "enum" | "format" | "required" | "type" => {
                fields.insert(key.clone(), value.clone());
            }
            extension if extension.starts_with("x-kubernetes-") => {
                fields.insert(key.clone(), value.clone());
            }
            other => bail!("unknown schema keyword {other}"),
        }
    }
    Ok(())
}

/// Types that are more than their structure says.
fn well_known(name: &str) -> Option<Value> {
    match name {
        "io.k8s.apimachinery.pkg.api.resource.Quantity" | "io.k8s.apimachinery.pkg.util.intstr.IntOrString" => {
            Some(json!({"x-kubernetes-int-or-string": true}))
        }
        "io.k8s.apimachinery.pkg.runtime.RawExtension" | "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" => {
            Some(json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}))
        }
        _ => None,
    }
}

/// Defaults that only restate Go's zero value, which is absent in JSON.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(value) => !value,
        _ => false,
    }
}

fn describe(schema: &mut Value, path: &str, text: &str) -> Result<()> {
    let node = at(schema, path)?;
    node["description"] = text.into();
    Ok(())
}

fn at<'a>(schema: &'a mut Value, path: &str) -> Result<&'a mut Value> {
    let mut node = schema;
    for field in path.split('.').filter(|field| !field.is_empty()) {
        let (field, items) = field.strip_suffix("[]").map_or((field, false), |field| (field, true));
        node = node["properties"]
            .get_mut(field)
            .with_context(|| format!("no field {field}"))?;
        if items {
            node = node.get_mut("items").context("not a list")?;
        }
    }
    Ok(node)
}
