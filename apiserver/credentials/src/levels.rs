//! What the levels are inside a guest: the roles and bindings that every guest has beside Kubernetes' own, and the bindings
//! that its agent keeps in namespaces.

use guestcluster_types::Level;
use serde_json::{Value, json};

use crate::trust_object::{CONFIG_MAP, NAMESPACE};

/// The service account of the agent, in [`NAMESPACE`].
pub const AGENT_ACCOUNT: &str = "guest-agent";
/// Marks a namespace as the system's, when it is `true`: for operators with rights in the whole cluster.
pub const SYSTEM_LABEL: &str = "guestclusters.dev/system";
/// The levels whose rights hold in each namespace that is not the system's, with the ClusterRole that holds them.
pub const NAMESPACED: [(Level, &str); 2] = [(Level::View, "view"), (Level::Edit, "edit")];
/// The API group of roles and bindings.
pub const RBAC: &str = "rbac.authorization.k8s.io";

/// Marks roles that the server completes when it starts.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const AGENT: &str = "guestclusters.dev:agent";
const READER: &str = "guestclusters.dev:cluster-reader";
const ADMINS: &str = "guestclusters.dev:admin";

/// What there is to do about a binding of a level in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as it should be.
    Nothing,
    /// It is missing.
    Create,
    /// Its subjects are wrong.
    Update,
    /// Its role is wrong, which can't be changed.
    Replace,
    /// It should not be there.
    Delete,
}

impl Change {
    /// What makes the wanted binding of the live one.
    pub fn between(live: Option<&Value>, wanted: Option<&Value>) -> Change {
        match (live, wanted) {
            (None, Some(_)) => Change::Create,
            (Some(_), None) => Change::Delete,
            (Some(live), Some(wanted)) if live["roleRef"] != wanted["roleRef"] => Change::Replace,
            (Some(live), Some(wanted)) if live["subjects"] != wanted["subjects"] => Change::Update,
            (None, None) | (Some(_), Some(_)) => Change::Nothing,
        }
    }
}

/// The agent's user name.
pub fn agent_user() -> String {
    format!("system:serviceaccount:{NAMESPACE}:{AGENT_ACCOUNT}")
}

/// Whether a namespace is the system's, by its name and the value of its [`SYSTEM_LABEL`].
pub fn is_system(namespace: &str, label: Option<&str>) -> bool {
    namespace.starts_with("kube-") || namespace == NAMESPACE || label == Some("true")
}

/// All ClusterRoles and their bindings; the agent keeps the bindings in namespaces.
pub fn cluster_objects() -> Vec<Value> {
    let admins = [Level::Admin, Level::BreakGlass].map(|level| group(level.group()));
    let readers = NAMESPACED.map(|(level, _)| group(level.group()));
    let account = json!({"kind": "ServiceAccount", "namespace": NAMESPACE, "name": AGENT_ACCOUNT});
    vec![
        cluster_role(AGENT, agent_rules()),
        cluster_binding(AGENT, AGENT, json!([account])),
        cluster_binding(ADMINS, "cluster-admin", json!(admins)),
        cluster_role(READER, reader_rules()),
        cluster_binding(READER, READER, json!(readers)),
    ]
}

/// The binding that gives a level its rights in one namespace; its name is that of the level's group.
pub fn binding(namespace: &str, level: Level, role: &str) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
        "metadata": {"name": level.group(), "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [group(level.group())],
    })
}

/// `bind` is what lets the agent give these roles away without holding them, and no others. It sees what is trusted and
/// reports there, and it reads which file its kube-apiserver judges by.
fn agent_rules() -> Value {
    let bound = NAMESPACED.map(|(_, role)| role);
    let binding_verbs = ["get", "list", "watch", "create", "patch", "update", "delete"];
    json!([
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [CONFIG_MAP], "verbs": ["get", "list", "watch", "patch"]},
        {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": binding_verbs},
        {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": bound, "verbs": ["bind"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ])
}

fn reader_rules() -> Value {
    json!([
        {"apiGroups": [""], "resources": ["namespaces", "nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["get", "list", "watch"]},
    ])
}

fn cluster_role(name: &str, rules: Value) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole",
        "metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}}, "rules": rules,
    })
}

fn cluster_binding(name: &str, role: &str, subjects: Value) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "annotations": {AUTOUPDATE: "true"}},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    })
}

fn group(name: &str) -> Value {
    json!({"apiGroup": RBAC, "kind": "Group", "name": name})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_the_system_are_known_by_name_or_label() {
        for (name, label, expected) in [
            ("kube-system", None, true),
            ("kube-flannel", None, true),
            ("guestclusters-system", None, true),
            ("tigera-operator", Some("true"), true),
            ("tigera-operator", Some("false"), false),
            ("default", None, false),
            ("kubernetes-dashboard", None, false),
        ] {
            assert_eq!(is_system(name, label), expected, "{name} {label:?}");
        }
    }

    #[test]
    fn a_binding_is_brought_to_what_it_should_be() {
        let (right, other_role) = (
            binding("team", Level::View, "view"),
            binding("team", Level::View, "admin"),
        );
        let mut other_subjects = right.clone();
        other_subjects["subjects"] = json!([]);
        for (live, wanted, expected) in [
            (None, None, Change::Nothing),
            (None, Some(&right), Change::Create),
            (Some(&right), Some(&right), Change::Nothing),
            (Some(&other_subjects), Some(&right), Change::Update),
            (Some(&other_role), Some(&right), Change::Replace),
            (Some(&right), None, Change::Delete),
        ] {
            assert_eq!(Change::between(live, wanted), expected);
        }
    }

    #[test]
    fn the_agent_may_give_away_view_and_edit_and_nothing_else() {
        let rules = agent_rules();
        let binds: Vec<_> = rules
            .as_array()
            .unwrap()
            .iter()
            .filter(|rule| rule["verbs"].as_array().unwrap().contains(&json!("bind")))
            .collect();
        assert_eq!(binds.len(), 1);
        assert_eq!(binds[0]["resourceNames"], json!(["view", "edit"]));
        assert!(!rules.to_string().contains('*') && !rules.to_string().contains("escalate"));
    }
}
