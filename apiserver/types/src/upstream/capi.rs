//! `cluster.x-k8s.io/v1beta2`: Cluster, Machine and the kinds that keep sets of Machines.

use super::{ApiEndpoint, ContractReference, FailureDomain, MachineAddress, TemplateMeta, is_default, resource};
use k8s_openapi::api::core::v1::NodeSystemInfo;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};

/// Label on everything that belongs to a Cluster: its name.
pub const CLUSTER_NAME_LABEL: &str = "cluster.x-k8s.io/cluster-name";
/// Label (empty value) of control-plane Machines.
pub const CONTROL_PLANE_LABEL: &str = "cluster.x-k8s.io/control-plane";
/// Label of control-plane Machines: the name of their control plane object.
pub const CONTROL_PLANE_NAME_LABEL: &str = "cluster.x-k8s.io/control-plane-name";
/// Label of a Machine: the MachineSet that made it.
pub const SET_NAME_LABEL: &str = "cluster.x-k8s.io/set-name";
/// Label of a MachineSet or Machine: the MachineDeployment it belongs to.
pub const DEPLOYMENT_NAME_LABEL: &str = "cluster.x-k8s.io/deployment-name";
/// Label that tells the MachineSets of one MachineDeployment apart.
pub const TEMPLATE_HASH_LABEL: &str = "machine-template-hash";
/// Annotation on MachineSets and MachineDeployments: number of the rollout.
pub const REVISION_ANNOTATION: &str = "machinedeployment.clusters.x-k8s.io/revision";
/// Annotation on a Machine that asks its set to delete it first.
pub const DELETE_MACHINE_ANNOTATION: &str = "cluster.x-k8s.io/delete-machine";
/// Annotation on any object of a cluster that stops its reconciliation.
pub const PAUSED_ANNOTATION: &str = "cluster.x-k8s.io/paused";
/// Annotation on Machines: the owner must replace it.
pub const REMEDIATE_MACHINE_ANNOTATION: &str = "cluster.x-k8s.io/remediate-machine";
/// Type of the Secrets that Cluster API keeps.
pub const SECRET_TYPE: &str = "cluster.x-k8s.io/secret";

/// Conditions of this group's kinds.
pub mod condition {
    /// The sum of what follows.
    pub const READY: &str = "Ready";
    /// Ready for `minReadySeconds`, or usable.
    pub const AVAILABLE: &str = "Available";
    /// The infrastructure object is complete.
    pub const INFRASTRUCTURE_READY: &str = "InfrastructureReady";
    /// Bootstrap data exists.
    pub const BOOTSTRAP_CONFIG_READY: &str = "BootstrapConfigReady";
    /// The Node exists and reports itself well.
    pub const NODE_HEALTHY: &str = "NodeHealthy";
    /// The Node's own Ready condition.
    pub const NODE_READY: &str = "NodeReady";
    /// The Machine matches what its owner wants.
    pub const UP_TO_DATE: &str = "UpToDate";
    /// A deletion is under way.
    pub const DELETING: &str = "Deleting";
    /// Reconciliation is stopped.
    pub const PAUSED: &str = "Paused";
    /// The control plane answered once.
    pub const CONTROL_PLANE_INITIALIZED: &str = "ControlPlaneInitialized";
    /// The control plane is usable.
    pub const CONTROL_PLANE_AVAILABLE: &str = "ControlPlaneAvailable";
    /// All control-plane Machines are ready.
    pub const CONTROL_PLANE_MACHINES_READY: &str = "ControlPlaneMachinesReady";
    /// All control-plane Machines match their spec.
    pub const CONTROL_PLANE_MACHINES_UP_TO_DATE: &str = "ControlPlaneMachinesUpToDate";
    /// The workers are usable.
    pub const WORKERS_AVAILABLE: &str = "WorkersAvailable";
    /// All worker Machines are ready.
    pub const WORKER_MACHINES_READY: &str = "WorkerMachinesReady";
    /// All worker Machines match their spec.
    pub const WORKER_MACHINES_UP_TO_DATE: &str = "WorkerMachinesUpToDate";
    /// The guest's API server answers us.
    pub const REMOTE_CONNECTION_PROBE: &str = "RemoteConnectionProbe";
    /// All Machines of a set are ready.
    pub const MACHINES_READY: &str = "MachinesReady";
    /// All Machines of a set match its spec.
    pub const MACHINES_UP_TO_DATE: &str = "MachinesUpToDate";
    /// Machines are being replaced.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// Machines are being added.
    pub const SCALING_UP: &str = "ScalingUp";
    /// Machines are being removed.
    pub const SCALING_DOWN: &str = "ScalingDown";
}

resource! {
    /// A Kubernetes cluster.
    Cluster { group: "cluster.x-k8s.io", version: "v1beta2", plural: "clusters", spec: ClusterSpec, status: ClusterStatus, conditions }
}

/// What a Cluster is made of.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkRanges {
    /// One block, or two of different IP families.
    pub cidr_blocks: Vec<String>,
}

/// What a Cluster is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VersionCount {
    /// Kubernetes version, with the leading v.
    pub version: String,
    /// Number of Machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
}

resource! {
    /// One machine that becomes one node.
    Machine { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machines", spec: MachineSpec, status: MachineStatus, conditions }
}

/// What a Machine is made of.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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

/// A taint that a Machine gives its Node.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
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
    pub node_info: Option<NodeSystemInfo>,
    /// Copied from the infrastructure object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<MachineAddress>,
    /// Copied from the infrastructure object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// When the serving certificate of a control-plane machine ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates_expiry_date: Option<Time>,
    /// `Pending`, `Provisioning`, `Provisioned`, `Running`, `Updating`, `Deleting`, `Deleted`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// When the phase last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// How far a deletion is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion: Option<MachineDeletionStatus>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// `status.initialization` of a Machine.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeReference {
    /// Name of the Node in the guest.
    pub name: String,
}

/// How far a Machine's deletion is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeletionStatus {
    /// When draining began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_drain_start_time: Option<Time>,
    /// When waiting for volumes began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for_node_volume_detach_start_time: Option<Time>,
}

/// What Machines are made from.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineTemplate {
    /// Labels and annotations of the Machines.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: TemplateMeta,
    /// Their spec; its references name templates.
    pub spec: MachineSpec,
}

/// In which order a set deletes Machines.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeletionOrder {
    /// `Random`, `Newest` or `Oldest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

resource! {
    /// A number of equal Machines.
    MachineSet { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinesets", spec: MachineSetSpec, status: MachineSetStatus, conditions }
}

/// What a MachineSet keeps.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSetSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// Number of Machines; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The Machines it counts.
    pub selector: LabelSelector,
    /// What it makes Machines from.
    pub template: MachineTemplate,
    /// Which Machines go first.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: DeletionOrder,
}

/// What a MachineSet has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSetStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The selector as a string, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Machines that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Those that are Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Those that are Available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// Those that match the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_date_replicas: Option<i32>,
    /// How many run which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionCount>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

resource! {
    /// A number of equal Machines that can be rolled over to a new template.
    MachineDeployment { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinedeployments", spec: MachineDeploymentSpec, status: MachineDeploymentStatus, conditions }
}

/// What a MachineDeployment keeps.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// Number of Machines; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How a new template is rolled out.
    #[serde(skip_serializing_if = "is_default")]
    pub rollout: MachineDeploymentRollout,
    /// The Machines it counts.
    pub selector: LabelSelector,
    /// What it makes Machines from.
    pub template: MachineTemplate,
    /// Which Machines go first.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: DeletionOrder,
    /// Stops rollouts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// How a MachineDeployment rolls out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentRollout {
    /// Replace everything older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
    /// The strategy.
    #[serde(skip_serializing_if = "is_default")]
    pub strategy: RolloutStrategy,
}

/// `RollingUpdate` with its bounds, or `OnDelete`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// `RollingUpdate` or `OnDelete`; the former if absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Bounds of a rolling update.
    #[serde(skip_serializing_if = "is_default")]
    pub rolling_update: RollingUpdate,
}

/// Bounds of a rolling update.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdate {
    /// How many may be unavailable; rounded down from a percentage; 0 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// How many may exist above the wanted number; rounded up from a percentage; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
}

/// What a MachineDeployment has.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The selector as a string, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Machines that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Those that are Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Those that are Available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// Those that match the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_date_replicas: Option<i32>,
    /// How many run which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionCount>,
    /// `ScalingUp`, `ScalingDown`, `Running`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

resource! {
    /// Finds Machines that are not well and has them replaced.
    MachineHealthCheck { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinehealthchecks", spec: MachineHealthCheckSpec, status: MachineHealthCheckStatus, conditions }
}

/// What a MachineHealthCheck watches.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineHealthCheckSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// The Machines it watches.
    pub selector: LabelSelector,
    /// What counts as unwell.
    #[serde(skip_serializing_if = "is_default")]
    pub checks: HealthChecks,
    /// When replacing is allowed.
    #[serde(skip_serializing_if = "is_default")]
    pub remediation: HealthRemediation,
}

/// What counts as unwell.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthChecks {
    /// How long a Node may take to appear; 0 never gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_startup_timeout_seconds: Option<i32>,
    /// Conditions of the Node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_node_conditions: Vec<UnhealthyCondition>,
    /// Conditions of the Machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_machine_conditions: Vec<UnhealthyCondition>,
}

/// A condition that must not last.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UnhealthyCondition {
    /// Condition type.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// How long it may last.
    pub timeout_seconds: i32,
}

/// When replacing is allowed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthRemediation {
    /// Bounds on how many are unwell.
    #[serde(skip_serializing_if = "is_default")]
    pub trigger_if: RemediationTrigger,
}

/// Bounds on how many are unwell.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemediationTrigger {
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_less_than_or_equal_to: Option<IntOrString>,
    /// Within `[min-max]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_in_range: Option<String>,
}

/// What a MachineHealthCheck found.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineHealthCheckStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Machines that it watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_machines: Option<i32>,
    /// Those that are well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_healthy: Option<i32>,
    /// How many more may be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediations_allowed: Option<i32>,
    /// Names of the Machines that it watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
