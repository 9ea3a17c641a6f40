//! The VM driver trait: what the VM layer runs virtual machines with.
//!
//! A driver is told the whole desired state of a VM or load balancer and makes it so; every call is idempotent by the UID of
//! the Kubernetes object, so a repeat after a crash doubles nothing. Calls return at once with what is true now; progress
//! arrives as [`Changed`] events, after which the caller asks again.

use std::{collections::BTreeMap, net::IpAddr};

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

/// UID of the Kubernetes object (VirtualMachine or VirtualMachineService) that a thing in the driver belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectUid(pub String);

/// The desired state of one VM.
#[derive(Clone, Debug)]
pub struct VmSpec {
    /// UID of the VirtualMachine: the identity in the driver.
    pub uid: ObjectUid,
    /// Namespace of the VirtualMachine.
    pub namespace: String,
    /// Name of the VirtualMachine; also the host name.
    pub name: String,
    /// Labels of the VirtualMachine; load balancers select by them.
    pub labels: BTreeMap<String, String>,
    /// Name of the VM class.
    pub class: String,
    /// Virtual CPUs of the class.
    pub cpus: u32,
    /// Memory of the class, bytes.
    pub memory_bytes: u64,
    /// Image name.
    pub image: String,
    /// Storage class.
    pub storage_class: String,
    /// Failure domain that placement must use, if any.
    pub zone: Option<String>,
    /// Whether it should run.
    pub powered_on: bool,
    /// cloud-init user data. Secret: never logged. None when the VM was created before: it keeps what it has.
    pub user_data: Option<UserData>,
}

/// cloud-init user data, which carries keys and tokens; `Debug` shows only its length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserData(pub Vec<u8>);

impl std::fmt::Debug for UserData {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "UserData({} bytes)", self.0.len())
    }
}

/// What is true of a VM now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VmState {
    /// The VM exists in the driver.
    pub created: bool,
    /// It runs.
    pub powered_on: bool,
    /// Its primary address, once the guest system has one.
    pub address: Option<IpAddr>,
    /// Stable hardware identity; the provider id is `vsphere://<bios_uuid>`.
    pub bios_uuid: Option<String>,
    /// Where it was placed.
    pub zone: Option<String>,
    /// What keeps it from the next step, if anything does.
    pub blocked: Option<Blocked>,
}

/// Why a VM or load balancer makes no progress. Reason and message travel up to the GuestCluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The VM Operator condition it belongs to, such as `VirtualMachineConditionPlacementReady`.
    pub condition: String,
    /// CamelCase reason, such as `NotEnoughResources`.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
}

/// The desired state of one load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerSpec {
    /// UID of the VirtualMachineService.
    pub uid: ObjectUid,
    /// Namespace of the service; only VMs of it are selected.
    pub namespace: String,
    /// Name of the service.
    pub name: String,
    /// Which VMs it balances to.
    pub selector: BTreeMap<String, String>,
    /// Port that clients use.
    pub port: u16,
    /// Port on the VMs.
    pub target_port: u16,
}

/// What is true of a load balancer now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadBalancerState {
    /// Its address, once it has one.
    pub address: Option<IpAddr>,
    /// What keeps it from having one.
    pub blocked: Option<Blocked>,
}

/// How far a removal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nothing of it is left.
    Gone,
    /// Still going; a [`Changed`] event follows.
    InProgress,
}

/// Something about this VM or load balancer changed: reconcile it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A VM.
    Vm(ObjectKey),
    /// A load balancer.
    LoadBalancer(ObjectKey),
}

/// Namespace and name of the Kubernetes object, as the last spec gave them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A driver call failed; the caller tries again with back-off.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DriverError {
    /// What failed, without secrets.
    pub message: String,
}

/// Runs virtual machines.
#[async_trait]
pub trait Driver: Send + Sync + 'static {
    /// Creates or changes the VM and says what is true now.
    async fn ensure_vm(&self, spec: &VmSpec) -> Result<VmState, DriverError>;

    /// Removes the VM; `Gone` also when it never existed.
    async fn remove_vm(&self, uid: &ObjectUid) -> Result<Removal, DriverError>;

    /// Every VM that exists in the driver, to find what was leaked.
    async fn vms(&self) -> Result<Vec<ObjectUid>, DriverError>;

    /// Creates or changes the load balancer and says what is true now.
    async fn ensure_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerState, DriverError>;

    /// Removes the load balancer; `Gone` also when it never existed.
    async fn remove_load_balancer(&self, uid: &ObjectUid) -> Result<Removal, DriverError>;

    /// Changes from now on. A receiver that falls behind gets every object again. Polled once, it starts to listen: subscribe
    /// before the first `ensure_vm`.
    fn changes(&self) -> BoxStream<'static, Changed>;
}
