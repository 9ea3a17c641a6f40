//! What `kubeadm init` writes into a new cluster: its configuration, and how others find and join it.

use guestcluster_credentials::trust_object;
use serde_json::{Value, json};

use crate::cloud_init::Authority;

const RBAC: &str = "rbac.authorization.k8s.io";
/// The group of bootstrap tokens.
pub const BOOTSTRAPPERS: &str = "system:bootstrappers:kubeadm:default-node-token";

/// An object and where it goes.
pub struct Seed {
    /// API group, empty for core. The version is v1.
    pub group: &'static str,
    /// Plural name of the resource.
    pub resource: &'static str,
    /// Namespace, or empty.
    pub namespace: &'static str,
    /// The object.
    pub object: Value,
}

/// All of it, in an order in which each finds what it needs.
pub fn seeds(cluster_configuration: &Value, authority: &Authority, endpoint: &str) -> Vec<Seed> {
    let config_map = |namespace, name: &str, data: Value| Seed {
        group: "",
        resource: "configmaps",
        namespace,
        object: json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data,
        }),
    };
    let cluster_info = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "", "cluster": {
            "server": format!("https://{endpoint}"),
            "certificate-authority-data": base64(&authority.certificate),
        }}],
    });
    // JSON is YAML; readers of the ConfigMap parse YAML.
    let kubeadm = json!({"ClusterConfiguration": format!("{cluster_configuration:#}\n")});
    vec![
        Seed {
            group: "",
            resource: "namespaces",
            namespace: "",
            object: json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": trust_object::NAMESPACE}}),
        },
        config_map("kube-system", "kubeadm-config", kubeadm),
        config_map(
            "kube-public",
            "cluster-info",
            json!({"kubeconfig": format!("{cluster_info:#}\n")}),
        ),
        role("kubeadm:bootstrap-signer-clusterinfo", "kube-public", &["cluster-info"]),
        binding(
            "kubeadm:bootstrap-signer-clusterinfo",
            "kube-public",
            "User",
            "system:anonymous",
        ),
        role("kubeadm:nodes-kubeadm-config", "kube-system", &["kubeadm-config"]),
        binding("kubeadm:nodes-kubeadm-config", "kube-system", "Group", BOOTSTRAPPERS),
    ]
}

fn role(name: &str, namespace: &'static str, config_maps: &[&str]) -> Seed {
    let rules =
        json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": config_maps, "verbs": ["get"]}]);
    let object = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "Role",
        "metadata": {"name": name, "namespace": namespace}, "rules": rules,
    });
    Seed {
        group: RBAC,
        resource: "roles",
        namespace,
        object,
    }
}

fn binding(name: &str, namespace: &'static str, kind: &str, subject: &str) -> Seed {
    let object = json!({
        "apiVersion": format!("{RBAC}/v1"), "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"apiGroup": RBAC, "kind": kind, "name": subject}],
    });
    Seed {
        group: RBAC,
        resource: "rolebindings",
        namespace,
        object,
    }
}

fn base64(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}
