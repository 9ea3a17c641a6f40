//! The agent as a pod of the guest: for guests whose control-plane nodes have a kubelet. Pure.

use guestcluster_credentials::{
    levels::AGENT_ACCOUNT,
    trust_object::{AGENT_LIVE_PATH, AGENT_PORT, AGENT_READY_PATH, FOLDER, NAMESPACE},
};
use serde_json::{Value, json};

/// Seconds between two looks of the kubelet.
const LOOKS: u16 = 30;
const READY_LOOKS: u16 = 5;

/// Where kubeadm lets kube-apiserver listen.
const API_PORT: u16 = 6443;

/// The account as which it reaches the guest's API.
pub(super) fn account() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": AGENT_ACCOUNT, "namespace": NAMESPACE, "labels": labels()},
    })
}

/// One on each control-plane node, by this image of our program. It speaks to its own node's kube-apiserver, without the
/// guest's network or DNS: those may not work yet.
pub(super) fn daemon_set(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": AGENT_ACCOUNT, "namespace": NAMESPACE, "labels": labels()},
        "spec": {
            "selector": {"matchLabels": labels()},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels()}, "spec": pod(image)},
        },
    })
}

fn pod(image: &str) -> Value {
    json!({
        "serviceAccountName": AGENT_ACCOUNT,
        "hostNetwork": true,
        "dnsPolicy": "Default",
        "priorityClassName": "system-node-critical",
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"operator": "Exists"}],
        "containers": [{
            "name": "agent",
            "image": image,
            "args": ["guest-agent"],
            "env": [
                {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "NODE_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                {"name": "KUBERNETES_SERVICE_HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
                {"name": "KUBERNETES_SERVICE_PORT", "value": API_PORT.to_string()},
            ],
            // What hangs begins anew; an update goes on when the new one serves.
            "livenessProbe": probe(AGENT_LIVE_PATH, LOOKS),
            "readinessProbe": probe(AGENT_READY_PATH, READY_LOOKS),
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
            // The files are root's, as kubeadm's are; it has no other power over the node.
            "securityContext": {
                "runAsUser": 0, "runAsGroup": 0, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumeMounts": [{"name": "guestclusters", "mountPath": FOLDER}],
        }],
        "volumes": [{"name": "guestclusters", "hostPath": {"path": FOLDER, "type": "Directory"}}],
    })
}

/// On loopback, where the kubelet is as well; it looks at no certificate.
fn probe(path: &str, seconds: u16) -> Value {
    json!({
        "httpGet": {"host": "127.0.0.1", "port": AGENT_PORT, "scheme": "HTTPS", "path": path},
        "periodSeconds": seconds, "timeoutSeconds": 5, "failureThreshold": 3,
    })
}

fn labels() -> Value {
    json!({"app.kubernetes.io/name": AGENT_ACCOUNT})
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{apps::v1::DaemonSet, core::v1::ServiceAccount};

    use super::*;

    /// As it was last looked at by a person; `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_manifest_is_the_golden_one() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/agent.json");
        let text = format!("{:#}\n", daemon_set("registry.example/guestcluster-apiserver:v1"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(file).unwrap());
    }

    #[test]
    fn the_manifest_says_nothing_that_kubernetes_does_not_know() {
        let wanted = daemon_set("registry.example/guestcluster-apiserver:v1");
        let typed: DaemonSet = serde_json::from_value(wanted.clone()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), wanted);
        let typed: ServiceAccount = serde_json::from_value(account()).unwrap();
        assert_eq!(serde_json::to_value(typed).unwrap(), account());
    }
}
