//! Cluster: the root of everything that Cluster API keeps for one Kubernetes cluster.

use crate::upstream::{ApiEndpoint, ContractReference, FailureDomain, is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// A Kubernetes cluster.
    Cluster { group: "cluster.x-k8s.io", version: "v1beta2", plural: "clusters", spec: ClusterSpec, status: ClusterStatus, conditions }
}

/// What a Cluster is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Stops reconciliation of everything in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Address ranges and DNS domain.
    #[serde(skip_serializing_if = "is_default")]
    pub cluster_network: ClusterNetwork,
    /// Copied from the infrastructure object when it is known there.
    #[serde(skip_serializing_if = "is_default")]
    pub control_plane_endpoint: ApiEndpoint,
    /// The control plane object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_ref: Option<ContractReference>,
    /// The infrastructure object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_ref: Option<ContractReference>,
}

/// Address ranges and DNS domain of a cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterNetwork {
    /// Port of the API server on each control-plane machine; 6443 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server_port: Option<i32>,
    /// Service addresses.
    #[serde(skip_serializing_if = "is_default")]
    pub services: NetworkRanges,
    /// Pod addresses.
    #[serde(skip_serializing_if = "is_default")]
    pub pods: NetworkRanges,
    /// DNS domain of services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_domain: Option<String>,
}

/// A list of CIDRs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkRanges {
    /// One block, or two of different IP families.
    pub cidr_blocks: Vec<String>,
}

/// What a Cluster is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: ClusterInitialization,
    /// Counts of control-plane Machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ReplicaCounts>,
    /// Counts of worker Machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<ReplicaCounts>,
    /// Copied from the infrastructure object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure_domains: Vec<FailureDomain>,
    /// `Pending`, `Provisioning`, `Provisioned`, `Deleting`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// `status.initialization` of a Cluster.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterInitialization {
    /// Network and load balancer are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_provisioned: Option<bool>,
    /// The control plane accepts requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_initialized: Option<bool>,
}

/// Counts of Machines.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReplicaCounts {
    /// Machines asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_replicas: Option<i32>,
    /// Machines that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Those that match the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_date_replicas: Option<i32>,
    /// Those that are Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Those that are Available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// How many run which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionCount>,
}

/// How many Machines run a version.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VersionCount {
    /// Kubernetes version, with the leading v.
    pub version: String,
    /// Number of Machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
}
