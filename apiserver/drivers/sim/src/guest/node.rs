//! The nodes of a guest: registered as a kubelet would, from the VM's bootstrap data.

use std::net::Ipv4Addr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use generic_apiserver::authn::User;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{GuestError, GuestServer};
use crate::cloud_init::{Bootstrap, Join, Role};

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// What the VM gives to its Node.
pub(crate) struct NodeFacts {
    /// Host name.
    pub(crate) name: String,
    /// Version of the kubelet, from the image.
    pub(crate) version: String,
    /// Hardware identity.
    pub(crate) bios_uuid: String,
    /// Address.
    pub(crate) address: Ipv4Addr,
    /// Virtual CPUs.
    pub(crate) cpus: u32,
    /// Memory in bytes.
    pub(crate) memory_bytes: u64,
    /// Failure domain.
    pub(crate) zone: Option<String>,
}

/// A node could not join.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// The bootstrap token is unknown, wrong or expired.
    #[error("the bootstrap token is not valid in the guest")]
    Token,
    /// The guest refused the Node.
    #[error(transparent)]
    Guest(#[from] GuestError),
}

/// Who kubeadm acts as.
pub(super) fn kubeadm() -> User {
    User {
        name: "kubernetes-admin".to_owned(),
        groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}

impl GuestServer {
    /// Registers the Node of a VM and makes it Ready; a Node that is there is brought up to date.
    pub(crate) async fn join(&self, bootstrap: &Bootstrap, facts: &NodeFacts) -> Result<(), JoinError> {
        if let Role::Join(join) = &bootstrap.role {
            self.check_token(join)?;
        }
        let nodes = self.resource("", "nodes")?;
        let user = kubelet(&facts.name);
        let node = registration(bootstrap, facts);
        match nodes.create(&user, "", node.clone()).await {
            Err(status) if status.reason == "AlreadyExists" => {
                let change = |live: &mut Value| {
                    live["spec"]["providerID"] = node["spec"]["providerID"].clone();
                    Ok(())
                };
                nodes
                    .update(&user, "", &facts.name, change)
                    .await
                    .map_err(GuestError::Refused)?;
            }
            Err(status) => return Err(GuestError::Refused(status).into()),
            Ok(_) => {}
        }
        let status = status(facts, Timestamp::now());
        let change = |live: &mut Value| {
            live["status"] = status.clone();
            Ok(())
        };
        nodes
            .update_status(&user, "", &facts.name, change)
            .await
            .map_err(GuestError::Refused)?;
        Ok(())
    }

    /// Marks the Node of a VM that no longer runs, as the node controller does when a kubelet falls silent.
    pub(crate) async fn lose(&self, name: &str) -> Result<(), GuestError> {
        let change = |live: &mut Value| {
            let now = now_text(Timestamp::now());
            let conditions = live["status"]["conditions"].as_array_mut().into_iter().flatten();
            for condition in conditions.filter(|condition| condition["status"] != "Unknown") {
                condition["status"] = json!("Unknown");
                condition["reason"] = json!("NodeStatusUnknown");
                condition["message"] = json!("Kubelet stopped posting node status.");
                condition["lastTransitionTime"] = json!(now);
            }
            Ok(())
        };
        match self
            .resource("", "nodes")?
            .update_status(&kubelet(name), "", name, change)
            .await
        {
            Err(status) if status.reason != "NotFound" => Err(GuestError::Refused(status)),
            _ => Ok(()),
        }
    }

    fn check_token(&self, join: &Join) -> Result<(), JoinError> {
        let (id, secret) = join.token.split_once('.').ok_or(JoinError::Token)?;
        let secrets = self.resource("", "secrets")?;
        let stored = secrets
            .get("kube-system", &format!("bootstrap-token-{id}"))
            .ok_or(JoinError::Token)?;
        let text = |key: &str| {
            let encoded = stored["data"][key].as_str()?;
            String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
        };
        let expired = text("expiration")
            .and_then(|time| time.parse::<Timestamp>().ok())
            .is_some_and(|end| end < Timestamp::now());
        if expired || text("token-secret").as_deref() != Some(secret) {
            return Err(JoinError::Token);
        }
        Ok(())
    }
}

fn kubelet(name: &str) -> User {
    User {
        name: format!("system:node:{name}"),
        groups: vec!["system:nodes".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}

fn registration(bootstrap: &Bootstrap, facts: &NodeFacts) -> Value {
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

fn status(facts: &NodeFacts, now: Timestamp) -> Value {
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
fn now_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
