//! Names in documents: components, operations, tags.

use crate::registry::{Names, ResourceDefinition, Style};

/// Prefix of the components that every document shares.
pub(super) const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
pub(super) const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
pub(super) const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";

/// Component of one of a definition's own kinds.
pub(super) fn component(definition: &ResourceDefinition, kind: &str) -> String {
    let Names { group, version, .. } = &definition.names;
    component_of(definition.style, group, version, kind)
}

/// Component of a kind: its group reversed, or Kubernetes' package for a built-in one.
pub(super) fn component_of(style: Style, group: &str, version: &str, kind: &str) -> String {
    let package = match style {
        Style::BuiltIn { .. } if group.is_empty() => "io.k8s.api.core".to_owned(),
        Style::BuiltIn { .. } => format!("io.k8s.api.{}", group.split('.').next().unwrap_or(group)),
        Style::Custom => group.rsplit('.').collect::<Vec<_>>().join("."),
    };
    format!("{package}.{version}.{kind}")
}

/// Group and version in an operation's name, such as `CoreV1` or `GuestclustersDevV1alpha1`.
pub(super) fn operation_group(names: &Names) -> String {
    let group = if names.group.is_empty() {
        "core"
    } else {
        short_group(&names.group)
    };
    let parts = group.split(['.', '-']).map(capitalized);
    parts.chain([capitalized(&names.version)]).collect()
}

/// The tag that all operations of a group and version carry, such as `core_v1`.
pub(super) fn tag(names: &Names) -> String {
    let group = if names.group.is_empty() {
        "core"
    } else {
        short_group(&names.group)
    };
    let mut parts = group.split(['.', '-']);
    let first = parts.next().unwrap_or_default().to_owned();
    let camel = parts.fold(first, |name, part| name + &capitalized(part));
    format!("{camel}_{}", names.version)
}

fn short_group(group: &str) -> &str {
    group.strip_suffix(".k8s.io").unwrap_or(group)
}

/// With a capital first letter.
pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}
