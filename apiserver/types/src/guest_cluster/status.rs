//! What is true of a `GuestCluster`, as the guest layer last saw it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{conditions, list_map, list_set, plain, timestamp};

/// What is true of a guest cluster, as last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = plain)]
pub struct GuestClusterStatus {
    /// The `metadata.generation` that this status answers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Identity of the guest: the UID of its first GuestCluster. Its objects carry it as label `guestclusters.dev/guest-uid`.
    #[serde(rename = "guestUID", skip_serializing_if = "Option::is_none")]
    pub guest_uid: Option<String>,
    /// Where the cluster is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// One sentence: what happens, or what blocks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What keeps the cluster from being Ready; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<BlockedBy>,
    /// The operation that runs, or the last one that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<DistributionStatus>,
    /// Where the cluster's API answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_endpoint: Option<ApiEndpoint>,
    /// The control plane in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlaneStatus>,
    /// The node pools in numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_map(&["name"]))]
    pub node_pools: Vec<NodePoolStatus>,
    /// Worker nodes that exist, over all pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// What holds and what does not, with reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
}

/// What keeps a cluster from being Ready: the lowest object that says why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockedBy {
    /// Kind of the object, such as VirtualMachine. A Node is one of the cluster itself.
    pub kind: String,
    /// Its name; its namespace is the GuestCluster's.
    pub name: String,
    /// One word, as the object says it.
    pub reason: String,
    /// The same in a sentence, as the object says it; empty where it says no more.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What to do next.
    pub advice: String,
    /// How many other objects block as well.
    pub others: i32,
}

/// Where a cluster is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing exists yet: something that the cluster needs is missing.
    Pending,
    /// It is being created.
    Provisioning,
    /// It is created, and as the spec asks.
    Running,
    /// It is being scaled or upgraded.
    Updating,
    /// It is being deleted.
    Deleting,
    /// It can't go on until somebody changes something.
    Failed,
}

impl Phase {
    /// All phases, in the order of a life.
    pub const ALL: [Phase; 6] = [
        Phase::Pending,
        Phase::Provisioning,
        Phase::Running,
        Phase::Updating,
        Phase::Deleting,
        Phase::Failed,
    ];
}

/// An operation on a cluster and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// What is done.
    pub kind: OperationKind,
    /// Steps completed.
    pub step: i32,
    /// Steps in all.
    pub of: i32,
    /// The step that is being worked on; when all are completed, the last one.
    pub name: String,
    /// When the operation began.
    #[schemars(schema_with = "timestamp")]
    pub since: Time,
}

impl Operation {
    /// Whether all steps are completed.
    pub fn is_complete(&self) -> bool {
        self.step >= self.of
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OperationKind {
    /// The cluster comes into being.
    Create,
    /// Nodes are added or removed.
    Scale,
    /// Nodes are replaced, by another version or other machines.
    Upgrade,
    /// The cluster goes.
    Delete,
}

/// The Kubernetes version of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct DistributionStatus {
    /// The full version that the cluster runs; during an upgrade, the one it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The full version that an upgrade goes to; absent when none runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Full versions that the cluster could be upgraded to, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_set)]
    pub updates_available: Vec<String>,
}

/// Where a cluster's API answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiEndpoint {
    /// Address or DNS name.
    pub host: String,
    /// Port.
    pub port: i32,
}

impl std::fmt::Display for ApiEndpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            return write!(formatter, "[{}]:{}", self.host, self.port);
        }
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// The control plane in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ControlPlaneStatus {
    /// Nodes wanted.
    pub desired: i32,
    /// Nodes that are Ready.
    pub ready: i32,
    /// Nodes that are Ready and as the spec asks, also in version.
    pub up_to_date: i32,
}

/// A node pool in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct NodePoolStatus {
    /// Name of the pool.
    pub name: String,
    /// Nodes wanted.
    pub desired: i32,
    /// Nodes that are Ready.
    pub ready: i32,
    /// Nodes that are Ready and as the spec asks, also in version.
    pub up_to_date: i32,
}
