//! Upstream's CustomResourceDefinitions, cut down to one version, without texts.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{
    Files, print,
    sources::{CRDS, CrdFile},
};

pub(crate) fn generate(modules: &Path, files: &mut Files) -> Result<()> {
    let folder = Path::new("apiserver/types/schemas");
    for source in CRDS {
        let definitions = read(modules, source).with_context(|| source.path.to_owned())?;
        for plural in source.plurals {
            let definition = definitions
                .get(*plural)
                .with_context(|| format!("{} has no {plural}", source.path))?;
            let reduced = reduce(definition, source.version).with_context(|| (*plural).to_owned())?;
            let name = reduced["metadata"]["name"].as_str().context("metadata.name")?;
            files.insert(folder.join(format!("{name}.json")), print::text(&reduced));
        }
    }
    Ok(())
}

/// All definitions of a file of YAML documents, by plural.
fn read(modules: &Path, source: &CrdFile) -> Result<BTreeMap<String, Value>> {
    let text = fs::read_to_string(modules.join(source.path))?;
    let mut definitions = BTreeMap::new();
    for document in text.split("\n---") {
        if !document.contains("kind: CustomResourceDefinition") {
            continue;
        }
        let value: Value = serde_saphyr::from_str(document)?;
        if let Some(plural) = value["spec"]["names"]["plural"].as_str() {
            definitions.insert(plural.to_owned(), value);
        }
    }
    Ok(definitions)
}

fn reduce(definition: &Value, version: &str) -> Result<Value> {
    let spec = &definition["spec"];
    let versions = spec["versions"].as_array().context("spec.versions")?;
    let served = versions
        .iter()
        .find(|candidate| candidate["name"] == version)
        .context("version is not served")?;
    let mut schema = structure(&served["schema"]["openAPIV3Schema"]);
    if let Some(properties) = schema["properties"].as_object_mut() {
        for of_server in ["apiVersion", "kind", "metadata"] {
            properties.remove(of_server);
        }
    }
    let mut kept = json!({
        "name": version,
        "served": true,
        "storage": true,
        "schema": {"openAPIV3Schema": schema},
    });
    for key in ["subresources", "selectableFields"] {
        if let Some(value) = served.get(key) {
            kept[key] = value.clone();
        }
    }
    if let Some(columns) = served["additionalPrinterColumns"].as_array() {
        kept["additionalPrinterColumns"] = columns.iter().map(without_description).collect();
    }
    Ok(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition["metadata"]["name"]},
        "spec": {"group": spec["group"], "names": spec["names"], "scope": spec["scope"], "versions": [kept]},
    }))
}

fn without_description(column: &Value) -> Value {
    let mut column = column.clone();
    if let Some(fields) = column.as_object_mut() {
        fields.remove("description");
    }
    column
}

/// A schema node without texts.
fn structure(node: &Value) -> Value {
    let Some(fields) = node.as_object() else {
        return node.clone();
    };
    fields.iter().filter_map(|(key, value)| keep(key, value)).collect()
}

fn keep(key: &str, value: &Value) -> Option<(String, Value)> {
    let kept = match key {
        "description" | "example" | "externalDocs" | "title" => return None,
        "properties" => value
            .as_object()?
            .iter()
            .map(|(name, node)| (name.clone(), structure(node)))
            .collect(),
        "items" | "additionalProperties" | "not" => structure(value),
        "anyOf" | "allOf" | "oneOf" => value.as_array()?.iter().map(branch).collect(),
        _ => value.clone(),
    };
    Some((key.to_owned(), kept))
}

/// A branch of a junctor is a rule about values, not a structure.
fn branch(node: &Value) -> Value {
    let Some(fields) = node.as_object() else {
        return node.clone();
    };
    fields
        .iter()
        .filter(|(key, _)| *key != "description")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<Map<_, _>>()
        .into()
}
