//! The API server of a guest: served while a majority of its control-plane VMs run.

use guest_system::cloud_init;
use vm_driver::ObjectUid;

use crate::{
    guest::ControlPlane,
    guests::{Serving, Wanted},
    record::{LoadBalancer, Vm},
    sim::Sim,
    steps::StepError,
};

impl Sim {
    pub(crate) async fn refresh_behind(&self, vm: &Vm) -> Result<(), StepError> {
        let behind = self.0.state.lock().balancer_of(vm);
        match behind {
            Some((balancer, _)) => self.refresh_guest(&balancer.uid).await,
            None => Ok(()),
        }
    }

    /// Starts or stops a guest's server by the majority of its control-plane VMs; erases it with the last of them.
    pub(crate) async fn refresh_guest(&self, uid: &ObjectUid) -> Result<(), StepError> {
        let Some((balancer, members)) = self.0.state.lock().members(uid) else {
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
}

/// The server that these VMs run: with their authority and trust keys, at the lowest of their versions.
fn serving(up: &[&Vm]) -> Option<Serving> {
    let version = up
        .iter()
        .filter_map(|vm| vm.kubernetes_version())
        .min_by_key(|version| numbers(version))?;
    let mut authority = None;
    let mut nodes = ControlPlane::new();
    for vm in up {
        let Ok(bootstrap) = cloud_init::parse(&vm.user_data) else {
            continue;
        };
        nodes.insert(vm.key.name.clone(), bootstrap.trust_key);
        authority = authority.or(bootstrap.authority);
    }
    Some(Serving {
        authority: authority?,
        version: version.to_owned(),
        nodes,
    })
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .trim_start_matches('v')
        .split(['.', '-', '+'])
        .map_while(|number| number.parse().ok())
        .collect()
}
