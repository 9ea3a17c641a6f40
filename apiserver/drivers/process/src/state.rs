//! What is true now: VMs and load balancers by UID, and how they stand to each other.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
};

use guest_system::cloud_init;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use vm_driver::{Blocked, Changed, ObjectUid, VmState};

use crate::record::{LoadBalancer, Vm};

/// What is true now; the ledger has the records.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) vms: HashMap<ObjectUid, Machine>,
    pub(crate) balancers: HashMap<ObjectUid, Balancer>,
}

/// A VM and how far it is.
pub(crate) struct Machine {
    pub(crate) vm: Vm,
    /// What its task is to bring about.
    pub(crate) wanted: watch::Sender<Wanted>,
    /// The guest that it belongs to as a control plane, by the address that all VMs of a guest name.
    guest: Option<String>,
    /// Its guest system is up, and on a control plane its API server.
    pub(crate) is_up: bool,
    pub(crate) blocked: Option<Blocked>,
}

/// A load balancer.
pub(crate) struct Balancer {
    pub(crate) record: LoadBalancer,
    /// Accepts connections while it is kept; none while something else has the address.
    pub(crate) serving: Option<AbortOnDropHandle<()>>,
}

/// Another control-plane VM of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Other {
    pub(crate) address: Ipv4Addr,
    /// Its API server has answered since it was started.
    pub(crate) is_up: bool,
}

/// How a VM shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    On,
    Off,
    Gone,
}

impl Machine {
    /// A VM whose task is about to begin.
    pub(crate) fn new(vm: Vm) -> Self {
        let bootstrap = cloud_init::parse(&vm.user_data).ok();
        let bootstrap = bootstrap.filter(cloud_init::Bootstrap::is_control_plane);
        Self {
            guest: bootstrap.and_then(|bootstrap| bootstrap.endpoint().map(str::to_owned)),
            wanted: watch::Sender::new(Wanted::of(&vm)),
            vm,
            is_up: false,
            blocked: None,
        }
    }

    /// What the driver says of it.
    pub(crate) fn state(&self) -> VmState {
        VmState {
            created: true,
            powered_on: self.vm.powered_on && !self.vm.removing,
            address: self.is_up.then(|| self.vm.address.into()),
            bios_uuid: Some(self.vm.bios_uuid.clone()),
            zone: self.vm.zone.clone(),
            blocked: self.blocked.clone(),
        }
    }
}

impl Wanted {
    /// By the record of a VM.
    pub(crate) fn of(vm: &Vm) -> Self {
        match (vm.removing, vm.powered_on) {
            (true, _) => Self::Gone,
            (false, true) => Self::On,
            (false, false) => Self::Off,
        }
    }
}

impl State {
    /// The control-plane VMs of the same guest that stay, but for this one.
    pub(crate) fn others(&self, uid: &ObjectUid) -> Vec<Other> {
        let Some(guest) = self.vms.get(uid).and_then(|machine| machine.guest.as_ref()) else {
            return Vec::new();
        };
        let others = self
            .vms
            .values()
            .filter(|other| other.vm.uid != *uid && other.guest.as_ref() == Some(guest));
        let staying = others.filter(|other| !other.vm.removing);
        staying
            .map(|other| Other {
                address: other.vm.address,
                is_up: other.is_up,
            })
            .collect()
    }

    /// Where a load balancer passes connections on to.
    pub(crate) fn backends(&self, balancer: &ObjectUid) -> Vec<SocketAddr> {
        let Some(Balancer { record, .. }) = self.balancers.get(balancer) else {
            return Vec::new();
        };
        let machines = self.vms.values();
        let selected = machines.filter(|machine| machine.is_up && !machine.vm.removing && record.selects(&machine.vm));
        selected
            .map(|machine| (machine.vm.address, record.target_port).into())
            .collect()
    }

    /// Every object.
    pub(crate) fn everything(&self) -> Vec<Changed> {
        let vms = self.vms.values().map(|machine| Changed::Vm(machine.vm.key.clone()));
        let balancers = self.balancers.values();
        let balancers = balancers.map(|balancer| Changed::LoadBalancer(balancer.record.key.clone()));
        vms.chain(balancers).collect()
    }
}
