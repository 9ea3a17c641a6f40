//! What a server serves, for clients to find out: `/api`, `/apis`, and their aggregated form.

mod aggregated;
mod documents;
mod endpoints;
mod legacy;
mod openapi;

use std::borrow::Cow;

pub(crate) use self::openapi::accepts_json;
pub use self::{documents::Documents, endpoints::Endpoint};
use crate::registry::{Names, ResourceDefinition, Style, versions::by_priority};

/// One subresource of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subresource<'a> {
    /// Path segment, such as `status`.
    pub name: &'a str,
    /// Group, version and kind of what it takes and answers.
    pub kind: GroupVersionKind<'a>,
    /// Verbs, sorted.
    pub verbs: &'static [&'static str],
}

/// A group, version and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupVersionKind<'a> {
    /// API group, empty for core.
    pub group: Cow<'a, str>,
    /// API version.
    pub version: Cow<'a, str>,
    /// Kind.
    pub kind: Cow<'a, str>,
}

impl<'a> GroupVersionKind<'a> {
    fn new(group: &'a str, version: &'a str, kind: &'a str) -> GroupVersionKind<'a> {
        GroupVersionKind {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    fn of(names: &'a Names) -> GroupVersionKind<'a> {
        GroupVersionKind::new(&names.group, &names.version, &names.kind)
    }
}

/// The subresources that a definition serves, sorted by name.
pub fn subresources(definition: &ResourceDefinition) -> Vec<Subresource<'_>> {
    const OBJECT: &[&str] = &["get", "patch", "update"];
    let own = || GroupVersionKind::of(&definition.names);
    let scale = || GroupVersionKind::new("autoscaling", "v1", "Scale");
    let status = definition.status.then(|| Subresource {
        name: "status",
        kind: own(),
        verbs: OBJECT,
    });
    let scale = definition.scale.as_ref().map(|_| Subresource {
        name: "scale",
        kind: scale(),
        verbs: OBJECT,
    });
    let update = definition.update_subresources.iter();
    let update = update.map(|name| Subresource {
        name,
        kind: own(),
        verbs: &["update"],
    });
    let create = definition.create_subresources.iter().map(|subresource| Subresource {
        name: &subresource.name,
        kind: GroupVersionKind::new(&subresource.group, &subresource.version, &subresource.kind),
        verbs: &["create"],
    });
    let mut all: Vec<Subresource<'_>> = status.into_iter().chain(scale).chain(update).chain(create).collect();
    // Custom resources have them in this order.
    if definition.style != Style::Custom {
        all.sort_by_key(|subresource| subresource.name);
    }
    all
}

/// The verbs of a resource in the order in which discovery has them: custom resources in one of their own.
fn verbs(definition: &ResourceDefinition) -> Vec<&'static str> {
    const CUSTOM: [&str; 8] = [
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "create",
        "update",
        "watch",
    ];
    let served = definition.verbs.names();
    match definition.style {
        Style::Custom => CUSTOM.into_iter().filter(|verb| served.contains(verb)).collect(),
        Style::BuiltIn { .. } => served.to_vec(),
    }
}

/// One served version of a group, with its resources sorted by plural.
struct GroupVersion<'a> {
    group: &'a str,
    version: &'a str,
    resources: Vec<&'a ResourceDefinition>,
}

impl GroupVersion<'_> {
    fn name(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

/// Groups in the order in which the definitions name them first, each with its versions in that order, and those of custom
/// resources by their names: the order is the preference that clients see.
fn groups(definitions: &[ResourceDefinition]) -> Vec<(&str, Vec<GroupVersion<'_>>)> {
    let mut groups: Vec<(&str, Vec<GroupVersion<'_>>)> = Vec::new();
    for definition in definitions {
        let (group, version) = (definition.names.group.as_str(), definition.names.version.as_str());
        let at = groups.iter().position(|(name, _)| *name == group).unwrap_or_else(|| {
            groups.push((group, Vec::new()));
            groups.len() - 1
        });
        let versions = &mut groups[at].1;
        let at = versions
            .iter()
            .position(|served| served.version == version)
            .unwrap_or_else(|| {
                versions.push(GroupVersion {
                    group,
                    version,
                    resources: Vec::new(),
                });
                versions.len() - 1
            });
        versions[at].resources.push(definition);
    }
    for (_, versions) in &mut groups {
        let is_custom = |version: &GroupVersion<'_>| version.resources.iter().all(|one| one.style == Style::Custom);
        if versions.iter().all(is_custom) {
            versions.sort_by(|one, other| by_priority(one.version, other.version));
        }
    }
    for version in groups.iter_mut().flat_map(|(_, versions)| versions) {
        version.resources.sort_by_key(|definition| &definition.names.plural);
    }
    groups
}

#[cfg(test)]
mod tests;
