//! `GuestCluster`: the Kubernetes cluster that a developer asks for.

pub mod status;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{int_or_string, is_false, list_map, list_set, plain};
use status::GuestClusterStatus;

/// A Kubernetes cluster: which version, how many nodes of which size, and its networks.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "guestclusters.dev",
    version = "v1alpha1",
    kind = "GuestCluster",
    plural = "guestclusters",
    shortname = "gcl",
    category = "all",
    namespaced,
    status = "GuestClusterStatus",
    derive = "PartialEq",
    doc = "A Kubernetes cluster on virtual machines of this supervisor. It becomes Cluster API objects, those become virtual machines, those become nodes."
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = plain)]
pub struct GuestClusterSpec {
    /// Which Kubernetes the cluster runs.
    pub distribution: Distribution,
    /// Its nodes: the control plane and the node pools.
    pub topology: Topology,
    /// Networks and storage.
    #[serde(default)]
    pub settings: Settings,
    /// Stops all changes to the cluster and its machines until it is false again. Deleting the cluster is still carried out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
}

/// Which Kubernetes a cluster runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// `vX.Y`, `vX.Y.Z` or the full version of a GuestClusterRelease, compared by whole components: `v1.3` does not mean
    /// v1.34. The newest supported release that matches is chosen once, and kept until this string asks for another.
    #[schemars(length(min = 1))]
    pub version: String,
}

/// The nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Topology {
    /// The nodes that run the Kubernetes API.
    pub control_plane: ControlPlane,
    /// The nodes that run workloads, in pools of equal nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), transform = list_map(&["name"]))]
    pub node_pools: Vec<NodePool>,
}

/// The nodes that run the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlane {
    /// How many: 1, 3 or 5.
    #[serde(default = "one")]
    pub replicas: i32,
    /// A VirtualMachineClass of the namespace: processors and memory of each node.
    #[schemars(length(min = 1))]
    pub vm_class: String,
    /// A StorageClass that the namespace may use, for the disks of the nodes.
    #[schemars(length(min = 1))]
    pub storage_class: String,
    /// How nodes are replaced.
    #[serde(default)]
    pub rollout: ControlPlaneRollout,
}

/// How control-plane nodes are replaced: one at a time, the new one first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneRollout {
    /// How long to wait for the pods of a node to move before it is removed with them; 0 waits for ever.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub drain_timeout_seconds: i32,
}

/// A pool of equal nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    /// Name of the pool, a DNS label. With the cluster's name at most 44 characters; `cp` is reserved.
    #[schemars(length(min = 1))]
    pub name: String,
    /// How many nodes.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 5000))]
    pub replicas: i32,
    /// A VirtualMachineClass of the namespace: processors and memory of each node.
    #[schemars(length(min = 1))]
    pub vm_class: String,
    /// A StorageClass that the namespace may use, for the disks of the nodes.
    #[schemars(length(min = 1))]
    pub storage_class: String,
    /// Labels of the nodes. A change replaces the nodes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Taints of the nodes. A change replaces the nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_map(&["key", "effect"]))]
    pub taints: Vec<Taint>,
    /// The failure domain, such as a zone, that all nodes of the pool are placed in; absent leaves the choice open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub failure_domain: Option<String>,
    /// How nodes are replaced.
    #[serde(default)]
    pub rollout: NodePoolRollout,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Taint {
    /// Key, in the form of a label key.
    #[schemars(length(min = 1))]
    pub key: String,
    /// Value, in the form of a label value; absent counts as empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What happens to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaintEffect {
    /// They are not placed there.
    NoSchedule,
    /// They are placed there only if nothing else is left.
    PreferNoSchedule,
    /// They are not placed there, and those that run there are evicted.
    NoExecute,
}

/// How the nodes of a pool are replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodePoolRollout {
    /// How many nodes there may be above the wanted number while nodes are replaced: a number or a percentage.
    #[schemars(schema_with = "int_or_string")]
    pub max_surge: IntOrString,
    /// How many nodes may be missing while nodes are replaced: a number or a percentage. Not 0 together with maxSurge.
    #[schemars(schema_with = "int_or_string")]
    pub max_unavailable: IntOrString,
    /// How long to wait for the pods of a node to move before it is removed with them; 0 waits for ever.
    #[schemars(range(min = 0))]
    pub drain_timeout_seconds: i32,
}

impl Default for NodePoolRollout {
    fn default() -> Self {
        Self {
            max_surge: IntOrString::Int(1),
            max_unavailable: IntOrString::Int(0),
            drain_timeout_seconds: 0,
        }
    }
}

/// Networks and storage of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Networks inside the cluster. Can't be changed once the cluster exists.
    pub network: Network,
    /// Storage that the cluster's workloads may use.
    #[serde(skip_serializing_if = "Storage::is_empty")]
    pub storage: Storage,
}

/// Networks inside a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// Addresses of pods.
    pub pods: IpBlocks,
    /// Addresses of services.
    pub services: IpBlocks,
    /// DNS domain of services.
    #[schemars(length(min = 1))]
    pub service_domain: String,
    /// The network plugin.
    pub cni: Cni,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            pods: IpBlocks {
                cidr_blocks: vec!["192.168.0.0/16".to_owned()],
            },
            services: IpBlocks {
                cidr_blocks: vec!["10.96.0.0/12".to_owned()],
            },
            service_domain: "cluster.local".to_owned(),
            cni: Cni::default(),
        }
    }
}

/// Blocks of IP addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IpBlocks {
    /// One block in CIDR form, or two of different IP families for a dual-stack cluster.
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "atomic"))]
    pub cidr_blocks: Vec<String>,
}

/// The network plugin of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cni {
    /// Name of the plugin. Written as a label on the Cluster, where add-on providers select by it.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

impl Default for Cni {
    fn default() -> Self {
        Self {
            name: "antrea".to_owned(),
        }
    }
}

/// Storage that a cluster's workloads may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Storage {
    /// StorageClasses of the supervisor that the cluster offers to its workloads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_set, length(max = 64))]
    pub classes: Vec<String>,
    /// The one of `classes` that volumes get when they name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub default_class: Option<String>,
}

impl Storage {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.default_class.is_none()
    }
}

fn one() -> i32 {
    1
}

#[cfg(test)]
mod tests;
