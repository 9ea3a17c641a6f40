//! What the ledger keeps of a VM and of a load balancer.

use std::{collections::BTreeMap, net::Ipv4Addr};

use jiff::Timestamp;
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
    /// Class, which capacity counts.
    pub(crate) class: String,
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
    /// cloud-init user data.
    pub(crate) user_data: String,
    /// Hardware identity.
    pub(crate) bios_uuid: String,
    /// How far it is.
    pub(crate) stage: Stage,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Its address, once it has one.
    pub(crate) address: Option<Ipv4Addr>,
}

/// How far a VM is. Each stage holds what the ones before it brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Asked for.
    Requested,
    /// It exists.
    Created,
    /// It is powered on.
    PoweredOn,
    /// Its guest system runs and has an address; a control plane's API server answers.
    Booted,
    /// Its Node is registered.
    Joined,
    /// It is being removed.
    Removing,
}

/// A load balancer as the ledger keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadBalancer {
    /// Identity; also names the guest's keyspace.
    pub(crate) uid: ObjectUid,
    /// The Kubernetes object.
    pub(crate) key: ObjectKey,
    /// Which VMs stand behind it.
    pub(crate) selector: BTreeMap<String, String>,
    /// Port of clients.
    pub(crate) port: u16,
    /// Its address.
    pub(crate) address: Option<Ipv4Addr>,
    /// A control plane was initialized behind it.
    pub(crate) initialized: bool,
}

impl Vm {
    /// A VM that was just asked for.
    pub(crate) fn requested(spec: &VmSpec, user_data: &UserData, bios_uuid: String, now: Timestamp) -> Self {
        Self {
            uid: spec.uid.clone(),
            key: ObjectKey {
                namespace: spec.namespace.clone(),
                name: spec.name.clone(),
            },
            labels: spec.labels.clone(),
            class: spec.class.clone(),
            cpus: spec.cpus,
            memory_bytes: spec.memory_bytes,
            image: spec.image.clone(),
            zone: spec.zone.clone(),
            powered_on: spec.powered_on,
            user_data: String::from_utf8_lossy(&user_data.0).into_owned(),
            bios_uuid,
            stage: Stage::Requested,
            since: now,
            address: None,
        }
    }

    /// Takes over what may change in a spec; whether anything did.
    pub(crate) fn adopt(&mut self, spec: &VmSpec) -> bool {
        let changed = self.labels != spec.labels || self.powered_on != spec.powered_on;
        self.labels.clone_from(&spec.labels);
        self.powered_on = spec.powered_on;
        changed
    }

    /// Goes to a stage.
    pub(crate) fn enter(&mut self, stage: Stage, now: Timestamp) {
        self.stage = stage;
        self.since = now;
    }

    /// Whether it runs with its guest system up.
    pub(crate) fn is_up(&self) -> bool {
        self.powered_on && matches!(self.stage, Stage::Booted | Stage::Joined)
    }

    /// The Kubernetes version that its image brings, such as `v1.34.2`.
    pub(crate) fn kubernetes_version(&self) -> Option<&str> {
        guest_system::version::of_image(&self.image)
    }
}

impl LoadBalancer {
    /// A load balancer that was just asked for.
    pub(crate) fn requested(spec: &LoadBalancerSpec) -> Self {
        Self {
            uid: spec.uid.clone(),
            key: ObjectKey {
                namespace: spec.namespace.clone(),
                name: spec.name.clone(),
            },
            selector: spec.selector.clone(),
            port: spec.port,
            address: None,
            initialized: false,
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn vm(name: &str) -> Vm {
        Vm {
            uid: ObjectUid(format!("uid-{name}")),
            key: ObjectKey {
                namespace: "team-a".to_owned(),
                name: name.to_owned(),
            },
            labels: BTreeMap::from([("role".to_owned(), "controlplane".to_owned())]),
            class: "small".to_owned(),
            cpus: 2,
            memory_bytes: 1 << 32,
            image: "photon-5-kubernetes-v1.34.2".to_owned(),
            zone: None,
            powered_on: true,
            user_data: String::new(),
            bios_uuid: "4210f0e1".to_owned(),
            stage: Stage::Requested,
            since: Timestamp::UNIX_EPOCH,
            address: None,
        }
    }

    #[test]
    fn a_load_balancer_selects_by_labels_within_its_namespace() {
        let balancer = LoadBalancer {
            uid: ObjectUid("lb".to_owned()),
            key: ObjectKey {
                namespace: "team-a".to_owned(),
                name: "dev".to_owned(),
            },
            selector: BTreeMap::from([("role".to_owned(), "controlplane".to_owned())]),
            port: 6443,
            address: None,
            initialized: false,
        };
        assert!(balancer.selects(&vm("a")));
        let mut elsewhere = vm("a");
        elsewhere.key.namespace = "team-b".to_owned();
        assert!(!balancer.selects(&elsewhere));
    }
}
