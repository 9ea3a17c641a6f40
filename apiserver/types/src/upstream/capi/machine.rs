//! Machine: one machine that becomes one node.

use crate::upstream::{ContractReference, MachineAddress, TemplateMeta, is_default, resource};
use k8s_openapi::api::core::v1::{NodeSwapStatus, NodeSystemInfo};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// One machine that becomes one node.
    Machine { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machines", spec: MachineSpec, status: MachineStatus, conditions }
}

/// What a Machine is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// Where its bootstrap data comes from.
    pub bootstrap: Bootstrap,
    /// The infrastructure object (in a template: the template to clone).
    pub infrastructure_ref: ContractReference,
    /// Kubernetes version, with the leading v.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Copied from the infrastructure object; equals the Node's.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The failure domain to run in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// How long a Machine must be Ready to be Available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,
    /// Bounds of a deletion.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: MachineDeletionSpec,
    /// Taints for the Node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<MachineTaint>,
}

/// Where bootstrap data comes from.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Bootstrap {
    /// The bootstrap object (in a template: the template to clone).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_ref: Option<ContractReference>,
    /// Name of the Secret with the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_secret_name: Option<String>,
}

/// Bounds of a Machine's deletion; 0 waits for ever.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeletionSpec {
    /// How long to drain the node, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_drain_timeout_seconds: Option<i32>,
    /// How long to wait for volumes, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_volume_detach_timeout_seconds: Option<i32>,
    /// How long to try to delete the Node, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_deletion_timeout_seconds: Option<i32>,
}

impl MachineDeletionSpec {
    /// How long the Node's removal may take where nobody says it, seconds: as Cluster API's webhook sets it.
    const NODE_DELETION_TIMEOUT_SECONDS: i32 = 10;

    /// With what upstream's admission webhook adds.
    #[must_use]
    pub fn or_upstreams_defaults(mut self) -> Self {
        self.node_deletion_timeout_seconds
            .get_or_insert(Self::NODE_DELETION_TIMEOUT_SECONDS);
        self
    }
}

/// A taint that a Machine gives its Node.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineTaint {
    /// Taint key.
    pub key: String,
    /// Taint value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
    /// `Always` or `OnInitialization`.
    pub propagation: String,
}

/// What a Machine is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: MachineInitialization,
    /// The Node that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ref: Option<NodeReference>,
    /// Copied from the Node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_info: Option<NodeInfo>,
    /// Copied from the infrastructure object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<MachineAddress>,
    /// Copied from the infrastructure object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// When the serving certificate of a control-plane machine ends.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub certificates_expiry_date: Option<Time>,
    /// `Pending`, `Provisioning`, `Provisioned`, `Running`, `Updating`, `Deleting`, `Deleted`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When the phase last changed.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub last_updated: Option<Time>,
    /// How far a deletion is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<MachineDeletionStatus>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// `status.initialization` of a Machine.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineInitialization {
    /// The infrastructure object is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_provisioned: Option<bool>,
    /// Bootstrap data exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_data_secret_created: Option<bool>,
}

/// The Node of a Machine.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeReference {
    /// Name of the Node in the guest.
    pub name: String,
}

/// What a Node says about its machine, as far as Cluster API has fields for it: a Node of a newer minor may say more.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeInfo {
    /// Of the CPUs.
    pub architecture: String,
    /// Of this start of the machine.
    #[serde(rename = "bootID")]
    pub boot_id: String,
    /// The runtime and its version.
    pub container_runtime_version: String,
    /// The kernel's version.
    pub kernel_version: String,
    /// Nothing sets it any more.
    pub kube_proxy_version: String,
    /// The kubelet's version.
    pub kubelet_version: String,
    /// Of this installation of the operating system.
    #[serde(rename = "machineID")]
    pub machine_id: String,
    /// The operating system.
    pub operating_system: String,
    /// The operating system's own name for itself.
    pub os_image: String,
    /// How much can be swapped out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<NodeSwapStatus>,
    /// Of the machine.
    #[serde(rename = "systemUUID")]
    pub system_uuid: String,
}

impl From<NodeSystemInfo> for NodeInfo {
    fn from(info: NodeSystemInfo) -> Self {
        Self {
            architecture: info.architecture,
            boot_id: info.boot_id,
            container_runtime_version: info.container_runtime_version,
            kernel_version: info.kernel_version,
            kube_proxy_version: info.kube_proxy_version,
            kubelet_version: info.kubelet_version,
            machine_id: info.machine_id,
            operating_system: info.operating_system,
            os_image: info.os_image,
            swap: info.swap,
            system_uuid: info.system_uuid,
        }
    }
}

/// How far a Machine's deletion is.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeletionStatus {
    /// When draining began.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub node_drain_start_time: Option<Time>,
    /// When waiting for volumes began.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub wait_for_node_volume_detach_start_time: Option<Time>,
    /// When waiting for whoever hooks in before the drain began.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub wait_for_pre_drain_hook_start_time: Option<Time>,
    /// When waiting for whoever hooks in before the VM goes began.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub wait_for_pre_terminate_hook_start_time: Option<Time>,
}

/// What Machines are made from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineTemplate {
    /// Labels and annotations of the Machines.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: TemplateMeta,
    /// Their spec; its references name templates.
    pub spec: MachineSpec,
}

/// In which order a set deletes Machines.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeletionOrder {
    /// `Random`, `Newest` or `Oldest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}
