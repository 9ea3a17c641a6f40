//! Resources from a CustomResourceDefinition, one for each served version, with the behaviour of custom resources.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Cell, Column, FieldSource, NameRule, Names, NoRules, ResourceDefinition, Scale, SelectableField, StoredVersion,
    Style, Verbs, versions::by_priority,
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
    /// It has several versions that only a webhook can convert.
    #[error("{0} is converted by a webhook, which is not supported")]
    Webhook(String),
    /// The schema is not structural.
    #[error("{name}: {error}")]
    Schema {
        /// Name of the definition.
        name: String,
        /// What is wrong with the schema.
        error: SchemaError,
    },
}

/// The definitions of the served versions of a CustomResourceDefinition (`apiextensions.k8s.io/v1`), the one that clients prefer
/// first.
pub fn definitions_from(custom_resource_definition: &Value) -> Result<Vec<ResourceDefinition>, DefinitionError> {
    let CustomResourceDefinition { spec } = CustomResourceDefinition::deserialize(custom_resource_definition)?;
    let name = || format!("{}.{}", spec.names.plural, spec.group);
    let mut served: Vec<&Version> = spec.versions.iter().filter(|version| version.served).collect();
    served.sort_by(|one, other| by_priority(&one.name, &other.name));
    if served.is_empty() {
        return Err(DefinitionError::NoServedVersion(name()));
    }
    if spec.versions.len() > 1 && spec.conversion.strategy == ConversionStrategy::Webhook {
        return Err(DefinitionError::Webhook(name()));
    }
    let schema = |version: &Version| match Schema::root_from_json(&version.schema.open_api_v3_schema) {
        Ok(schema) => Ok(Arc::new(schema)),
        Err(error) => Err(DefinitionError::Schema { name: name(), error }),
    };
    let stored = spec.versions.iter().find(|version| version.storage);
    let definition = |version: &&Version| {
        let stored = stored.filter(|stored| stored.name != version.name);
        let stored_as = |stored: &Version| {
            let version = stored.name.clone();
            schema(stored).map(|schema| Arc::new(StoredVersion { version, schema }))
        };
        Ok(ResourceDefinition {
            stored_as: stored.map(stored_as).transpose()?,
            deprecation: deprecation(&spec, &served, version),
            ..version.definition(&spec, schema(version)?)
        })
    };
    served.iter().map(definition).collect()
}

/// The definition of the version that clients prefer: the only one of most CustomResourceDefinitions.
pub fn definition_from(custom_resource_definition: &Value) -> Result<ResourceDefinition, DefinitionError> {
    definitions_from(custom_resource_definition).map(|mut all| all.swap_remove(0))
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
    #[serde(default)]
    conversion: Conversion,
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
struct Conversion {
    strategy: ConversionStrategy,
}

#[derive(Default, Deserialize, PartialEq)]
enum ConversionStrategy {
    #[default]
    None,
    Webhook,
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
    fn with(&self, group: &str, version: &str, namespaced: bool) -> Names {
        let singular = self.singular.clone().filter(|name| !name.is_empty());
        Names {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: self.kind.clone(),
            plural: self.plural.clone(),
            singular: singular.unwrap_or_else(|| self.kind.to_lowercase()),
            short_names: self.short_names.clone(),
            categories: self.categories.clone(),
            namespaced,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    name: String,
    served: bool,
    #[serde(default)]
    storage: bool,
    #[serde(default)]
    deprecated: bool,
    #[serde(default)]
    deprecation_warning: Option<String>,
    schema: VersionSchema,
    #[serde(default)]
    subresources: Subresources,
    #[serde(default)]
    additional_printer_columns: Vec<PrinterColumn>,
    #[serde(default)]
    selectable_fields: Vec<SelectablePath>,
}

impl Version {
    fn definition(&self, spec: &Spec, schema: Arc<Schema>) -> ResourceDefinition {
        let columns = self.additional_printer_columns.iter().cloned();
        ResourceDefinition {
            names: spec
                .names
                .with(&spec.group, &self.name, spec.scope == Scope::Namespaced),
            schema,
            style: Style::Custom,
            status: self.subresources.status.is_some(),
            scale: self.subresources.scale.clone().map(ScalePaths::into_scale),
            columns: columns.map(PrinterColumn::into_column).collect(),
            selectable: self.selectable_fields.iter().map(SelectablePath::as_field).collect(),
            verbs: Verbs::All,
            name_rule: NameRule::Subdomain,
            strategy: Arc::new(NoRules),
            update_subresources: Vec::new(),
            create_subresources: Vec::new(),
            returns_deleted: false,
            decode_protobuf: None,
            hold: None,
            virtual_create: None,
            stored_as: None,
            deprecation: None,
        }
    }
}

/// What is said of a version that is deprecated: its own words, or the best of the `served` ones that is not.
fn deprecation(spec: &Spec, served: &[&Version], version: &Version) -> Option<Arc<str>> {
    if !version.deprecated {
        return None;
    }
    if let Some(own) = &version.deprecation_warning {
        return Some(own.as_str().into());
    }
    let name = |version: &Version| format!("{}/{} {}", spec.group, version.name, spec.names.kind);
    let mut better = served.iter().take_while(|one| one.name != version.name);
    let instead = better.find(|one| !one.deprecated);
    let instead = instead.map(|one| format!("; use {}", name(one))).unwrap_or_default();
    Some(format!("{} is deprecated{instead}", name(version)).into())
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

    fn versions(all: Value) -> Value {
        let mut crd = widgets();
        crd["spec"]["versions"] = all;
        for version in crd["spec"]["versions"].as_array_mut().into_iter().flatten() {
            version["schema"] = json!({"openAPIV3Schema": {"type": "object"}});
        }
        crd
    }

    #[test]
    fn each_served_version_is_a_definition_and_knows_how_it_is_stored() {
        let crd = versions(json!([
            {"name": "v1alpha1", "served": false, "storage": false},
            {"name": "v1beta1", "served": true, "storage": true, "deprecated": true},
            {"name": "v1alpha2", "served": true, "storage": false, "deprecated": true, "deprecationWarning": "old"},
            {"name": "v1", "served": true, "storage": false},
        ]));
        let all = definitions_from(&crd).unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|one| {
                (
                    one.names.version.as_str(),
                    one.storage_version(),
                    one.deprecation.as_deref(),
                )
            })
            .collect();
        let beta = "demo.example.io/v1beta1 Widget is deprecated; use demo.example.io/v1 Widget";
        assert_eq!(
            told,
            [
                ("v1", "v1beta1", None),
                ("v1beta1", "v1beta1", Some(beta)),
                ("v1alpha2", "v1beta1", Some("old")),
            ]
        );
        assert!(all[0].stored_as.is_some() && all[1].stored_as.is_none());
    }

    #[test]
    fn who_would_need_a_webhook_is_refused() {
        let mut crd = versions(json!([
            {"name": "v1", "served": true, "storage": true},
            {"name": "v2", "served": true, "storage": false},
        ]));
        crd["spec"]["conversion"] = json!({"strategy": "Webhook", "webhook": {}});
        let refused = definitions_from(&crd).err().unwrap().to_string();
        assert_eq!(
            refused,
            "widgets.demo.example.io is converted by a webhook, which is not supported"
        );
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
