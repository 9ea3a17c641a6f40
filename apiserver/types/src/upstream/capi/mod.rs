//! `cluster.x-k8s.io/v1beta2`: Cluster, Machine and the kinds that keep sets of Machines.

mod cluster;
mod machine;
mod machine_deployment;
mod machine_health_check;
mod machine_set;

pub use cluster::{
    Cluster, ClusterInitialization, ClusterNetwork, ClusterSpec, ClusterStatus, NetworkRanges, ReplicaCounts,
    VersionCount,
};
pub use machine::{
    Bootstrap, DeletionOrder, Machine, MachineDeletionSpec, MachineDeletionStatus, MachineInitialization, MachineSpec,
    MachineStatus, MachineTaint, MachineTemplate, NodeReference,
};
pub use machine_deployment::{
    MachineDeployment, MachineDeploymentRemediation, MachineDeploymentRollout, MachineDeploymentSpec,
    MachineDeploymentStatus, RollingUpdate, RolloutStrategy,
};
pub use machine_health_check::{
    HealthChecks, HealthRemediation, MachineHealthCheck, MachineHealthCheckSpec, MachineHealthCheckStatus,
    RemediationTemplate, RemediationTrigger, UnhealthyCondition,
};
pub use machine_set::{MachineSet, MachineSetSpec, MachineSetStatus};

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
/// Annotation on Machines: health checks leave it alone.
pub const SKIP_REMEDIATION_ANNOTATION: &str = "cluster.x-k8s.io/skip-remediation";
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
    /// Machines could be made; a condition of the older contract.
    pub const MACHINES_CREATED: &str = "MachinesCreated";
    /// Machines are being replaced.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// The Machine is being changed in place.
    pub const UPDATING: &str = "Updating";
    /// Machines are being added.
    pub const SCALING_UP: &str = "ScalingUp";
    /// Machines are being removed.
    pub const SCALING_DOWN: &str = "ScalingDown";
    /// Unwell Machines are being replaced.
    pub const REMEDIATING: &str = "Remediating";
    /// A health check found nothing wrong with the Machine.
    pub const HEALTH_CHECK_SUCCEEDED: &str = "HealthCheckSucceeded";
    /// False while the Machine waits for its owner to replace it.
    pub const OWNER_REMEDIATED: &str = "OwnerRemediated";
    /// Few enough Machines are unwell for a health check to have them replaced.
    pub const REMEDIATION_ALLOWED: &str = "RemediationAllowed";
}
