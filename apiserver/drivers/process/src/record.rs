//! What the ledger keeps of a VM and of a load balancer.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde::{Deserialize, Serialize};
use vm_driver::{LoadBalancerSpec, ObjectKey, ObjectUid, UserData, VmSpec};

/// A VM as the ledger keeps it. Its user data is secret, so there is no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Vm {
    /// Identity.
    pub(crate) uid: ObjectUid,
    /// The Kubernetes object.
    pub(crate) key: ObjectKey,
    /// Labels, by which load balancers select.
    pub(crate) labels: BTreeMap<String, String>,
    /// Virtual CPUs.
    pub(crate) cpus: u32,
    /// Memory in bytes.
    pub(crate) memory_bytes: u64,
    /// Image; its name carries the Kubernetes version.
    pub(crate) image: String,
    /// Placement.
    pub(crate) zone: Option<String>,
    /// Whether it shall run.
    pub(crate) powered_on: bool,
    /// Whether it is being removed.
    pub(crate) removing: bool,
    /// cloud-init user data.
    pub(crate) user_data: String,
    /// Hardware identity.
    pub(crate) bios_uuid: String,
    /// Its address.
    pub(crate) address: Ipv4Addr,
}

/// A load balancer as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadBalancer {
    /// Identity.
    pub(crate) uid: ObjectUid,
    /// The Kubernetes object.
    pub(crate) key: ObjectKey,
    /// Which VMs stand behind it.
    pub(crate) selector: BTreeMap<String, String>,
    /// Port of clients.
    pub(crate) port: u16,
    /// Port on the VMs.
    pub(crate) target_port: u16,
    /// Its address.
    pub(crate) address: Ipv4Addr,
}

impl Vm {
    /// A VM that was just asked for.
    pub(crate) fn requested(spec: &VmSpec, user_data: &UserData, address: Ipv4Addr) -> Self {
        Self {
            uid: spec.uid.clone(),
            key: ObjectKey {
                namespace: spec.namespace.clone(),
                name: spec.name.clone(),
            },
            labels: spec.labels.clone(),
            cpus: spec.cpus,
            memory_bytes: spec.memory_bytes,
            image: spec.image.clone(),
            zone: spec.zone.clone(),
            powered_on: spec.powered_on,
            removing: false,
            user_data: String::from_utf8_lossy(&user_data.0).into_owned(),
            bios_uuid: uuid::Uuid::new_v4().to_string(),
            address,
        }
    }

    /// Takes over what may change in a spec; whether anything did.
    pub(crate) fn adopt(&mut self, spec: &VmSpec) -> bool {
        let changed = self.labels != spec.labels || self.powered_on != spec.powered_on;
        self.labels.clone_from(&spec.labels);
        self.powered_on = spec.powered_on;
        changed
    }
}

impl LoadBalancer {
    /// A load balancer that was just asked for.
    pub(crate) fn requested(spec: &LoadBalancerSpec, address: Ipv4Addr) -> Self {
        Self {
            uid: spec.uid.clone(),
            key: ObjectKey {
                namespace: spec.namespace.clone(),
                name: spec.name.clone(),
            },
            selector: spec.selector.clone(),
            port: spec.port,
            target_port: spec.target_port,
            address,
        }
    }

    /// Whether the VM stands behind it.
    pub(crate) fn selects(&self, vm: &Vm) -> bool {
        vm.key.namespace == self.key.namespace
            && !self.selector.is_empty()
            && self
                .selector
                .iter()
                .all(|(key, value)| vm.labels.get(key) == Some(value))
    }
}
