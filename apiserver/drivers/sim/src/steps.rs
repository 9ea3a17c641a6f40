//! Brings VMs forward, step by step: each under its own lock, with a timer for what is not due and a pause after what failed.

use std::time::Duration;

use generic_apiserver::storage::StoreError;
use jiff::Timestamp;
use vm_driver::{Blocked, Changed, ObjectUid};

use crate::{
    guests::GuestsError,
    ledger::LedgerError,
    progress::{self, Next},
    record::{Stage, Vm},
    sim::Sim,
};

/// First and longest pause before a step that failed is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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

    /// Keeps a VM in ledger and state. A VM that was removed meanwhile stays removed.
    pub(crate) async fn keep(&self, vm: Vm) -> Result<(), StepError> {
        self.0.ledger.keep_vm(&vm).await?;
        let mut state = self.0.state.lock();
        state.troubles.remove(&vm.uid);
        state.vms.insert(vm.uid.clone(), vm);
        Ok(())
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
}
