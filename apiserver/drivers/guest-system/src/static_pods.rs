//! The mirror Pods of a control-plane node: by them the API shows what a kubelet runs from its manifests, and Cluster API looks
//! whether a control plane is well.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::node::{NodeFacts, now_text};

/// Their namespace.
pub const NAMESPACE: &str = "kube-system";
/// What every control-plane node runs.
const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Of a Pod that runs.
const CONDITIONS: [&str; 5] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
];

/// A Pod without its status, and the status while all is well.
pub struct StaticPod {
    /// Name of the Pod.
    pub name: String,
    /// The Pod.
    pub pod: Value,
    /// Its status.
    pub status: Value,
}

/// The Pods of a node with this UID.
pub fn of(facts: &NodeFacts, node_uid: &str, now: Timestamp) -> impl Iterator<Item = StaticPod> {
    COMPONENTS
        .iter()
        .map(move |component| of_component(component, facts, node_uid, now))
}

fn of_component(component: &str, facts: &NodeFacts, node_uid: &str, now: Timestamp) -> StaticPod {
    let name = format!("{component}-{}", facts.name);
    let image = format!("registry.k8s.io/{component}:{}", facts.version);
    // A kubelet hashes the manifest; a name and a version say as much here.
    let hash = format!("{component}-{}", facts.version);
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {"component": component, "tier": "control-plane"},
            "annotations": {
                "kubernetes.io/config.hash": hash,
                "kubernetes.io/config.mirror": hash,
                "kubernetes.io/config.source": "file",
            },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Node", "name": facts.name, "uid": node_uid, "controller": true,
            }],
        },
        "spec": {
            "nodeName": facts.name,
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "containers": [{"name": component, "image": image}],
            "tolerations": [{"operator": "Exists", "effect": "NoExecute"}],
        },
    });
    StaticPod {
        name,
        pod,
        status: status(component, &image, facts, now),
    }
}

fn status(component: &str, image: &str, facts: &NodeFacts, now: Timestamp) -> Value {
    let (now, address) = (now_text(now), facts.address.to_string());
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
    let conditions = CONDITIONS.map(condition);
    json!({
        "phase": "Running",
        "conditions": conditions,
        "hostIP": address,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "containerStatuses": [{
            "name": component, "image": image, "imageID": "", "ready": true, "started": true, "restartCount": 0,
            "state": {"running": {"startedAt": now}},
        }],
    })
}
