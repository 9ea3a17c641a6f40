//! Discovery v1: `APIVersions`, `APIGroupList`, `APIGroup`, `APIResourceList`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{GroupVersion, GroupVersionKind, Subresource, subresources};
use crate::registry::{Names, ResourceDefinition};

/// `GET /api`; `address` is where the server can be reached.
pub(super) fn api_versions(versions: &[String], address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": versions,
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `GET /apis`.
pub(super) fn group_list(groups: &[(&str, Vec<GroupVersion<'_>>)]) -> Value {
    let named = groups.iter().filter(|(name, _)| !name.is_empty());
    let groups: Vec<Value> = named
        .map(|(name, versions)| group_entry(name, versions).into())
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `GET /apis/G`.
pub(super) fn group(name: &str, versions: &[GroupVersion<'_>]) -> Value {
    let mut document = group_entry(name, versions);
    document.insert("kind".into(), "APIGroup".into());
    document.insert("apiVersion".into(), "v1".into());
    document.into()
}

fn group_entry(name: &str, versions: &[GroupVersion<'_>]) -> Map<String, Value> {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({"groupVersion": version.name(), "version": version.version}))
        .collect();
    let mut entry = Map::new();
    entry.insert("name".into(), name.into());
    entry.insert("preferredVersion".into(), versions.first().cloned().unwrap_or_default());
    entry.insert("versions".into(), versions.into());
    entry
}

/// `GET /apis/G/V`.
pub(super) fn resource_list(version: &GroupVersion<'_>) -> Value {
    let resources: Vec<Value> = version
        .resources
        .iter()
        .flat_map(|definition| entries(definition))
        .collect();
    let mut list = json!({"kind": "APIResourceList", "groupVersion": version.name(), "resources": resources});
    // That of the core group has none, for clients of its first days.
    if !version.group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    list
}

fn entries(definition: &ResourceDefinition) -> Vec<Value> {
    let names = &definition.names;
    let subresources = subresources(definition);
    let subresources = subresources
        .iter()
        .map(|subresource| subresource_entry(names, subresource));
    std::iter::once(resource_entry(definition))
        .chain(subresources)
        .collect()
}

fn resource_entry(definition: &ResourceDefinition) -> Value {
    let names = &definition.names;
    let mut entry = json!({
        "name": names.plural,
        "singularName": names.singular,
        "namespaced": names.namespaced,
        "kind": names.kind,
        "verbs": super::verbs(definition),
    });
    if !names.short_names.is_empty() {
        entry["shortNames"] = json!(names.short_names);
    }
    if !names.categories.is_empty() {
        entry["categories"] = json!(names.categories);
    }
    if definition.virtual_create.is_none() {
        entry["storageVersionHash"] = storage_version_hash(names, definition.storage_version()).into();
    }
    entry
}

fn subresource_entry(names: &Names, subresource: &Subresource<'_>) -> Value {
    let kind = &subresource.kind;
    let mut entry = json!({
        "name": format!("{}/{}", names.plural, subresource.name),
        "singularName": "",
        "namespaced": names.namespaced,
        "kind": kind.kind,
        "verbs": subresource.verbs,
    });
    let own = GroupVersionKind::of(names);
    if (&kind.group, &kind.version) != (&own.group, &own.version) {
        entry["group"] = json!(kind.group);
        entry["version"] = json!(kind.version);
    }
    entry
}

/// Tells clients whether two servers store the kind alike.
fn storage_version_hash(names: &Names, version: &str) -> String {
    let digest = Sha256::digest(format!("{}/{version}/{}", names.group, names.kind));
    STANDARD.encode(&digest[..8])
}
