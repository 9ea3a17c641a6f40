//! The driver trait over processes.

use async_trait::async_trait;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use vm_driver::{
    Blocked, Changed, Driver, DriverError, LoadBalancerSpec, LoadBalancerState, ObjectUid, Removal, VmSpec, VmState,
};

use crate::{
    processes::Processes,
    record::{LoadBalancer, Vm},
    state::{Machine, Wanted},
};

#[async_trait]
impl Driver for Processes {
    async fn ensure_vm(&self, spec: &VmSpec) -> Result<VmState, DriverError> {
        let _held = self.0.changing.lock().await;
        let known = self.0.state.lock().vms.get(&spec.uid).map(|machine| machine.vm.clone());
        match known {
            Some(vm) if vm.removing => {}
            Some(mut vm) => {
                if vm.adopt(spec) {
                    self.change(vm).await?;
                }
            }
            None => self.create(spec).await?,
        }
        let state = self.0.state.lock();
        Ok(state.vms.get(&spec.uid).map(Machine::state).unwrap_or_default())
    }

    async fn remove_vm(&self, uid: &ObjectUid) -> Result<Removal, DriverError> {
        let _held = self.0.changing.lock().await;
        let known = self.0.state.lock().vms.get(uid).map(|machine| machine.vm.clone());
        let Some(mut vm) = known else { return Ok(Removal::Gone) };
        if !vm.removing {
            vm.removing = true;
            self.change(vm).await?;
        }
        Ok(Removal::InProgress)
    }

    async fn vms(&self) -> Result<Vec<ObjectUid>, DriverError> {
        Ok(self.0.state.lock().vms.keys().cloned().collect())
    }

    async fn ensure_load_balancer(&self, spec: &LoadBalancerSpec) -> Result<LoadBalancerState, DriverError> {
        let _held = self.0.changing.lock().await;
        let known = self
            .0
            .state
            .lock()
            .balancers
            .get(&spec.uid)
            .map(|known| known.record.clone());
        let is_known = known.is_some();
        let record = match known {
            Some(known) => LoadBalancer {
                selector: spec.selector.clone(),
                target_port: spec.target_port,
                ..known
            },
            None => LoadBalancer::requested(spec, self.0.pool.take().map_err(failed)?),
        };
        if let Err(message) = self.serve(record.clone()) {
            if !is_known {
                // Another process has it: the next try takes another one, and this one stays taken.
                self.0.state.lock().balancers.remove(&spec.uid);
            }
            return Ok(no_address(message));
        }
        self.keep_load_balancer(record.clone()).await?;
        Ok(LoadBalancerState {
            address: Some(record.address.into()),
            blocked: None,
        })
    }

    async fn remove_load_balancer(&self, uid: &ObjectUid) -> Result<Removal, DriverError> {
        let _held = self.0.changing.lock().await;
        self.0.ledger.forget_load_balancer(uid).map_err(failed)?;
        if let Some(balancer) = self.0.state.lock().balancers.remove(uid) {
            self.0.pool.release(balancer.record.address);
        }
        Ok(Removal::Gone)
    }

    fn changes(&self) -> BoxStream<'static, Changed> {
        let driver = self.clone();
        let receiver = BroadcastStream::new(self.0.changes.subscribe());
        let changes = receiver.flat_map(move |change| match change {
            Ok(change) => stream::iter(vec![change]),
            Err(BroadcastStreamRecvError::Lagged(_)) => stream::iter(driver.0.state.lock().everything()),
        });
        changes.boxed()
    }
}

impl Processes {
    async fn create(&self, spec: &VmSpec) -> Result<(), DriverError> {
        let user_data = spec.user_data.as_ref();
        let user_data = user_data.ok_or_else(|| failed("the VM is not in the ledger"))?;
        let address = self.0.pool.take().map_err(failed)?;
        let vm = Vm::requested(spec, user_data, address);
        self.keep_vm(vm.clone()).await?;
        let (uid, wanted) = self.take_in(vm);
        self.begin(uid, wanted);
        Ok(())
    }

    /// Keeps a VM that changed, and lets its task bring that about.
    async fn change(&self, vm: Vm) -> Result<(), DriverError> {
        self.keep_vm(vm.clone()).await?;
        let mut state = self.0.state.lock();
        if let Some(machine) = state.vms.get_mut(&vm.uid) {
            let wanted = Wanted::of(&vm);
            machine.vm = vm;
            machine.wanted.send_if_modified(|known| {
                let changed = *known != wanted;
                *known = wanted;
                changed
            });
        }
        Ok(())
    }

    async fn keep_vm(&self, vm: Vm) -> Result<(), DriverError> {
        let ledger = self.0.ledger.clone();
        let kept = tokio::task::spawn_blocking(move || ledger.keep_vm(&vm)).await;
        kept.map_err(failed)?.map_err(failed)
    }

    async fn keep_load_balancer(&self, balancer: LoadBalancer) -> Result<(), DriverError> {
        let ledger = self.0.ledger.clone();
        let kept = tokio::task::spawn_blocking(move || ledger.keep_load_balancer(&balancer)).await;
        kept.map_err(failed)?.map_err(failed)
    }
}

fn no_address(message: String) -> LoadBalancerState {
    LoadBalancerState {
        address: None,
        blocked: Some(Blocked {
            condition: "LoadBalancerReady".to_owned(),
            reason: "NoAddress".to_owned(),
            message,
        }),
    }
}

fn failed(error: impl ToString) -> DriverError {
    DriverError {
        message: error.to_string(),
    }
}
