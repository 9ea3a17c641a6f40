//! `vmware.infrastructure.cluster.x-k8s.io/v1beta2`: Cluster API's infrastructure objects of CAPV's supervisor mode.

use super::{
    ApiEndpoint, FailureDomain, InfrastructureInitialization, MachineAddress, NoStatus, TemplateMeta, Unknown,
    is_default, resource,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Label of VMs: name of their Cluster.
pub const CLUSTER_NAME_LABEL: &str = "capv.vmware.com/cluster.name";
/// Label of VMs: [`ROLE_CONTROL_PLANE`] or [`ROLE_NODE`].
pub const CLUSTER_ROLE_LABEL: &str = "capv.vmware.com/cluster.role";
/// The older name of [`CLUSTER_NAME_LABEL`], still written.
pub const LEGACY_CLUSTER_NAME_LABEL: &str = "capw.vmware.com/cluster.name";
/// The older name of [`CLUSTER_ROLE_LABEL`], still written.
pub const LEGACY_CLUSTER_ROLE_LABEL: &str = "capw.vmware.com/cluster.role";
/// Role of control-plane VMs.
pub const ROLE_CONTROL_PLANE: &str = "controlplane";
/// Role of worker VMs.
pub const ROLE_NODE: &str = "node";
/// Annotation of VMs: the cluster module group (of the resource policy) that keeps them apart.
pub const MODULE_GROUP_ANNOTATION: &str = "vsphere-cluster-module-group";
/// Annotation of VMs: the tag for host placement.
pub const TAG_ANNOTATION: &str = "vsphere-tag";

/// Conditions of this group's kinds.
pub mod condition {
    /// The sum of what follows.
    pub const READY: &str = "Ready";
    /// The resource policy exists.
    pub const RESOURCE_POLICY_READY: &str = "ResourcePolicyReady";
    /// The cluster network exists.
    pub const NETWORK_READY: &str = "NetworkReady";
    /// The load balancer has an address.
    pub const LOAD_BALANCER_READY: &str = "LoadBalancerReady";
    /// The VM exists, runs, has an address and an identity.
    pub const VIRTUAL_MACHINE_PROVISIONED: &str = "VirtualMachineProvisioned";
}

resource! {
    /// The infrastructure of a cluster: resource policy, network, load balancer.
    VSphereCluster { group: "vmware.infrastructure.cluster.x-k8s.io", version: "v1beta2", plural: "vsphereclusters", spec: VSphereClusterSpec, status: VSphereClusterStatus, conditions }
}

/// What a VSphereCluster is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereClusterSpec {
    /// Where the control plane answers; filled in when the load balancer has an address.
    #[serde(skip_serializing_if = "is_default")]
    pub control_plane_endpoint: ApiEndpoint,
}

/// What a VSphereCluster has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereClusterStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: InfrastructureInitialization,
    /// Where machines can run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failure_domains: Vec<FailureDomain>,
}

resource! {
    /// The infrastructure of a Machine: one VM.
    VSphereMachine { group: "vmware.infrastructure.cluster.x-k8s.io", version: "v1beta2", plural: "vspheremachines", spec: VSphereMachineSpec, status: VSphereMachineStatus, conditions }
}

/// What a VSphereMachine is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereMachineSpec {
    /// Filled in when the VM has an identity: `vsphere://<biosUUID>`.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// The VM's image.
    pub image_name: String,
    /// The VM's class.
    pub class_name: String,
    /// Storage class of its disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// `hard`, `soft` or `trySoft`; hard if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_off_mode: Option<String>,
    /// The rest: volumes, network, hardware version.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What a VSphereMachine has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereMachineStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: InfrastructureInitialization,
    /// The VM's addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<MachineAddress>,
    /// The VM's identity.
    #[serde(rename = "biosUUID", skip_serializing_if = "Option::is_none")]
    pub bios_uuid: Option<String>,
    /// The zone that the VM runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_domain: Option<String>,
    /// `NotFound`, `Pending`, `Created`, `PoweredOn`, `Ready`, `Deleting` or `Error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

resource! {
    /// What VSphereMachines are made from.
    VSphereMachineTemplate { group: "vmware.infrastructure.cluster.x-k8s.io", version: "v1beta2", plural: "vspheremachinetemplates", spec: VSphereMachineTemplateSpec, status: NoStatus }
}

/// A template around a VSphereMachine.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereMachineTemplateSpec {
    /// The template.
    pub template: VSphereMachineTemplateResource,
}

/// What is inside the template.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VSphereMachineTemplateResource {
    /// Labels and annotations of the VSphereMachines.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: TemplateMeta,
    /// Their spec.
    pub spec: VSphereMachineSpec,
}
