//! What `kubeadm init` writes into a new cluster: its configuration, and how others find and join it.

use guestcluster_credentials::{trust_object, x509::CertificateAuthority};
use serde_json::{Value, json};

use super::{GuestError, GuestServer};
use crate::cloud_init::Authority;

const RBAC: &str = "rbac.authorization.k8s.io";
/// The group of bootstrap tokens.
const BOOTSTRAPPERS: &str = "system:bootstrappers:kubeadm:default-node-token";

struct Seed {
    group: &'static str,
    resource: &'static str,
    namespace: &'static str,
    object: Value,
}

impl GuestServer {
    /// Writes what `kubeadm init` would; what exists is left as it is.
    pub(crate) async fn initialize(
        &self,
        cluster_configuration: &Value,
        authority: &Authority,
        endpoint: &str,
    ) -> Result<(), GuestError> {
        // Refuses an authority that can't sign before anyone trusts it.
        CertificateAuthority::from_pem(&authority.certificate, &authority.key)?;
        for seed in seeds(cluster_configuration, authority, endpoint) {
            self.create(seed).await?;
        }
        Ok(())
    }

    async fn create(&self, seed: Seed) -> Result<(), GuestError> {
        let resource = self.resource(seed.group, seed.resource)?;
        match resource
            .create(&super::node::kubeadm(), seed.namespace, seed.object)
            .await
        {
            Err(status) if status.reason != "AlreadyExists" => Err(GuestError::Refused(status)),
            _ => Ok(()),
        }
    }
}

fn seeds(cluster_configuration: &Value, authority: &Authority, endpoint: &str) -> Vec<Seed> {
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
