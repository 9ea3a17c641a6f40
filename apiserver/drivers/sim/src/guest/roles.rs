//! Roles and bindings that every guest has beside Kubernetes' own: what the levels give, and what the agent may do.

use generic_apiserver::authn::User;
use guestcluster_credentials::{Level, trust_object::NAMESPACE};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io";
/// Marks roles that the server completes when it starts.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const AGENT: &str = "guestclusters.dev:agent";
const READER: &str = "guestclusters.dev:cluster-reader";
const ADMINS: &str = "guestclusters.dev:admin";
const ACCOUNT: &str = "guest-agent";

/// The levels whose rights hold in each namespace that is not the system's, with the ClusterRole that holds them.
pub(super) const NAMESPACED: [(Level, &str); 2] = [(Level::View, "view"), (Level::Edit, "edit")];

/// The agent, which keeps the bindings of the namespaced levels and reports what is in force.
pub(super) fn agent() -> User {
    User {
        name: format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}"),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{NAMESPACE}"),
            "system:authenticated".to_owned(),
        ],
        ..User::default()
    }
}

/// All that hold in the whole guest; the agent keeps the bindings in namespaces.
pub(super) fn objects() -> Vec<Value> {
    let admins = [Level::Admin, Level::BreakGlass].map(|level| group(level.group()));
    let readers = NAMESPACED.map(|(level, _)| group(level.group()));
    let account = json!({"kind": "ServiceAccount", "namespace": NAMESPACE, "name": ACCOUNT});
    vec![
        cluster_role(AGENT, agent_rules()),
        cluster_binding(AGENT, AGENT, json!([account])),
        cluster_binding(ADMINS, "cluster-admin", json!(admins)),
        cluster_role(READER, reader_rules()),
        cluster_binding(READER, READER, json!(readers)),
    ]
}

/// The binding that gives a level its rights in one namespace; its name is that of the level's group.
pub(super) fn level_binding(namespace: &str, level: Level, role: &str) -> Value {
    json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
        "metadata": {"name": level.group(), "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [group(level.group())],
    })
}

/// `bind` is what lets the agent give these roles away without holding them, and no others.
fn agent_rules() -> Value {
    let bound = NAMESPACED.map(|(_, role)| role);
    json!([
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["get", "list", "watch", "create", "update", "delete"]},
        {"apiGroups": [RBAC], "resources": ["clusterroles"], "resourceNames": bound, "verbs": ["bind"]},
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
