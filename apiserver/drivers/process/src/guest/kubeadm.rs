//! What `kubeadm init` writes into a new guest.

use guest_system::{
    cloud_init::Authority,
    init::{BOOTSTRAPPERS, seeds},
};
use kube::Client;
use serde_json::{Value, json};

use super::configuration::ClusterConfiguration;
use crate::{
    client::{is, send},
    trouble::Trouble,
};

const RBAC: &str = "rbac.authorization.k8s.io";
const CLUSTER_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/// Writes all of it; what exists is left as it is.
pub(super) async fn initialize(
    client: &Client,
    configuration: &ClusterConfiguration,
    authority: &Authority,
) -> Result<(), Trouble> {
    for seed in seeds(configuration.document(), authority, configuration.endpoint()?) {
        let group = if seed.group.is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}/v1", seed.group)
        };
        let namespace = match seed.namespace {
            "" => String::new(),
            namespace => format!("/namespaces/{namespace}"),
        };
        create(client, &format!("{group}{namespace}/{}", seed.resource), &seed.object).await?;
    }
    for (path, object) in rights_of_nodes() {
        create(client, path, &object).await?;
    }
    Ok(())
}

/// What nodes may do to join by themselves, and administrators.
fn rights_of_nodes() -> Vec<(&'static str, Value)> {
    let get_nodes = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}]);
    let requests = "system:certificates.k8s.io:certificatesigningrequests";
    vec![
        (
            CLUSTER_ROLES,
            json!({"metadata": {"name": "kubeadm:get-nodes"}, "rules": get_nodes}),
        ),
        binding("kubeadm:get-nodes", "kubeadm:get-nodes", BOOTSTRAPPERS),
        binding("kubeadm:kubelet-bootstrap", "system:node-bootstrapper", BOOTSTRAPPERS),
        binding(
            "kubeadm:node-autoapprove-bootstrap",
            &format!("{requests}:nodeclient"),
            BOOTSTRAPPERS,
        ),
        binding(
            "kubeadm:node-autoapprove-certificate-rotation",
            &format!("{requests}:selfnodeclient"),
            "system:nodes",
        ),
        binding("kubeadm:cluster-admins", "cluster-admin", "kubeadm:cluster-admins"),
    ]
}

fn binding(name: &str, role: &str, group: &str) -> (&'static str, Value) {
    let object = json!({
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": group}],
    });
    (CLUSTER_BINDINGS, object)
}

async fn create(client: &Client, path: &str, object: &Value) -> Result<(), Trouble> {
    match send(client, "POST", path, object).await {
        Err(error) if !is(&error, 409) => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            Err(Trouble::refused(&format!("creating {name} at {path}"), &error))
        }
        _ => Ok(()),
    }
}
