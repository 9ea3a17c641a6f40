//! The Node that a kubelet registers, from the VM's bootstrap data.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::cloud_init::Bootstrap;

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// What the VM gives to its Node.
pub struct NodeFacts {
    /// Host name.
    pub name: String,
    /// Version of the kubelet, from the image.
    pub version: String,
    /// Hardware identity.
    pub bios_uuid: String,
    /// Address.
    pub address: Ipv4Addr,
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Failure domain.
    pub zone: Option<String>,
}

/// The Node without its status.
pub fn registration(bootstrap: &Bootstrap, facts: &NodeFacts) -> Value {
    let mut labels: Map<String, Value> = bootstrap
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    labels.insert("kubernetes.io/hostname".to_owned(), json!(facts.name));
    labels.insert("kubernetes.io/os".to_owned(), json!("linux"));
    labels.insert("kubernetes.io/arch".to_owned(), json!("amd64"));
    if let Some(zone) = &facts.zone {
        labels.insert("topology.kubernetes.io/zone".to_owned(), json!(zone));
    }
    let control_plane = bootstrap.is_control_plane();
    if control_plane {
        labels.insert(CONTROL_PLANE.to_owned(), json!(""));
    }
    let mut spec = json!({"providerID": format!("vsphere://{}", facts.bios_uuid)});
    let taints = bootstrap.taints.clone().unwrap_or_else(|| match control_plane {
        true => vec![json!({"key": CONTROL_PLANE, "effect": "NoSchedule"})],
        false => Vec::new(),
    });
    if !taints.is_empty() {
        spec["taints"] = json!(taints);
    }
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": facts.name, "labels": labels},
        "spec": spec,
    })
}

/// Its status while all is well.
pub fn status(facts: &NodeFacts, now: Timestamp) -> Value {
    let now = now_text(now);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        })
    };
    let resources = json!({
        "cpu": facts.cpus.to_string(),
        "memory": format!("{}Ki", facts.memory_bytes / 1024),
        "pods": "110",
    });
    json!({
        "addresses": [
            {"type": "InternalIP", "address": facts.address.to_string()},
            {"type": "Hostname", "address": facts.name},
        ],
        "capacity": resources,
        "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "nodeInfo": {
            "kubeletVersion": facts.version,
            "kubeProxyVersion": "",
            "containerRuntimeVersion": "containerd://2.1.4",
            "osImage": "Simulated Linux",
            "kernelVersion": "6.12.0",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "machineID": facts.bios_uuid,
            "systemUUID": facts.bios_uuid,
            "bootID": facts.bios_uuid,
        },
    })
}

/// Kubernetes' times have whole seconds.
pub fn now_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
