//! Aggregated discovery, `apidiscovery.k8s.io/v2`: everything below `/api` or `/apis` in one document.

use serde_json::{Value, json};

use super::{GroupVersion, GroupVersionKind, Subresource, subresources};
use crate::registry::{ResourceDefinition, Style};

/// The document for some groups.
pub(super) fn group_discovery_list<'a>(groups: impl Iterator<Item = &'a (&'a str, Vec<GroupVersion<'a>>)>) -> Value {
    let items: Vec<Value> = groups.map(|(name, versions)| group(name, versions)).collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    })
}

fn group(name: &str, versions: &[GroupVersion<'_>]) -> Value {
    let metadata = if name.is_empty() {
        json!({})
    } else {
        json!({"name": name})
    };
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"metadata": metadata, "versions": versions})
}

fn version(version: &GroupVersion<'_>) -> Value {
    let resources: Vec<Value> = version
        .resources
        .iter()
        .map(|definition| resource(definition))
        .collect();
    json!({"version": version.version, "resources": resources, "freshness": "Current"})
}

fn resource(definition: &ResourceDefinition) -> Value {
    let names = &definition.names;
    let mut entry = json!({
        "resource": names.plural,
        "responseKind": own_kind(definition),
        "scope": if names.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": names.singular,
        "verbs": super::verbs(definition),
    });
    if !names.short_names.is_empty() {
        entry["shortNames"] = json!(names.short_names);
    }
    if !names.categories.is_empty() {
        entry["categories"] = json!(names.categories);
    }
    let subresources = subresources(definition);
    let subresources: Vec<Value> = subresources.iter().map(|part| subresource(definition, part)).collect();
    if !subresources.is_empty() {
        entry["subresources"] = subresources.into();
    }
    entry
}

/// Built-in kinds leave out group and version where they are the resource's own.
fn own_kind(definition: &ResourceDefinition) -> Value {
    let own = GroupVersionKind::of(&definition.names);
    match definition.style {
        Style::Custom => kind(&own),
        Style::BuiltIn { .. } => kind(&GroupVersionKind::new("", "", &definition.names.kind)),
    }
}

fn subresource(definition: &ResourceDefinition, subresource: &Subresource<'_>) -> Value {
    let is_own = subresource.kind == GroupVersionKind::of(&definition.names);
    json!({
        "subresource": subresource.name,
        "responseKind": if is_own { own_kind(definition) } else { kind(&subresource.kind) },
        "verbs": subresource.verbs,
    })
}

fn kind(kind: &GroupVersionKind<'_>) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}
