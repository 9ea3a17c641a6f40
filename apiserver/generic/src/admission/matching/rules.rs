//! Rules on operations and resources.

use serde::Deserialize;

use super::Attributes;

/// `RuleWithOperations`: a write matches when it matches in every respect. `*` is anything.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// Such as `CREATE`.
    pub operations: Vec<String>,
    /// API groups, the empty one for core.
    pub api_groups: Vec<String>,
    /// Versions.
    pub api_versions: Vec<String>,
    /// Plural names, with a subresource after a slash: `pods`, `pods/*`, `*/scale`, `*/*`.
    pub resources: Vec<String>,
    /// `Cluster`, `Namespaced`, or `*` where nothing is said.
    pub scope: Option<String>,
}

/// A rule that may be about objects of these names alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NamedRule {
    /// Any object where there are none.
    pub resource_names: Vec<String>,
    /// The rule.
    #[serde(flatten)]
    pub rule: Rule,
}

impl NamedRule {
    /// Whether a write matches.
    pub fn matches(&self, attributes: &Attributes<'_>) -> bool {
        let names = &self.resource_names;
        self.rule.matches(attributes) && (names.is_empty() || names.iter().any(|name| name == attributes.name))
    }
}

impl Rule {
    /// Whether a write matches.
    pub fn matches(&self, attributes: &Attributes<'_>) -> bool {
        has(&self.operations, attributes.operation.as_str())
            && has(&self.api_groups, attributes.group)
            && has(&self.api_versions, attributes.version)
            && self.resources.iter().any(|resource| is_resource(resource, attributes))
            && self.is_in_scope(attributes)
    }

    fn is_in_scope(&self, attributes: &Attributes<'_>) -> bool {
        let is_namespace = attributes.group.is_empty() && attributes.resource == "namespaces";
        let is_namespaced = !attributes.namespace.is_empty() && !is_namespace;
        match self.scope.as_deref() {
            None | Some("*") => true,
            Some("Namespaced") => is_namespaced,
            Some("Cluster") => !is_namespaced,
            Some(_) => false,
        }
    }
}

fn has(allowed: &[String], asked: &str) -> bool {
    allowed.iter().any(|allowed| is(allowed, asked))
}

fn is(allowed: &str, asked: &str) -> bool {
    allowed == "*" || allowed == asked
}

fn is_resource(allowed: &str, attributes: &Attributes<'_>) -> bool {
    let (resource, subresource) = allowed.split_once('/').unwrap_or((allowed, ""));
    is(resource, attributes.resource) && is(subresource, attributes.subresource)
}
