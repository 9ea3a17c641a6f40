//! Nobody grants rights that they do not hold: the check on every write of a role or binding.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Operation, Step},
    authn::User,
    authz::{Attributes, Decision, Target},
    status::Forbidden,
};
use serde::Deserialize;
use serde_json::Value;

use super::{Rbac, policy::PolicyRule};

const GROUP: &str = "rbac.authorization.k8s.io";
/// May do anything.
const MASTERS: &str = "system:masters";

/// Refuses roles and bindings that would grant more than their writer holds, unless the writer may `escalate` the role or
/// `bind` it.
pub struct EscalationGuard {
    /// Set once the registry that this plugin belongs to runs.
    rbac: Arc<OnceLock<Arc<Rbac>>>,
}

/// The rights by which one request is judged.
struct Judge<'a>(&'a Rbac);

impl EscalationGuard {
    /// Judges by the rights of an authorizer that starts later.
    pub fn new(rbac: Arc<OnceLock<Arc<Rbac>>>) -> EscalationGuard {
        EscalationGuard { rbac }
    }
}

impl Judge<'_> {
    fn judge_role(&self, request: &AdmissionRequest<'_>, object: &Value) -> Result<(), Status> {
        let unchanged =
            |old: &Value| old["rules"] == object["rules"] && old["aggregationRule"] == object["aggregationRule"];
        if request.old.is_some_and(unchanged) {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if self.may(
            request.user,
            "escalate",
            &request.resource.names.plural,
            request.namespace,
            name,
        ) {
            return Ok(());
        }
        let mut rules = Vec::<PolicyRule>::deserialize(&object["rules"]).unwrap_or_default();
        if !object["aggregationRule"].is_null() {
            // Whatever others label later becomes part of the role.
            rules.extend(everything());
        }
        self.require_held(request, name, &rules)
    }

    fn judge_binding(&self, request: &AdmissionRequest<'_>, object: &Value) -> Result<(), Status> {
        let unchanged = |old: &Value| old["roleRef"] == object["roleRef"] && old["subjects"] == object["subjects"];
        if request.old.is_some_and(unchanged) {
            return Ok(());
        }
        let role = |field: &str| object["roleRef"][field].as_str().unwrap_or_default();
        let (kind, role_name) = (role("kind"), role("name"));
        let (plural, namespace) = if kind == "Role" {
            ("roles", request.namespace)
        } else {
            ("clusterroles", "")
        };
        if self.may(request.user, "bind", plural, request.namespace, role_name) {
            return Ok(());
        }
        let Some(rules) = self.0.rules_of_role(namespace, kind, role_name) else {
            return Err(role_not_found(plural, role_name));
        };
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        self.require_held(request, name, &rules)
    }

    fn may(&self, user: &User, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
        let target = Target::Resource {
            group: GROUP,
            version: "v1",
            resource,
            subresource: "",
            namespace,
            name,
        };
        matches!(
            self.0.decide(&Attributes { user, verb, target }),
            Decision::Allow { .. }
        )
    }

    fn require_held(&self, request: &AdmissionRequest<'_>, name: &str, rules: &[PolicyRule]) -> Result<(), Status> {
        let (held, problem) = self.0.rules(request.user, request.namespace);
        let missing = missing(&held, rules);
        if missing.is_empty() {
            return Ok(());
        }
        let User { name: user, groups, .. } = request.user;
        let groups = groups
            .iter()
            .map(|group| format!("{group:?}"))
            .collect::<Vec<_>>()
            .join(" ");
        let missing = missing.join("\n");
        let problem = problem.map_or_else(String::new, |problem| format!("; resolution errors: [{problem}]"));
        let why = format!(
            "user {user:?} (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{missing}{problem}"
        );
        let names = &request.resource.names;
        Err(Status::forbidden(
            Forbidden {
                group: &names.group,
                resource: &names.plural,
                name,
            },
            &why,
        ))
    }
}

#[async_trait]
impl Admission for EscalationGuard {
    fn name(&self) -> &'static str {
        "EscalationGuard"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Validate && request.resource.names.group == GROUP && request.operation != Operation::Delete
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let names = &request.resource.names;
        let Some(object) = object else { return Ok(()) };
        if request.user.groups.iter().any(|group| group == MASTERS) {
            return Ok(());
        }
        let judge = Judge(
            self.rbac
                .get()
                .ok_or_else(|| Status::internal("the server is starting"))?,
        );
        match names.plural.as_str() {
            "roles" | "clusterroles" => judge.judge_role(request, object),
            "rolebindings" | "clusterrolebindings" => judge.judge_binding(request, object),
            _ => Ok(()),
        }
    }
}

fn role_not_found(plural: &str, name: &str) -> Status {
    Status {
        message: format!("{plural}.{GROUP} {name:?} not found"),
        reason: "NotFound".to_owned(),
        details: Some(Box::new(generic_apiserver::status::StatusDetails {
            name: name.to_owned(),
            group: GROUP.to_owned(),
            kind: plural.to_owned(),
            ..Default::default()
        })),
        code: 404,
        continue_token: None,
        warnings: Vec::new(),
    }
}

fn everything() -> [PolicyRule; 2] {
    let all = || -> Box<[Box<str>]> { Box::new(["*".into()]) };
    [
        PolicyRule {
            verbs: all(),
            api_groups: all(),
            resources: all(),
            ..PolicyRule::default()
        },
        PolicyRule {
            verbs: all(),
            non_resource_urls: all(),
            ..PolicyRule::default()
        },
    ]
}

/// What of `wanted` is not covered by `held`, one line per resource or path.
fn missing(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in wanted {
        lines.extend(missing_resources(held, rule));
        for path in &rule.non_resource_urls {
            let verbs = uncovered(held, &rule.verbs, &Target::Path(path));
            if !verbs.is_empty() {
                lines.push(format!("{{NonResourceURLs:[{path:?}], Verbs:{}}}", quoted(&verbs)));
            }
        }
    }
    lines
}

fn missing_resources(held: &[PolicyRule], rule: &PolicyRule) -> Vec<String> {
    // Names to the verbs that are missing for them, so that rules stay readable.
    let mut missing: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    let any_name: &[Box<str>] = &["".into()];
    let names = if rule.resource_names.is_empty() {
        any_name
    } else {
        &*rule.resource_names
    };
    for group in &rule.api_groups {
        for full in &rule.resources {
            let (resource, subresource) = full.split_once('/').unwrap_or((full, ""));
            for name in names {
                let target = Target::Resource {
                    group,
                    version: "*",
                    resource,
                    subresource,
                    namespace: "",
                    name,
                };
                let verbs = uncovered(held, &rule.verbs, &target);
                if !verbs.is_empty() {
                    missing.insert((group, full, name), verbs);
                }
            }
        }
    }
    missing
        .into_iter()
        .map(|((group, resource, name), verbs)| line(group, resource, name, &verbs))
        .collect()
}

fn line(group: &str, resource: &str, name: &str, verbs: &[&str]) -> String {
    let names = if name.is_empty() {
        String::new()
    } else {
        format!("ResourceNames:[{name:?}], ")
    };
    format!(
        "{{APIGroups:[{group:?}], {names}Resources:[{resource:?}], Verbs:{}}}",
        quoted(verbs)
    )
}

fn uncovered<'a>(held: &[PolicyRule], verbs: &'a [Box<str>], target: &Target<'_>) -> Vec<&'a str> {
    verbs
        .iter()
        .map(|verb| &**verb)
        .filter(|verb| !held.iter().any(|rule| rule.allows(verb, target)))
        .collect()
}

fn quoted(list: &[&str]) -> String {
    let quoted: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(json: Value) -> Vec<PolicyRule> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_what_is_not_held_is_missing() {
        let held = rules(json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "secrets"]},
            {"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]},
            {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]},
        ]));
        let wanted = rules(json!([
            {"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
            {"verbs": ["get"], "nonResourceURLs": ["/logs/a", "/metrics"]},
        ]));
        assert_eq!(
            missing(&held, &wanted),
            [
                r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}"#,
                r#"{NonResourceURLs:["/metrics"], Verbs:["get"]}"#,
            ]
        );
    }

    #[test]
    fn a_wildcard_is_covered_only_by_a_wildcard() {
        let held = rules(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "secrets"]}]));
        let wanted = rules(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["*"]}]));
        assert_eq!(missing(&held, &wanted).len(), 1);
        assert_eq!(missing(&everything(), &wanted), Vec::<String>::new());
        assert_eq!(missing(&held, &everything()).len(), 2);
    }

    #[test]
    fn a_right_on_one_name_does_not_cover_all() {
        let held =
            rules(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}]));
        let one =
            rules(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["a"]}]));
        let all = rules(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}]));
        assert!(missing(&held, &one).is_empty());
        assert_eq!(
            missing(&held, &all),
            [r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}"#]
        );
    }
}
