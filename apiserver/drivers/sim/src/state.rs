//! What is true now: VMs and load balancers by UID, and how they stand to each other.

use std::{
    collections::{HashMap, HashSet},
    net::Ipv4Addr,
    sync::Arc,
};

use tokio::sync::Mutex;
use vm_driver::{Blocked, Changed, ObjectUid};

use crate::{
    config::Config,
    record::{LoadBalancer, Stage, Vm},
};

/// What is true now; the ledger has the same.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) vms: HashMap<ObjectUid, Vm>,
    pub(crate) balancers: HashMap<ObjectUid, LoadBalancer>,
    /// Why the last step of a VM failed, and how often in a row.
    pub(crate) troubles: HashMap<ObjectUid, (Blocked, u32)>,
    /// VMs with a timer.
    pub(crate) waiting: HashSet<ObjectUid>,
    pub(crate) locks: HashMap<ObjectUid, Arc<Mutex<()>>>,
}

impl State {
    /// Whether the class of a VM has room for it; one that is placed keeps its room.
    pub(crate) fn has_room(&self, vm: &Vm, config: &Config) -> bool {
        let Some(capacity) = config.capacity.get(&vm.class) else {
            return true;
        };
        let placed = self.vms.values().filter(|other| {
            other.class == vm.class && other.uid != vm.uid && !matches!(other.stage, Stage::Requested | Stage::Removing)
        });
        placed.count() < *capacity
    }

    /// The load balancer and the control-plane VMs that hold the guest's data.
    pub(crate) fn members(&self, uid: &ObjectUid) -> Option<(LoadBalancer, Vec<Vm>)> {
        let balancer = self.balancers.get(uid)?.clone();
        let holds = |vm: &&Vm| vm.address.is_some() && vm.stage != Stage::Removing && balancer.selects(vm);
        let members = self.vms.values().filter(holds).cloned().collect();
        Some((balancer, members))
    }

    /// The load balancer before a control-plane VM, and its address.
    pub(crate) fn balancer_of(&self, vm: &Vm) -> Option<(LoadBalancer, Ipv4Addr)> {
        let balancer = self
            .balancers
            .values()
            .find(|balancer| balancer.address.is_some() && balancer.selects(vm))?;
        Some((balancer.clone(), balancer.address?))
    }

    /// The guest that answers at `host:port`.
    pub(crate) fn guest_at(&self, endpoint: &str) -> Option<ObjectUid> {
        let is_at = |balancer: &&LoadBalancer| {
            balancer
                .address
                .is_some_and(|address| format!("{address}:{}", balancer.port) == endpoint)
        };
        self.balancers.values().find(is_at).map(|balancer| balancer.uid.clone())
    }

    /// Every object.
    pub(crate) fn everything(&self) -> Vec<Changed> {
        let vms = self.vms.values().map(|vm| Changed::Vm(vm.key.clone()));
        let balancers = self
            .balancers
            .values()
            .map(|balancer| Changed::LoadBalancer(balancer.key.clone()));
        vms.chain(balancers).collect()
    }
}
