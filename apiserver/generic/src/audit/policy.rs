//! The audit policy (`audit.k8s.io/v1 Policy`): how much is kept of which request. Pure.

use serde::Deserialize;

use crate::{authn::User, request::RequestInfo};

/// How much is kept of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when and how it ended.
    Metadata,
    /// The request's body, too.
    Request,
    /// The answer's body, too.
    RequestResponse,
}

/// A moment of a request at which an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Stage {
    /// It is known who asks for what.
    RequestReceived,
    /// A watch began to answer.
    ResponseStarted,
    /// The answer was sent.
    ResponseComplete,
    /// The server failed.
    Panic,
}

/// Rules, of which the first that matches decides; without one, nothing is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    #[serde(default)]
    #[expect(dead_code, reason = "a policy may have a name")]
    metadata: serde_json::Value,
    rules: Vec<Rule>,
    #[serde(default)]
    omit_stages: Vec<Stage>,
    #[serde(default)]
    omit_managed_fields: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    level: Level,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    user_groups: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    resources: Vec<GroupResources>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default, rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
    #[serde(default)]
    omit_stages: Vec<Stage>,
    #[serde(default)]
    omit_managed_fields: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupResources {
    #[serde(default)]
    group: String,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

/// The text is no policy.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// It does not have the form.
    #[error("it is no audit policy: {0}")]
    Form(String),
    /// It is another kind of document.
    #[error("apiVersion and kind must be audit.k8s.io/v1 and Policy, not {0} and {1}")]
    Kind(String, String),
    /// Nothing would ever be kept.
    #[error("rules: at least one is needed")]
    NoRules,
    /// A rule that can't mean anything.
    #[error("rules[{0}]: {1}")]
    Rule(usize, &'static str),
}

/// What a policy says of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(super) level: Level,
    pub(super) omitted: Vec<Stage>,
    pub(super) omit_managed_fields: bool,
    /// Bodies of the resource carry credentials, and so may the words of a refusal, which can repeat what was sent or patched.
    pub(super) confidential: bool,
}

impl Policy {
    /// Reads a policy file, YAML or JSON.
    pub fn parse(text: &str) -> Result<Policy, InvalidPolicy> {
        let form = |error: serde_saphyr::Error| InvalidPolicy::Form(error.without_snippet().to_string());
        let policy: Policy = serde_saphyr::from_str(text).map_err(form)?;
        if policy.api_version != "audit.k8s.io/v1" || policy.kind != "Policy" {
            return Err(InvalidPolicy::Kind(policy.api_version, policy.kind));
        }
        if policy.rules.is_empty() {
            return Err(InvalidPolicy::NoRules);
        }
        for (at, rule) in policy.rules.iter().enumerate() {
            rule.check().map_err(|why| InvalidPolicy::Rule(at, why))?;
        }
        Ok(policy)
    }

    /// What is kept of a request.
    pub(super) fn judge(&self, info: &RequestInfo, user: &User) -> Verdict {
        let Some(rule) = self.rules.iter().find(|rule| rule.matches(info, user)) else {
            return Verdict::default();
        };
        Verdict {
            level: rule.level,
            omitted: self.omit_stages.iter().chain(&rule.omit_stages).copied().collect(),
            omit_managed_fields: rule.omit_managed_fields.unwrap_or(self.omit_managed_fields),
            confidential: false,
        }
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        let of_resources = !self.resources.is_empty() || !self.namespaces.is_empty();
        if of_resources && !self.non_resource_urls.is_empty() {
            return Err("nonResourceURLs can't stand beside resources or namespaces");
        }
        if self.resources.iter().any(|one| one.group.contains('/')) {
            return Err("resources: group is a group without its version");
        }
        if self
            .resources
            .iter()
            .any(|one| one.resources.is_empty() && !one.resource_names.is_empty())
        {
            return Err("resources: resourceNames need resources");
        }
        Ok(())
    }

    fn matches(&self, info: &RequestInfo, user: &User) -> bool {
        let named = |list: &[String], value: &str| list.is_empty() || list.iter().any(|one| one == value);
        let in_group = self.user_groups.is_empty() || self.user_groups.iter().any(|group| user.is_in(group));
        if !named(&self.users, &user.name) || !in_group || !named(&self.verbs, &info.verb) {
            return false;
        }
        if !self.resources.is_empty() || !self.namespaces.is_empty() {
            let of_rule = |one: &GroupResources| one.matches(info);
            return info.is_resource
                && named(&self.namespaces, &info.namespace)
                && (self.resources.is_empty() || self.resources.iter().any(of_rule));
        }
        self.non_resource_urls.is_empty()
            || (!info.is_resource && self.non_resource_urls.iter().any(|url| covers(url, &info.path)))
    }
}

impl GroupResources {
    fn matches(&self, info: &RequestInfo) -> bool {
        if self.group != info.group {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        let is_named = self.resource_names.is_empty() || self.resource_names.contains(&info.name);
        is_named && self.resources.iter().any(|one| is_resource(one, info))
    }
}

/// `pods`, `pods/log`, `pods/*`, `*/scale` or `*`.
fn is_resource(pattern: &str, info: &RequestInfo) -> bool {
    match pattern.split_once('/') {
        None => pattern == "*" || (pattern == info.resource && info.subresource.is_empty()),
        Some((resource, subresource)) => {
            (resource == "*" || resource == info.resource)
                && (subresource == "*" || subresource == info.subresource)
                && (resource != "*" || !info.subresource.is_empty())
        }
    }
}

/// A path, or all below one when it ends with `*`.
fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn policy(rules: &str) -> Policy {
        Policy::parse(&format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}")).unwrap()
    }

    fn level(policy: &Policy, method: &str, uri: &str, user: &str) -> Level {
        let info = RequestInfo::parse(&method.parse::<Method>().unwrap(), &uri.parse().unwrap());
        let user = User {
            name: user.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            ..User::default()
        };
        policy.judge(&info, &user).level
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = policy(
            "
- {level: None, users: [system:kube-proxy], verbs: [watch]}
- {level: None, nonResourceURLs: ['/healthz*', /version]}
- {level: Metadata, resources: [{group: '', resources: [secrets, pods/log]}]}
- {level: Request, resources: [{group: apps, resources: [deployments], resourceNames: [a]}]}
- {level: RequestResponse, resources: [{group: autoscaling, resources: ['*/scale']}]}
- {level: Request, namespaces: [team-a]}
- {level: Metadata, userGroups: [system:authenticated], verbs: [delete]}
",
        );
        for (method, uri, user, expected) in [
            ("GET", "/api/v1/pods?watch=1", "system:kube-proxy", Level::None),
            ("GET", "/healthz/ping", "a", Level::None),
            ("GET", "/version", "a", Level::None),
            ("GET", "/api/v1/namespaces/b/secrets/x", "a", Level::Metadata),
            ("GET", "/api/v1/namespaces/b/pods/x/log", "a", Level::Metadata),
            ("GET", "/api/v1/namespaces/b/pods/x", "a", Level::None),
            ("GET", "/apis/apps/v1/namespaces/b/deployments/a", "a", Level::Request),
            ("GET", "/apis/apps/v1/namespaces/b/deployments/b", "a", Level::None),
            (
                "PUT",
                "/apis/autoscaling/v1/namespaces/b/hpas/a/scale",
                "a",
                Level::RequestResponse,
            ),
            ("GET", "/api/v1/namespaces/team-a/pods/x", "a", Level::Request),
            ("DELETE", "/api/v1/namespaces/b/pods/x", "a", Level::Metadata),
        ] {
            assert_eq!(level(&policy, method, uri, user), expected, "{method} {uri}");
        }
    }

    #[test]
    fn stages_and_managed_fields_are_left_out_where_either_says_so() {
        let text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n- {level: Request, verbs: [get], omitStages: [Panic], omitManagedFields: false}\n- {level: Request}\n";
        let policy = Policy::parse(text).unwrap();
        let judge = |method: Method| {
            let info = RequestInfo::parse(&method, &"/api/v1/pods/x".parse().unwrap());
            policy.judge(&info, &User::default())
        };
        let get = judge(Method::GET);
        assert_eq!(get.omitted, [Stage::RequestReceived, Stage::Panic]);
        assert!(!get.omit_managed_fields && judge(Method::DELETE).omit_managed_fields);
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_field() {
        let rules = |rule: &str| format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{rule}]\n");
        for (text, expected) in [
            ("a", "no audit policy"),
            (
                "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: []\n",
                "audit.k8s.io/v1beta1",
            ),
            (&rules(""), "at least one"),
            (&rules("{level: Everything}"), "Everything"),
            (&rules("{level: None, user: [a]}"), "user"),
            (
                &rules("{level: None, namespaces: [a], nonResourceURLs: [/x]}"),
                "rules[0]: nonResourceURLs",
            ),
            (
                &rules("{level: None, resources: [{group: apps/v1}]}"),
                "rules[0]: resources: group",
            ),
            (
                &rules("{level: None, resources: [{resourceNames: [a]}]}"),
                "rules[0]: resources: resourceNames",
            ),
        ] {
            let error = Policy::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
