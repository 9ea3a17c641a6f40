//! The process driver: what it holds, how it starts and stops.

use std::{path::Path, sync::Arc};

use guest_system::address::{Pool, Reservation};
use tokio::sync::{Mutex, broadcast, watch};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};
use vm_driver::{Changed, ObjectUid};

use crate::{
    child::{Launcher, Spawner},
    etcd_authorities::EtcdAuthorities,
    forwarder,
    ledger::{Ledger, LedgerError},
    programs::Programs,
    record::{LoadBalancer, Vm},
    state::{Balancer, Machine, State, Wanted},
};

/// Changes that a receiver may be behind before it gets every object again.
const CHANGES: usize = 4096;

/// The process driver.
#[derive(Clone)]
pub struct Processes(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) ledger: Ledger,
    pub(crate) programs: Arc<Programs>,
    pub(crate) spawner: Arc<Spawner>,
    pub(crate) etcd_authorities: Arc<dyn EtcdAuthorities>,
    pub(crate) pool: Pool,
    pub(crate) state: parking_lot::Mutex<State>,
    /// Held while a record changes, so that the ledger has what was said last.
    pub(crate) changing: Mutex<()>,
    pub(crate) changes: broadcast::Sender<Changed>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The driver could not start.
#[derive(Debug, thiserror::Error)]
#[error("process driver: {0}")]
pub struct ProcessError(String);

impl From<LedgerError> for ProcessError {
    fn from(error: LedgerError) -> Self {
        Self(error.to_string())
    }
}

impl Processes {
    /// Continues where the ledger in this folder stopped: every VM that shall run is started, with its disk. Nobody else may
    /// work with the folder. Must be called within a runtime.
    pub fn start(
        folder: &Path,
        programs: Programs,
        launcher: Launcher,
        etcd_authorities: Arc<dyn EtcdAuthorities>,
    ) -> Result<Arc<Self>, ProcessError> {
        let ledger = Ledger::open(folder)?;
        let (vms, balancers) = ledger.load()?;
        let spawner = Spawner::start(launcher).map_err(|error| ProcessError(error.to_string()))?;
        let driver = Arc::new(Self(Arc::new(Inner {
            ledger,
            programs: Arc::new(programs),
            spawner: Arc::new(spawner),
            etcd_authorities,
            pool: Pool::default(),
            state: parking_lot::Mutex::default(),
            changing: Mutex::default(),
            changes: broadcast::channel(CHANGES).0,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })));
        driver.resume(vms, balancers);
        Ok(driver)
    }

    /// Stops every program and load balancer; ledger and disks stay.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let balancers: Vec<_> = self.0.state.lock().balancers.drain().collect();
        for serving in balancers.into_iter().filter_map(|(_, balancer)| balancer.serving) {
            serving.abort();
            // It was told to end; its address is free when it has.
            let _ = serving.await;
        }
    }

    fn resume(&self, vms: Vec<Vm>, balancers: Vec<LoadBalancer>) {
        let addresses = vms.iter().map(|vm| vm.address);
        let addresses = addresses.chain(balancers.iter().map(|balancer| balancer.address));
        addresses.for_each(|address| self.0.pool.hold(address));
        for balancer in balancers {
            if let Err(message) = self.serve(balancer) {
                tracing::warn!(
                    message,
                    "a load balancer does not serve after the restart; it is tried again"
                );
            }
        }
        // All are known before one begins: a member of an etcd looks who the others are.
        let machines: Vec<_> = vms.into_iter().map(|vm| self.take_in(vm)).collect();
        for (uid, wanted) in machines {
            self.begin(uid, wanted);
        }
    }

    /// Takes in a load balancer and starts to accept connections, unless it does already. Says why it can't.
    pub(crate) fn serve(&self, record: LoadBalancer) -> Result<(), String> {
        let mut state = self.0.state.lock();
        let (uid, address, port) = (record.uid.clone(), record.address, record.port);
        let balancer = state.balancers.entry(uid.clone()).or_insert_with(|| Balancer {
            record: record.clone(),
            serving: None,
        });
        balancer.record = record;
        if balancer.serving.is_some() {
            return Ok(());
        }
        let listener = Reservation::new(address, port).and_then(Reservation::listen);
        let listener = listener.map_err(|error| format!("cannot serve on {address}:{port}: {error}"))?;
        let driver = Arc::downgrade(&self.0);
        let backends = move || {
            let driver = driver.upgrade();
            driver.map_or_else(Vec::new, |driver| driver.state.lock().backends(&uid))
        };
        let serving = tokio::spawn(forwarder::run(listener, Arc::new(backends)));
        balancer.serving = Some(AbortOnDropHandle::new(serving));
        Ok(())
    }

    /// Takes in a VM, whose task is to begin.
    pub(crate) fn take_in(&self, vm: Vm) -> (ObjectUid, watch::Receiver<Wanted>) {
        let uid = vm.uid.clone();
        let machine = Machine::new(vm);
        let wanted = machine.wanted.subscribe();
        self.0.state.lock().vms.insert(uid.clone(), machine);
        (uid, wanted)
    }

    /// Starts the task of a VM, which lives as long as the VM.
    pub(crate) fn begin(&self, uid: ObjectUid, wanted: watch::Receiver<Wanted>) {
        let driver = self.clone();
        self.0.tasks.spawn(async move { driver.attend(&uid, wanted).await });
    }

    pub(crate) fn announce(&self, change: Changed) {
        // Without a receiver there is nobody to tell.
        let _ = self.0.changes.send(change);
    }
}

#[cfg(test)]
mod tests;
