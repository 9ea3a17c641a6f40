//! The roles and bindings that a cluster starts with.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::aggregate::{aggregate, cluster_role, set_rules};

/// On objects that the server keeps complete; anything else in it makes the object the administrator's own.
const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

static DEFAULTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    // A test reads the file: an empty list would only be a cluster in which nobody but system:masters may do anything.
    let mut objects: Vec<Value> = serde_json::from_str(include_str!("../../roles/defaults.json")).unwrap_or_default();
    aggregate_all(&mut objects);
    objects
});

/// The roles and bindings of a fresh kube-apiserver, the rules of aggregated roles filled in.
pub fn default_objects() -> &'static [Value] {
    &DEFAULTS
}

/// The roles and bindings that kubeadm adds to a cluster: joining nodes, the administrators' group, and the part of
/// kube-public that may be read before signing in.
pub fn kubeadm_objects() -> Vec<Value> {
    let tokens = json!([group("system:bootstrappers:kubeadm:default-node-token")]);
    let nodes_and_tokens = json!([
        group("system:bootstrappers:kubeadm:default-node-token"),
        group("system:nodes")
    ]);
    let read = |resource_name: &str| json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [resource_name], "verbs": ["get"]}]);
    vec![
        cluster_binding(
            "kubeadm:cluster-admins",
            "cluster-admin",
            json!([group("kubeadm:cluster-admins")]),
        ),
        cluster_binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", tokens.clone()),
        rbac("ClusterRole", "", "kubeadm:get-nodes").with(
            "rules",
            json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]),
        ),
        cluster_binding("kubeadm:get-nodes", "kubeadm:get-nodes", tokens),
        rbac("Role", "kube-system", "kubeadm:nodes-kubeadm-config").with("rules", read("kubeadm-config")),
        binding("kube-system", "kubeadm:nodes-kubeadm-config", nodes_and_tokens.clone()),
        rbac("Role", "kube-system", "kubeadm:kubelet-config").with("rules", read("kubelet-config")),
        binding("kube-system", "kubeadm:kubelet-config", nodes_and_tokens),
        rbac("Role", "kube-public", "kubeadm:bootstrap-signer-clusterinfo").with("rules", read("cluster-info")),
        binding(
            "kube-public",
            "kubeadm:bootstrap-signer-clusterinfo",
            json!([user("system:anonymous")]),
        ),
    ]
}

/// What a stored default object should become, or none when it is complete or the administrator's own.
pub(crate) fn reconciled(stored: &Value, wanted: &Value) -> Option<Value> {
    if stored["metadata"]["annotations"][AUTOUPDATE] != "true" {
        return None;
    }
    // The rules of an aggregated role are the aggregation's business.
    let field = if wanted["roleRef"].is_object() {
        "subjects"
    } else {
        "rules"
    };
    if !stored["aggregationRule"].is_null() {
        return None;
    }
    let mut items = stored[field].as_array().cloned().unwrap_or_default();
    let before = items.len();
    for item in wanted[field].as_array().into_iter().flatten() {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    if items.len() == before {
        return None;
    }
    let mut complete = stored.clone();
    complete[field] = items.into();
    Some(complete)
}

/// Fills in the rules of aggregated roles, also of those that aggregate aggregated ones.
fn aggregate_all(objects: &mut [Value]) {
    // Each round settles at least one role, or nothing changes any more.
    for _ in 0..objects.len() {
        let roles: Vec<_> = objects
            .iter()
            .filter(|object| object["kind"] == "ClusterRole")
            .filter_map(|object| cluster_role(object.to_string().as_bytes()))
            .collect();
        let changes = aggregate(&roles);
        if changes.is_empty() {
            return;
        }
        for (name, rules) in &changes {
            let role = |object: &&mut Value| object["kind"] == "ClusterRole" && object["metadata"]["name"] == **name;
            if let Some(role) = objects.iter_mut().find(role) {
                set_rules(role, rules);
            }
        }
    }
}

trait With {
    fn with(self, field: &str, value: Value) -> Value;
}

impl With for Value {
    fn with(mut self, field: &str, value: Value) -> Value {
        self[field] = value;
        self
    }
}

fn rbac(kind: &str, namespace: &str, name: &str) -> Value {
    let mut metadata = json!({"name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata})
}

fn cluster_binding(name: &str, role: &str, subjects: Value) -> Value {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
    rbac("ClusterRoleBinding", "", name)
        .with("roleRef", role)
        .with("subjects", subjects)
}

/// A binding of the role with the same name.
fn binding(namespace: &str, name: &str, subjects: Value) -> Value {
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name});
    rbac("RoleBinding", namespace, name)
        .with("roleRef", role)
        .with("subjects", subjects)
}

fn group(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name})
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules_of(name: &str) -> String {
        let role = default_objects()
            .iter()
            .find(|object| object["metadata"]["name"] == name)
            .unwrap();
        role["rules"].to_string()
    }

    #[test]
    fn aggregated_roles_hold_what_they_collect() {
        assert!(rules_of("view").contains("configmaps"));
        assert!(!rules_of("view").contains("secrets"));
        assert!(rules_of("edit").contains("secrets"));
        // admin collects edit, which collects view.
        assert!(rules_of("admin").contains("rolebindings"));
        assert!(rules_of("admin").contains("\"watch\""));
        assert!(rules_of("admin").contains("deletecollection"));
    }

    #[test]
    fn a_shrunken_default_is_completed_and_an_owned_one_is_left_alone() {
        let wanted = default_objects()
            .iter()
            .find(|object| object["metadata"]["name"] == "system:discovery")
            .unwrap();
        let wanted = wanted.clone();
        assert_eq!(reconciled(&wanted, &wanted), None);

        let mut shrunken = wanted.clone();
        shrunken["rules"] = json!([]);
        assert_eq!(reconciled(&shrunken, &wanted).unwrap()["rules"], wanted["rules"]);

        shrunken["metadata"]["annotations"][AUTOUPDATE] = "false".into();
        assert_eq!(reconciled(&shrunken, &wanted), None);
    }
}
