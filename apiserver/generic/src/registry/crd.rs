//! A resource from a CustomResourceDefinition: its first served version, with the behaviour of custom resources.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Cell, Column, FieldSource, NameRule, Names, NoRules, ResourceDefinition, Scale, SelectableField, Style, Verbs,
};
use crate::schema::{Schema, SchemaError};

/// Why a CustomResourceDefinition makes no resource.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It does not have the form of `apiextensions.k8s.io/v1 CustomResourceDefinition`.
    #[error("not a CustomResourceDefinition: {0}")]
    Form(#[from] serde_json::Error),
    /// No version is served.
    #[error("{0} serves no version")]
    NoServedVersion(String),
    /// The schema is not structural.
    #[error("{name}: {error}")]
    Schema {
        /// Name of the definition.
        name: String,
        /// What is wrong with the schema.
        error: SchemaError,
    },
}

/// The definition of the first served version of a CustomResourceDefinition (`apiextensions.k8s.io/v1`).
pub fn definition_from(custom_resource_definition: &Value) -> Result<ResourceDefinition, DefinitionError> {
    let CustomResourceDefinition { spec } = CustomResourceDefinition::deserialize(custom_resource_definition)?;
    let name = format!("{}.{}", spec.names.plural, spec.group);
    let Some(version) = spec.versions.iter().find(|version| version.served) else {
        return Err(DefinitionError::NoServedVersion(name));
    };
    let schema = Schema::root_from_json(&version.schema.open_api_v3_schema)
        .map_err(|error| DefinitionError::Schema { name, error })?;
    Ok(ResourceDefinition {
        names: spec
            .names
            .with(spec.group, version.name.clone(), spec.scope == Scope::Namespaced),
        schema: Arc::new(schema),
        style: Style::Custom,
        status: version.subresources.status.is_some(),
        scale: version.subresources.scale.clone().map(ScalePaths::into_scale),
        columns: version
            .additional_printer_columns
            .iter()
            .cloned()
            .map(PrinterColumn::into_column)
            .collect(),
        selectable: version.selectable_fields.iter().map(SelectablePath::as_field).collect(),
        verbs: Verbs::All,
        name_rule: NameRule::Subdomain,
        strategy: Arc::new(NoRules),
        update_subresources: Vec::new(),
        create_subresources: Vec::new(),
        returns_deleted: false,
        decode_protobuf: None,
        hold: None,
        virtual_create: None,
    })
}

#[derive(Deserialize)]
struct CustomResourceDefinition {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    group: String,
    names: DeclaredNames,
    scope: Scope,
    versions: Vec<Version>,
}

#[derive(Deserialize, PartialEq)]
enum Scope {
    Cluster,
    Namespaced,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeclaredNames {
    plural: String,
    #[serde(default)]
    singular: Option<String>,
    kind: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
}

impl DeclaredNames {
    fn with(self, group: String, version: String, namespaced: bool) -> Names {
        let singular = self
            .singular
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| self.kind.to_lowercase());
        Names {
            group,
            version,
            kind: self.kind,
            plural: self.plural,
            singular,
            short_names: self.short_names,
            categories: self.categories,
            namespaced,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    name: String,
    served: bool,
    schema: VersionSchema,
    #[serde(default)]
    subresources: Subresources,
    #[serde(default)]
    additional_printer_columns: Vec<PrinterColumn>,
    #[serde(default)]
    selectable_fields: Vec<SelectablePath>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SelectablePath {
    json_path: String,
}

impl SelectablePath {
    fn as_field(&self) -> SelectableField {
        SelectableField {
            name: self.json_path.trim_start_matches('.').to_owned(),
            source: FieldSource::Path(self.json_path.clone()),
        }
    }
}

#[derive(Deserialize)]
struct VersionSchema {
    #[serde(rename = "openAPIV3Schema")]
    open_api_v3_schema: Value,
}

#[derive(Default, Deserialize)]
struct Subresources {
    #[serde(default)]
    status: Option<Value>,
    #[serde(default)]
    scale: Option<ScalePaths>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the API")]
struct ScalePaths {
    spec_replicas_path: String,
    status_replicas_path: String,
    #[serde(default)]
    label_selector_path: Option<String>,
}

impl ScalePaths {
    fn into_scale(self) -> Scale {
        Scale::Paths {
            spec: self.spec_replicas_path,
            status: self.status_replicas_path,
            selector: self.label_selector_path.filter(|path| !path.is_empty()),
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PrinterColumn {
    name: String,
    r#type: String,
    json_path: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: i32,
}

impl PrinterColumn {
    fn into_column(self) -> Column {
        // kube-apiserver names the path of a column that has no description.
        let description = match self.description.as_str() {
            "" => format!(
                "Custom resource definition column (in JSONPath format): {}",
                self.json_path
            ),
            _ => self.description,
        };
        Column {
            name: self.name,
            r#type: self.r#type,
            format: self.format,
            description,
            priority: self.priority,
            cell: Cell::Path(self.json_path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn widgets() -> Value {
        json!({
            "kind": "CustomResourceDefinition",
            "spec": {
                "group": "demo.example.io",
                "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
                "scope": "Namespaced",
                "versions": [
                    {"name": "v1alpha1", "served": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
                    {
                        "name": "v1",
                        "served": true,
                        "schema": {"openAPIV3Schema": {
                            "type": "object",
                            "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
                        }},
                        "subresources": {
                            "status": {},
                            "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
                        },
                        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                    },
                ],
            },
        })
    }

    #[test]
    fn the_served_version_becomes_the_definition() {
        let definition = definition_from(&widgets()).unwrap();
        assert_eq!(definition.names.api_version(), "demo.example.io/v1");
        assert_eq!(definition.names.singular, "widget");
        assert!(definition.names.namespaced && definition.status);
        assert_eq!(
            definition.scale,
            Some(Scale::Paths {
                spec: ".spec.size".into(),
                status: ".status.size".into(),
                selector: None
            })
        );
        assert_eq!(definition.columns[0].name, "Size");
        assert!(definition.schema.property("spec").unwrap().property("size").is_some());
    }

    #[test]
    fn what_is_no_definition_is_refused_with_its_reason() {
        let refused = |change: fn(&mut Value)| {
            let mut crd = widgets();
            change(&mut crd);
            definition_from(&crd).err().unwrap().to_string()
        };
        assert_eq!(
            refused(|crd| crd["spec"]["versions"][1]["served"] = false.into()),
            "widgets.demo.example.io serves no version"
        );
        assert!(refused(|crd| crd["spec"]["scope"] = "Everywhere".into()).contains("Everywhere"));
    }
}
