//! The simulation: VMs and load balancers by UID, each brought forward under a lock of its own.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use generic_apiserver::storage::{StoreError, redb::Engine};
use jiff::Timestamp;
use tokio::sync::{Mutex, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vm_driver::{Blocked, Changed, ObjectUid};

use crate::{
    address::Pool,
    cloud_init::{self, Authority, Role},
    config::Config,
    guest::NodeFacts,
    guests::{Guests, GuestsError, Serving, Wanted},
    ledger::{Ledger, LedgerError},
    progress::{self, Next},
    record::{LoadBalancer, Stage, Vm},
};

/// Changes that a receiver may be behind before it gets every object again.
const CHANGES: usize = 4096;
/// First and longest pause before a step that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What is true now; the ledger has the same.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) vms: HashMap<ObjectUid, Vm>,
    pub(crate) balancers: HashMap<ObjectUid, LoadBalancer>,
    /// Why the last step of a VM failed, and how often in a row.
    troubles: HashMap<ObjectUid, (Blocked, u32)>,
    /// VMs with a timer.
    waiting: HashSet<ObjectUid>,
    locks: HashMap<ObjectUid, Arc<Mutex<()>>>,
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

/// A step failed; tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Guests(#[from] GuestsError),
    #[error("{0}")]
    Waiting(String),
}

impl Sim {
    /// Continues where the ledger stopped: guests serve again, VMs go on.
    pub async fn start(engine: Arc<Engine>, config: Config) -> Result<Arc<Self>, SimError> {
        let ledger = Ledger::new(engine.keyspace("sim/"));
        let (vms, balancers) = ledger.load().await?;
        let inner = Inner {
            ledger,
            pool: Pool::default(),
            guests: Guests::new(engine),
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

    /// The VM, its next step, and what keeps a step from succeeding.
    pub(crate) fn look(&self, uid: &ObjectUid) -> Option<(Vm, Next, Option<Blocked>)> {
        let config = self.config();
        let state = self.0.state.lock();
        let vm = state.vms.get(uid)?;
        let next = progress::next(vm, &config, state.has_room(vm, &config));
        let trouble = state.troubles.get(uid).map(|(blocked, _)| blocked.clone());
        Some((vm.clone(), next, trouble))
    }

    /// Takes every step that is due, and sets a timer for the next one.
    pub(crate) async fn advance(&self, uid: &ObjectUid) {
        let lock = self.lock_of(uid);
        let _held = lock.lock().await;
        while let Some((vm, next, _)) = self.look(uid) {
            let (due, stage) = match next {
                Next::Enter(stage, due) => (due, Some(stage)),
                Next::Forget(due) => (due, None),
                Next::Blocked(_) | Next::Settled => return,
            };
            let left = Timestamp::now().duration_until(due);
            if left.is_positive() {
                self.spawn_advance(uid.clone(), left.unsigned_abs());
                return;
            }
            let taken = match stage {
                Some(stage) => self.enter(vm, stage).await,
                None => self.forget(&vm).await,
            };
            if let Err(error) = taken {
                self.trouble(uid, &error);
                return;
            }
        }
    }

    pub(crate) fn spawn_advance(&self, uid: ObjectUid, after: Duration) {
        if !after.is_zero() && !self.0.state.lock().waiting.insert(uid.clone()) {
            return;
        }
        let sim = self.clone();
        let stop = self.0.stop.clone();
        self.0.tasks.spawn(stop.run_until_cancelled_owned(async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
                sim.0.state.lock().waiting.remove(&uid);
            }
            sim.advance(&uid).await;
        }));
    }

    async fn enter(&self, mut vm: Vm, stage: Stage) -> Result<(), StepError> {
        match stage {
            Stage::Booted => self.boot(&mut vm).await?,
            Stage::Joined => self.join(&vm).await?,
            _ => {}
        }
        vm.enter(stage, Timestamp::now());
        self.keep(vm.clone()).await?;
        if stage == Stage::Created {
            self.lose_node(&vm).await;
        }
        self.refresh_behind(&vm).await?;
        self.announce(Changed::Vm(vm.key));
        Ok(())
    }

    /// Keeps a VM in ledger and state. A VM that was removed meanwhile stays removed.
    pub(crate) async fn keep(&self, vm: Vm) -> Result<(), StepError> {
        self.0.ledger.keep_vm(&vm).await?;
        let mut state = self.0.state.lock();
        state.troubles.remove(&vm.uid);
        state.vms.insert(vm.uid.clone(), vm);
        Ok(())
    }

    /// The guest system starts: it gets an address, and a first control-plane VM runs what kubeadm init would.
    async fn boot(&self, vm: &mut Vm) -> Result<(), StepError> {
        if vm.address.is_none() {
            vm.address = Some(
                self.0
                    .pool
                    .take()
                    .map_err(|error| StepError::Waiting(error.to_string()))?,
            );
        }
        let bootstrap = cloud_init::parse(&vm.user_data).map_err(|error| StepError::Waiting(error.to_string()))?;
        let (Role::Init(configuration), Some(authority)) = (&bootstrap.role, &bootstrap.authority) else {
            return Ok(());
        };
        let (mut balancer, address) = self.balancer_of(vm).ok_or_else(no_balancer)?;
        let version = vm.kubernetes_version().ok_or_else(|| no_version(vm))?.to_owned();
        let serving = Serving {
            authority: authority.clone(),
            version,
        };
        let wanted = Wanted {
            address,
            port: balancer.port,
            server: Some(serving),
        };
        self.0.guests.bring(&balancer.uid, wanted).await?;
        let endpoint = format!("{address}:{}", balancer.port);
        let initialized = self.0.guests.with_server(&balancer.uid, async |server| {
            server.initialize(configuration, authority, &endpoint).await
        });
        initialized.await.unwrap_or(Ok(())).map_err(GuestsError::from)?;
        if !balancer.initialized {
            balancer.initialized = true;
            self.0.ledger.keep_load_balancer(&balancer).await?;
            self.0.state.lock().balancers.insert(balancer.uid.clone(), balancer);
        }
        Ok(())
    }

    /// The node joins its guest.
    async fn join(&self, vm: &Vm) -> Result<(), StepError> {
        let bootstrap = cloud_init::parse(&vm.user_data).map_err(|error| StepError::Waiting(error.to_string()))?;
        let guest = match &bootstrap.role {
            Role::Init(_) => self.balancer_of(vm).map(|(balancer, _)| balancer.uid),
            Role::Join(join) => self.guest_at(&join.endpoint),
        };
        let guest = guest.ok_or_else(|| StepError::Waiting("the API server's address is not known".to_owned()))?;
        let facts = NodeFacts {
            name: vm.key.name.clone(),
            version: vm.kubernetes_version().ok_or_else(|| no_version(vm))?.to_owned(),
            bios_uuid: vm.bios_uuid.clone(),
            address: vm
                .address
                .ok_or_else(|| StepError::Waiting("the VM has no address".to_owned()))?,
            cpus: vm.cpus,
            memory_bytes: vm.memory_bytes,
            zone: vm.zone.clone(),
        };
        let joined = self
            .0
            .guests
            .with_server(&guest, async |server| server.join(&bootstrap, &facts).await)
            .await;
        match joined {
            None => Err(StepError::Waiting("the API server does not answer".to_owned())),
            Some(Err(error)) => Err(StepError::Waiting(error.to_string())),
            Some(Ok(())) => Ok(()),
        }
    }

    async fn forget(&self, vm: &Vm) -> Result<(), StepError> {
        self.0.ledger.forget_vm(&vm.uid).await?;
        {
            let mut state = self.0.state.lock();
            state.vms.remove(&vm.uid);
            state.troubles.remove(&vm.uid);
        }
        if let Some(address) = vm.address {
            self.0.pool.release(address);
        }
        self.forget_lock(&vm.uid);
        self.announce(Changed::Vm(vm.key.clone()));
        Ok(())
    }

    /// Marks the Node of a VM that stopped. Best effort: a guest without an API server has nobody to tell.
    pub(crate) async fn lose_node(&self, vm: &Vm) {
        if vm.address.is_none() {
            return;
        }
        let guest = match cloud_init::parse(&vm.user_data).map(|bootstrap| bootstrap.role) {
            Ok(Role::Init(_)) => self.balancer_of(vm).map(|(balancer, _)| balancer.uid),
            Ok(Role::Join(join)) => self.guest_at(&join.endpoint),
            Err(_) => None,
        };
        let Some(guest) = guest else { return };
        let lost = self
            .0
            .guests
            .with_server(&guest, async |server| server.lose(&vm.key.name).await)
            .await;
        if let Some(Err(error)) = lost {
            tracing::debug!(%error, node = %vm.key.name, "the Node was not marked");
        }
    }

    async fn refresh_behind(&self, vm: &Vm) -> Result<(), StepError> {
        match self.balancer_of(vm) {
            Some((balancer, _)) => self.refresh_guest(&balancer.uid).await,
            None => Ok(()),
        }
    }

    /// Starts or stops a guest's server by the majority of its control-plane VMs; erases it with the last of them.
    pub(crate) async fn refresh_guest(&self, uid: &ObjectUid) -> Result<(), StepError> {
        let Some((balancer, members)) = self.members(uid) else {
            return Ok(());
        };
        let Some(address) = balancer.address else { return Ok(()) };
        if !balancer.initialized {
            return Ok(self.0.guests.reserve(uid, address, balancer.port).await?);
        }
        if members.is_empty() {
            self.0.guests.erase(uid).await?;
            let emptied = LoadBalancer {
                initialized: false,
                ..balancer
            };
            self.0.ledger.keep_load_balancer(&emptied).await?;
            self.0.state.lock().balancers.insert(uid.clone(), emptied);
            return Ok(());
        }
        let up: Vec<_> = members.iter().filter(|vm| vm.is_up()).collect();
        let server = if up.len() * 2 > members.len() {
            serving(&up)
        } else {
            None
        };
        Ok(self
            .0
            .guests
            .bring(
                uid,
                Wanted {
                    address,
                    port: balancer.port,
                    server,
                },
            )
            .await?)
    }

    /// The load balancer and the control-plane VMs that hold the guest's data.
    fn members(&self, uid: &ObjectUid) -> Option<(LoadBalancer, Vec<Vm>)> {
        let state = self.0.state.lock();
        let balancer = state.balancers.get(uid)?.clone();
        let holds = |vm: &&Vm| vm.address.is_some() && vm.stage != Stage::Removing && balancer.selects(vm);
        let members = state.vms.values().filter(holds).cloned().collect();
        Some((balancer, members))
    }

    fn balancer_of(&self, vm: &Vm) -> Option<(LoadBalancer, std::net::Ipv4Addr)> {
        let state = self.0.state.lock();
        let balancer = state
            .balancers
            .values()
            .find(|balancer| balancer.address.is_some() && balancer.selects(vm))?;
        Some((balancer.clone(), balancer.address?))
    }

    fn guest_at(&self, endpoint: &str) -> Option<ObjectUid> {
        let state = self.0.state.lock();
        let is_at = |balancer: &&LoadBalancer| {
            balancer
                .address
                .is_some_and(|address| format!("{address}:{}", balancer.port) == endpoint)
        };
        state
            .balancers
            .values()
            .find(is_at)
            .map(|balancer| balancer.uid.clone())
    }

    fn trouble(&self, uid: &ObjectUid, error: &StepError) {
        let (pause, key) = {
            let mut state = self.0.state.lock();
            let Some(key) = state.vms.get(uid).map(|vm| vm.key.clone()) else {
                return;
            };
            let count = state.troubles.get(uid).map_or(0, |(_, count)| count.saturating_add(1));
            let blocked = Blocked {
                condition: "GuestBootstrap".to_owned(),
                reason: "BootstrapFailed".to_owned(),
                message: error.to_string(),
            };
            state.troubles.insert(uid.clone(), (blocked, count));
            (RETRY.0.saturating_mul(1 << count.min(10)).min(RETRY.1), key)
        };
        tracing::debug!(vm = %key.name, %error, ?pause, "trying again");
        self.announce(Changed::Vm(key));
        self.spawn_advance(uid.clone(), pause);
    }

    /// Every object, for a receiver that fell behind.
    pub(crate) fn everything(&self) -> Vec<Changed> {
        let state = self.0.state.lock();
        let vms = state.vms.values().map(|vm| Changed::Vm(vm.key.clone()));
        let balancers = state
            .balancers
            .values()
            .map(|balancer| Changed::LoadBalancer(balancer.key.clone()));
        vms.chain(balancers).collect()
    }
}

impl State {
    /// Whether the class of a VM has room for it; one that is placed keeps its room.
    fn has_room(&self, vm: &Vm, config: &Config) -> bool {
        let Some(capacity) = config.capacity.get(&vm.class) else {
            return true;
        };
        let placed = self.vms.values().filter(|other| {
            other.class == vm.class && other.uid != vm.uid && !matches!(other.stage, Stage::Requested | Stage::Removing)
        });
        placed.count() < *capacity
    }
}

/// The server that these VMs run: with their authority, at the lowest of their versions.
fn serving(up: &[&Vm]) -> Option<Serving> {
    let authority = up.iter().find_map(|vm| authority(vm))?;
    let version = up
        .iter()
        .filter_map(|vm| vm.kubernetes_version())
        .min_by_key(|version| numbers(version))?;
    Some(Serving {
        authority,
        version: version.to_owned(),
    })
}

fn authority(vm: &Vm) -> Option<Authority> {
    cloud_init::parse(&vm.user_data).ok()?.authority
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .trim_start_matches('v')
        .split(['.', '-', '+'])
        .map_while(|number| number.parse().ok())
        .collect()
}

fn no_balancer() -> StepError {
    StepError::Waiting("no load balancer with an address stands before this control-plane VM".to_owned())
}

fn no_version(vm: &Vm) -> StepError {
    StepError::Waiting(format!(
        "the name of image {:?} carries no Kubernetes version",
        vm.image
    ))
}
