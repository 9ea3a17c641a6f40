//! `vmoperator.vmware.com/v1alpha5`: VM Operator's kinds, as CAPV 1.16 writes and reads them.

use super::{Unknown, is_default, resource};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Conditions of a VirtualMachine.
pub mod condition {
    /// The VM exists in the infrastructure.
    pub const CREATED: &str = "VirtualMachineCreated";
    /// Its class exists.
    pub const CLASS_READY: &str = "VirtualMachineClassReady";
    /// Its image exists.
    pub const IMAGE_READY: &str = "VirtualMachineImageReady";
    /// Its resource policy exists.
    pub const SET_RESOURCE_POLICY_READY: &str = "VirtualMachineConditionVMSetResourcePolicyReady";
    /// Its bootstrap data exists.
    pub const BOOTSTRAP_READY: &str = "VirtualMachineBootstrapReady";
    /// Its storage class is usable.
    pub const STORAGE_READY: &str = "VirtualMachineStorageReady";
    /// Its network is usable.
    pub const NETWORK_READY: &str = "VirtualMachineNetworkReady";
    /// A host was found.
    pub const PLACEMENT_READY: &str = "VirtualMachineConditionPlacementReady";
    /// The image is on the datastore.
    pub const IMAGE_CACHE_READY: &str = "VirtualMachineConditionImageCacheReady";
    /// It is encrypted as asked for.
    pub const ENCRYPTION_SYNCED: &str = "VirtualMachineEncryptionSynced";
    /// Its controllers and disks are those asked for.
    pub const HARDWARE_VERIFIED: &str = "VirtualMachineHardwareDeviceConfigVerified";
    /// It is switched on or off as asked for.
    pub const POWER_STATE_SYNCED: &str = "VirtualMachinePowerStateSynced";
    /// VMware Tools run in its guest system.
    pub const TOOLS: &str = "VirtualMachineTools";
    /// Its guest system has the addresses that were asked for.
    pub const GUEST_NETWORK_SYNCED: &str = "VirtualMachineGuestNetworkConfigSynced";
    /// Its guest system took over name and network.
    pub const GUEST_CUSTOMIZATION: &str = "GuestCustomization";
    /// Its guest system did what the bootstrap data says.
    pub const GUEST_BOOTSTRAP: &str = "GuestBootstrap";
    /// VM Operator looks after it; not while it is paused.
    pub const RECONCILE_READY: &str = "VirtualMachineReconcileReady";
    /// What must hold before [`CREATED`] can, in the order in which a reason is looked for.
    pub const PREREQUISITES: [&str; 7] = [
        CLASS_READY,
        IMAGE_READY,
        SET_RESOURCE_POLICY_READY,
        BOOTSTRAP_READY,
        STORAGE_READY,
        NETWORK_READY,
        PLACEMENT_READY,
    ];
}

resource! {
    /// A virtual machine.
    VirtualMachine { group: "vmoperator.vmware.com", version: "v1alpha5", plural: "virtualmachines", spec: VirtualMachineSpec, status: VirtualMachineStatus, conditions }
}

/// What a VirtualMachine is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineSpec {
    /// How the guest OS is set up.
    #[serde(skip_serializing_if = "is_default")]
    pub bootstrap: VirtualMachineBootstrap,
    /// Name of the VirtualMachineClass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Name of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Name of the storage class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// `PoweredOn`, `PoweredOff` or `Suspended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_state: Option<String>,
    /// `Hard`, `Soft` or `TrySoft`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_off_mode: Option<String>,
    /// Settings reserved for services on top.
    #[serde(skip_serializing_if = "is_default")]
    pub reserved: VirtualMachineReserved,
    /// How readiness is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness_probe: Option<ReadinessProbe>,
    /// At least this virtual hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_hardware_version: Option<i32>,
    /// The rest: volumes, network, policies.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// How the guest OS is set up.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineBootstrap {
    /// By cloud-init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInitBootstrap>,
    /// By something else.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// cloud-init's input.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CloudInitBootstrap {
    /// The Secret with the cloud-config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_cloud_config: Option<SecretKeySelector>,
}

/// A key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretKeySelector {
    /// Name of the Secret.
    pub name: String,
    /// Key in its data. CAPV writes `user-data` although its Secrets have `value`: readers fall back to that.
    pub key: String,
}

/// Settings reserved for services on top.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineReserved {
    /// Name of the VirtualMachineSetResourcePolicy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_policy_name: Option<String>,
}

/// How readiness is probed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReadinessProbe {
    /// By connecting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_socket: Option<TcpSocketProbe>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A probe that connects.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TcpSocketProbe {
    /// TCP port, by number or name.
    #[serde(deserialize_with = "crate::upstream::lenient::int_or_string")]
    pub port: IntOrString,
}

/// What a VirtualMachine is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// `PoweredOn`, `PoweredOff` or `Suspended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_state: Option<String>,
    /// Addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<VirtualMachineNetworkStatus>,
    /// Identity that the guest OS can read; becomes the Node's providerID.
    #[serde(rename = "biosUUID", skip_serializing_if = "Option::is_none")]
    pub bios_uuid: Option<String>,
    /// Identity in the infrastructure.
    #[serde(rename = "instanceUUID", skip_serializing_if = "Option::is_none")]
    pub instance_uuid: Option<String>,
    /// The infrastructure's own id.
    #[serde(rename = "uniqueID", skip_serializing_if = "Option::is_none")]
    pub unique_id: Option<String>,
    /// The zone it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The host it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
}

/// Addresses of a VirtualMachine.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineNetworkStatus {
    /// Host name of the guest OS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The IPv4 address that others use.
    #[serde(rename = "primaryIP4", skip_serializing_if = "Option::is_none")]
    pub primary_ip4: Option<String>,
    /// The IPv6 address that others use.
    #[serde(rename = "primaryIP6", skip_serializing_if = "Option::is_none")]
    pub primary_ip6: Option<String>,
}

resource! {
    /// A service in front of virtual machines.
    VirtualMachineService { group: "vmoperator.vmware.com", version: "v1alpha5", plural: "virtualmachineservices", spec: VirtualMachineServiceSpec, status: VirtualMachineServiceStatus }
}

/// What a VirtualMachineService offers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineServiceSpec {
    /// `LoadBalancer`, `ClusterIP` or `ExternalName`.
    #[serde(rename = "type")]
    pub type_: String,
    /// Ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<VirtualMachineServicePort>,
    /// Labels of the VMs behind it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub selector: BTreeMap<String, String>,
}

/// A port of a VirtualMachineService.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineServicePort {
    /// Name, unique in the list.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port of the service.
    pub port: i32,
    /// Port of the VMs.
    pub target_port: i32,
}

/// What a VirtualMachineService has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineServiceStatus {
    /// The load balancer.
    #[serde(skip_serializing_if = "is_default")]
    pub load_balancer: LoadBalancerStatus,
}

/// A load balancer's addresses.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerStatus {
    /// Addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// An address of a load balancer.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoadBalancerIngress {
    /// IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// DNS name; ignored by CAPV.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
}

resource! {
    /// Resource pool, folder and anti-affinity groups of a set of VMs.
    VirtualMachineSetResourcePolicy { group: "vmoperator.vmware.com", version: "v1alpha5", plural: "virtualmachinesetresourcepolicies", spec: VirtualMachineSetResourcePolicySpec, status: VirtualMachineSetResourcePolicyStatus }
}

/// What a VirtualMachineSetResourcePolicy asks for.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineSetResourcePolicySpec {
    /// The resource pool.
    #[serde(skip_serializing_if = "is_default")]
    pub resource_pool: ResourcePool,
    /// Name of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Names of the anti-affinity groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_module_groups: Vec<String>,
}

/// A resource pool.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourcePool {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is kept for it.
    #[serde(skip_serializing_if = "is_default")]
    pub reservations: ResourceAmounts,
    /// What it may use at most; 0 is no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: ResourceAmounts,
}

/// Amounts of CPU and memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// What a VirtualMachineSetResourcePolicy has; nobody above waits for it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineSetResourcePolicyStatus {
    /// As it came.
    #[serde(flatten)]
    pub unknown: Unknown,
}

resource! {
    /// Size of virtual machines.
    VirtualMachineClass { group: "vmoperator.vmware.com", version: "v1alpha5", plural: "virtualmachineclasses", spec: VirtualMachineClassSpec, status: VirtualMachineClassStatus }
}

/// What a VirtualMachineClass gives.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineClassSpec {
    /// CPUs and memory.
    #[serde(skip_serializing_if = "is_default")]
    pub hardware: VirtualMachineClassHardware,
    /// Reservations and limits.
    #[serde(skip_serializing_if = "is_default")]
    pub policies: VirtualMachineClassPolicies,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// CPUs and memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineClassHardware {
    /// Number of virtual CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<i64>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// Reservations and limits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineClassPolicies {
    /// Of CPU and memory.
    #[serde(skip_serializing_if = "is_default")]
    pub resources: VirtualMachineClassResources,
}

/// Reservations and limits of CPU and memory.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineClassResources {
    /// What is kept for the VM.
    #[serde(skip_serializing_if = "is_default")]
    pub requests: ResourceAmounts,
    /// What it may use at most.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: ResourceAmounts,
}

/// Upstream's class has an empty status.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VirtualMachineClassStatus {}
