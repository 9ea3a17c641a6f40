//! One rule of a role, and what it covers.

use generic_apiserver::authz::Target;
use serde::{Deserialize, Serialize};

/// `rbac.authorization.k8s.io/v1 PolicyRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// What may be done; `*` for anything.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", deserialize_with = "list")]
    pub verbs: Box<[Box<str>]>,
    /// API groups; `*` for all.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", deserialize_with = "list")]
    pub api_groups: Box<[Box<str>]>,
    /// Plural names, `pods/log` for a subresource, `*/scale` for one of all resources; `*` for all.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", deserialize_with = "list")]
    pub resources: Box<[Box<str>]>,
    /// Names of objects; empty for all.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty", deserialize_with = "list")]
    pub resource_names: Box<[Box<str>]>,
    /// Paths that are no resource, with `*` at the end for all below.
    #[serde(
        default,
        rename = "nonResourceURLs",
        skip_serializing_if = "<[_]>::is_empty",
        deserialize_with = "list"
    )]
    pub non_resource_urls: Box<[Box<str>]>,
}

/// A list, `null` being an empty one.
fn list<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Box<[Box<str>]>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl PolicyRule {
    /// Whether the rule allows the verb on the target.
    pub fn allows(&self, verb: &str, target: &Target<'_>) -> bool {
        if !names(&self.verbs, verb) {
            return false;
        }
        match *target {
            Target::Path(path) => self.non_resource_urls.iter().any(|rule| covers_path(rule, path)),
            Target::Resource {
                group,
                resource,
                subresource,
                name,
                ..
            } => {
                names(&self.api_groups, group)
                    && self
                        .resources
                        .iter()
                        .any(|rule| covers_resource(rule, resource, subresource))
                    && (self.resource_names.is_empty() || self.resource_names.iter().any(|allowed| **allowed == *name))
            }
        }
    }
}

fn names(list: &[Box<str>], wanted: &str) -> bool {
    list.iter().any(|item| **item == *"*" || **item == *wanted)
}

fn covers_resource(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == "*" {
        return true;
    }
    match rule.split_once('/') {
        None => rule == resource && subresource.is_empty(),
        // `*/scale` is the scale of every resource.
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == "*" || of == resource),
    }
}

fn covers_path(rule: &str, path: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => rule == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: serde_json::Value) -> PolicyRule {
        serde_json::from_value(json).unwrap()
    }

    fn target<'a>(resource: &'a str, subresource: &'a str, name: &'a str) -> Target<'a> {
        Target::Resource {
            group: "g.io",
            version: "v1",
            resource,
            subresource,
            namespace: "ns",
            name,
        }
    }

    #[test]
    fn a_resource_rule_covers_subresources_only_when_it_names_them() {
        let widgets = rule(serde_json::json!({"verbs": ["get"], "apiGroups": ["g.io"], "resources": ["widgets"]}));
        assert!(widgets.allows("get", &target("widgets", "", "a")));
        assert!(!widgets.allows("get", &target("widgets", "status", "a")));
        assert!(!widgets.allows("update", &target("widgets", "", "a")));
        assert!(!widgets.allows("get", &target("gadgets", "", "a")));

        let scales = rule(serde_json::json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]}));
        assert!(scales.allows("patch", &target("widgets", "scale", "a")));
        assert!(!scales.allows("patch", &target("widgets", "", "a")));
    }

    #[test]
    fn names_limit_a_rule_and_never_cover_requests_without_a_name() {
        let named = rule(serde_json::json!({
            "verbs": ["get", "list"], "apiGroups": ["g.io"], "resources": ["widgets"], "resourceNames": ["a"],
        }));
        assert!(named.allows("get", &target("widgets", "", "a")));
        assert!(!named.allows("get", &target("widgets", "", "b")));
        assert!(!named.allows("list", &target("widgets", "", "")));
    }

    #[test]
    fn paths_match_exactly_or_by_prefix() {
        let paths = rule(serde_json::json!({"verbs": ["get"], "nonResourceURLs": ["/version", "/openapi/*"]}));
        assert!(paths.allows("get", &Target::Path("/version")));
        assert!(paths.allows("get", &Target::Path("/openapi/v3")));
        assert!(!paths.allows("get", &Target::Path("/version/")));
        assert!(!paths.allows("post", &Target::Path("/version")));
        assert!(!paths.allows("get", &target("version", "", "")));
    }
}
