//! OpenAPI documents of the served resources: what `kubectl explain` shows and client-side checks read.

mod component;
mod meta;
mod names;
mod operations;
mod parameters;
mod paths;
#[cfg(test)]
mod tests;
mod v2;

use serde_json::{Map, Value, json};

use crate::registry::{ResourceDefinition, Style};

/// The OpenAPI 3.0 document of one group and version: components and paths of those of the definitions that belong to it.
pub fn group_version_document(group: &str, version: &str, definitions: &[&ResourceDefinition]) -> Value {
    let served = definitions
        .iter()
        .filter(|one| one.names.group == group && one.names.version == version);
    let mut document = Document::new(group, version);
    for definition in served {
        document.add(definition);
    }
    document.into_json()
}

/// The Swagger 2.0 document of all definitions, for clients that know no OpenAPI 3 and for aggregation.
pub fn v2_document(definitions: &[&ResourceDefinition]) -> Value {
    let mut group_versions: Vec<(&str, &str)> = definitions
        .iter()
        .map(|one| (one.names.group.as_str(), one.names.version.as_str()))
        .collect();
    group_versions.sort_unstable();
    group_versions.dedup();
    let documents = group_versions
        .iter()
        .map(|(group, version)| group_version_document(group, version, definitions));
    let custom = definitions
        .iter()
        .filter(|definition| definition.style == Style::Custom);
    let custom = custom
        .map(|definition| names::component(definition, &definition.names.kind))
        .collect();
    v2::merged(documents, &custom)
}

/// Where references point to.
const COMPONENTS: &str = "#/components/schemas/";

/// A document being built.
struct Document {
    components: Map<String, Value>,
    paths: Map<String, Value>,
}

impl Document {
    fn new(group: &str, version: &str) -> Document {
        Document {
            components: meta::components(group, version),
            paths: Map::new(),
        }
    }

    fn add(&mut self, definition: &ResourceDefinition) {
        self.components.extend(component::of_kind(definition));
        if definition.scale.is_some() {
            self.components.extend(meta::scale_components());
        }
        for (path, item) in paths::of(definition) {
            self.paths.insert(path, item);
        }
    }

    fn into_json(self) -> Value {
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "unversioned"},
            "paths": self.paths,
            "components": {"schemas": self.components},
        })
    }
}

/// A reference to a component.
fn reference(component: &str) -> Value {
    json!({"$ref": format!("{COMPONENTS}{component}")})
}

/// A field that holds a component: the reference is wrapped, since a bare one can't carry a description.
fn field_of(component: &str, description: &str) -> Value {
    json!({"allOf": [reference(component)], "default": {}, "description": description})
}
