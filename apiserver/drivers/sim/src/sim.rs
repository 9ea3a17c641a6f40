//! The sim driver: what it holds, how it starts, is configured and stops.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use generic_apiserver::storage::redb::Engine;
use guest_system::address::Pool;
use tokio::sync::{Mutex, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vm_driver::{Changed, ObjectUid};

use crate::{
    config::Config,
    guests::Guests,
    ledger::{Ledger, LedgerError},
    record::{LoadBalancer, Vm},
    state::State,
};

/// Changes that a receiver may be behind before it gets every object again.
const CHANGES: usize = 4096;

/// The sim driver.
#[derive(Clone)]
pub struct Sim(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) ledger: Ledger,
    pub(crate) pool: Pool,
    pub(crate) guests: Guests,
    pub(crate) state: parking_lot::Mutex<State>,
    pub(crate) changes: broadcast::Sender<Changed>,
    config: ArcSwap<Config>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The simulation could not start.
#[derive(Debug, thiserror::Error)]
#[error("sim driver: {0}")]
pub struct SimError(String);

impl From<LedgerError> for SimError {
    fn from(error: LedgerError) -> Self {
        Self(error.to_string())
    }
}

impl Sim {
    /// Continues where the ledger stopped: guests serve again, VMs go on.
    pub async fn start(engine: Arc<Engine>, config: Config) -> Result<Arc<Self>, SimError> {
        let ledger = Ledger::new(engine.keyspace("sim/"));
        let (vms, balancers) = ledger.load().await?;
        let inner = Inner {
            guests: Guests::new(engine, ledger.clone()),
            ledger,
            pool: Pool::default(),
            state: parking_lot::Mutex::default(),
            changes: broadcast::channel(CHANGES).0,
            config: ArcSwap::from_pointee(config),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let sim = Arc::new(Self(Arc::new(inner)));
        sim.resume(vms, balancers).await;
        Ok(sim)
    }

    /// Takes other delays and faults; VMs that waited go on where nothing blocks them any more.
    pub fn configure(&self, config: Config) {
        self.0.config.store(Arc::new(config));
        let (vms, balancers) = {
            let state = self.0.state.lock();
            let balancers: Vec<_> = state.balancers.values().map(|balancer| balancer.key.clone()).collect();
            (state.vms.keys().cloned().collect::<Vec<_>>(), balancers)
        };
        for uid in vms {
            self.spawn_advance(uid, Duration::ZERO);
        }
        for key in balancers {
            self.announce(Changed::LoadBalancer(key));
        }
    }

    /// Stops guests and timers; the ledger and the guests' data stay.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.guests.stop().await;
    }

    async fn resume(&self, vms: Vec<Vm>, balancers: Vec<LoadBalancer>) {
        {
            let mut state = self.0.state.lock();
            let addresses = vms
                .iter()
                .filter_map(|vm| vm.address)
                .chain(balancers.iter().filter_map(|lb| lb.address));
            addresses.for_each(|address| self.0.pool.hold(address));
            state.vms = vms.into_iter().map(|vm| (vm.uid.clone(), vm)).collect();
            state.balancers = balancers
                .into_iter()
                .map(|balancer| (balancer.uid.clone(), balancer))
                .collect();
        }
        let (vms, balancers) = {
            let state = self.0.state.lock();
            (
                state.vms.keys().cloned().collect::<Vec<_>>(),
                state.balancers.keys().cloned().collect::<Vec<_>>(),
            )
        };
        for uid in balancers {
            if let Err(error) = self.refresh_guest(&uid).await {
                tracing::warn!(%error, "a guest does not serve after the restart; tried again when its VMs move");
            }
        }
        for uid in vms {
            self.spawn_advance(uid, Duration::ZERO);
        }
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.0.config.load_full()
    }

    pub(crate) fn announce(&self, change: Changed) {
        // Without a receiver there is nobody to tell.
        let _ = self.0.changes.send(change);
    }

    pub(crate) fn lock_of(&self, uid: &ObjectUid) -> Arc<Mutex<()>> {
        self.0.state.lock().locks.entry(uid.clone()).or_default().clone()
    }

    pub(crate) fn forget_lock(&self, uid: &ObjectUid) {
        self.0.state.lock().locks.remove(uid);
    }
}
