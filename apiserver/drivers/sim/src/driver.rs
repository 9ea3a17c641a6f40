//! The driver trait over the simulation.

use async_trait::async_trait;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use vm_driver::{
    Blocked, Changed, Driver, DriverError, LoadBalancerSpec, LoadBalancerState, ObjectUid, Removal, VmSpec, VmState,
};

use crate::{
    config::FaultKind,
    progress,
    record::{LoadBalancer, Stage, Vm},
    sim::Sim,
    steps::StepError,
};

#[async_trait]
impl Driver for Sim {
    async fn ensure_vm(&self, spec: &VmSpec) -> Result<VmState, DriverError> {
        self.record_vm(spec).await.map_err(failed)?;
        self.advance(&spec.uid).await;
        let Some((vm, next, trouble)) = self.look(&spec.uid) else {
            return Ok(VmState::default());
        };
        let state = progress::state(&vm, &next);
        Ok(VmState {
            blocked: state.blocked.or(trouble),
            ..state
        })
    }

    async fn remove_vm(&self, uid: &ObjectUid) -> Result<Removal, DriverError> {
        self.start_removal(uid).await.map_err(failed)?;
        self.advance(uid).await;
        Ok(if self.0.state.lock().vms.contains_key(uid) {
            Removal::InProgress
        } else {
            Removal::Gone
        })
    }

    async fn vms(&self) -> Result<Vec<ObjectUid>, DriverError> {
        Ok(self.0.state.lock().vms.keys().cloned().collect())
    }

    async fn ensure_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerState, DriverError> {
        if self.config().fails(&spec.name, FaultKind::NoAddress) {
            let blocked = Blocked {
                condition: "LoadBalancerReady".to_owned(),
                reason: "NoAddress".to_owned(),
                message: "no virtual address is free".to_owned(),
            };
            return Ok(LoadBalancerState {
                address: None,
                blocked: Some(blocked),
            });
        }
        let balancer = self.record_load_balancer(spec).await.map_err(failed)?;
        Ok(LoadBalancerState {
            address: balancer.address.map(Into::into),
            blocked: None,
        })
    }

    async fn remove_load_balancer(&self, uid: &ObjectUid) -> Result<Removal, DriverError> {
        let lock = self.lock_of(uid);
        let _held = lock.lock().await;
        self.0.guests.remove(uid).await.map_err(failed)?;
        self.0.ledger.forget_load_balancer(uid).await.map_err(failed)?;
        let removed = self.0.state.lock().balancers.remove(uid);
        if let Some(address) = removed.and_then(|balancer| balancer.address) {
            self.0.pool.release(address);
        }
        self.forget_lock(uid);
        Ok(Removal::Gone)
    }

    fn changes(&self) -> BoxStream<'static, Changed> {
        let sim = self.clone();
        let receiver = BroadcastStream::new(self.0.changes.subscribe());
        let changes = receiver.flat_map(move |change| match change {
            Ok(change) => stream::iter(vec![change]),
            Err(BroadcastStreamRecvError::Lagged(_)) => stream::iter(sim.0.state.lock().everything()),
        });
        changes.boxed()
    }
}

impl Sim {
    async fn record_vm(&self, spec: &VmSpec) -> Result<(), StepError> {
        let lock = self.lock_of(&spec.uid);
        let _held = lock.lock().await;
        let known = self.0.state.lock().vms.get(&spec.uid).cloned();
        match known {
            Some(mut vm) if vm.stage != Stage::Removing => {
                if vm.adopt(spec) {
                    self.keep(vm).await?;
                }
                Ok(())
            }
            Some(_) => Ok(()),
            None => {
                let user_data = spec.user_data.as_ref();
                let user_data =
                    user_data.ok_or_else(|| StepError::Waiting("the VM is not in the ledger".to_owned()))?;
                let bios_uuid = uuid::Uuid::new_v4().to_string();
                self.keep(Vm::requested(spec, user_data, bios_uuid, Timestamp::now()))
                    .await
            }
        }
    }

    async fn start_removal(&self, uid: &ObjectUid) -> Result<(), StepError> {
        let lock = self.lock_of(uid);
        let _held = lock.lock().await;
        let known = self.0.state.lock().vms.get(uid).cloned();
        let Some(mut vm) = known.filter(|vm| vm.stage != Stage::Removing) else {
            return Ok(());
        };
        self.lose_node(&vm).await;
        vm.enter(Stage::Removing, Timestamp::now());
        self.keep(vm.clone()).await?;
        let behind: Vec<_> = {
            let state = self.0.state.lock();
            state
                .balancers
                .values()
                .filter(|balancer| balancer.selects(&vm))
                .map(|balancer| balancer.uid.clone())
                .collect()
        };
        for guest in behind {
            self.refresh_guest(&guest).await?;
        }
        Ok(())
    }

    async fn record_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancer, StepError> {
        let lock = self.lock_of(&spec.uid);
        let _held = lock.lock().await;
        let known = self.0.state.lock().balancers.get(&spec.uid).cloned();
        let mut balancer = known.unwrap_or_else(|| LoadBalancer::requested(spec));
        if balancer.address.is_some() && balancer.selector == spec.selector {
            return Ok(balancer);
        }
        balancer.selector.clone_from(&spec.selector);
        if balancer.address.is_none() {
            let address = self
                .0
                .pool
                .take()
                .map_err(|error| StepError::Waiting(error.to_string()))?;
            if let Err(error) = self.0.guests.reserve(&spec.uid, address, spec.port).await {
                // Another process has it: the next try takes another one, and this one stays taken.
                return Err(error.into());
            }
            balancer.address = Some(address);
        }
        self.0.ledger.keep_load_balancer(&balancer).await?;
        self.0.state.lock().balancers.insert(spec.uid.clone(), balancer.clone());
        Ok(balancer)
    }
}

fn failed(error: impl std::fmt::Display) -> DriverError {
    DriverError {
        message: error.to_string(),
    }
}
