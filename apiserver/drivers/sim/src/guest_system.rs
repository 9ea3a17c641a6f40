//! What a VM's guest system does: the first control-plane VM runs what kubeadm init would, others join their guest.

use guest_system::{
    cloud_init::{self, Role},
    node::NodeFacts,
};

use crate::{
    guest::ControlPlane,
    guests::{GuestsError, Serving, Wanted},
    record::Vm,
    sim::Sim,
    steps::StepError,
};

impl Sim {
    /// The guest system starts: it gets an address, and a first control-plane VM runs what kubeadm init would.
    pub(crate) async fn boot(&self, vm: &mut Vm) -> Result<(), StepError> {
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
        let (mut balancer, address) = self.0.state.lock().balancer_of(vm).ok_or_else(no_balancer)?;
        let version = vm.kubernetes_version().ok_or_else(|| no_version(vm))?.to_owned();
        let serving = Serving {
            authority: authority.clone(),
            version,
            nodes: ControlPlane::from([(vm.key.name.clone(), bootstrap.trust_key.clone())]),
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
    pub(crate) async fn join(&self, vm: &Vm) -> Result<(), StepError> {
        let bootstrap = cloud_init::parse(&vm.user_data).map_err(|error| StepError::Waiting(error.to_string()))?;
        let guest = match &bootstrap.role {
            Role::Init(_) => self.0.state.lock().balancer_of(vm).map(|(balancer, _)| balancer.uid),
            Role::Join(join) => self.0.state.lock().guest_at(&join.endpoint),
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

    /// Marks the Node of a VM that stopped. Best effort: a guest without an API server has nobody to tell.
    pub(crate) async fn lose_node(&self, vm: &Vm) {
        if vm.address.is_none() {
            return;
        }
        let guest = match cloud_init::parse(&vm.user_data).map(|bootstrap| bootstrap.role) {
            Ok(Role::Init(_)) => self.0.state.lock().balancer_of(vm).map(|(balancer, _)| balancer.uid),
            Ok(Role::Join(join)) => self.0.state.lock().guest_at(&join.endpoint),
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
