//! The layers that run in this process, each with a client of its own and the rights of its service account.

use std::{sync::Arc, time::Duration};

use generic_apiserver::{authn::User, storage::redb::Engine};
use guestcluster_controllers::{
    guest,
    machine::{self, GuestClients},
    vm,
};
use kubernetes_apiserver::Cluster;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    args::Layer,
    embedded::{SYSTEM_NAMESPACE, sim},
    roles::Controller,
};

/// The running layers.
pub(crate) struct Controllers {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    driver: Option<Arc<sim_driver::Sim>>,
}

impl Controllers {
    /// Starts the layers that are asked for.
    pub(crate) async fn start(layers: &[Layer], cluster: &Arc<Cluster>, engine: &Arc<Engine>) -> anyhow::Result<Self> {
        let runs = |layer| layers.contains(&layer) || layers.contains(&Layer::All);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut driver = None;
        if runs(Layer::Guest) {
            let client = client(cluster, Controller::Guest);
            let stop = stop.clone();
            tasks.spawn(async move {
                guest::run(client, guest::Orphans::default(), stop).await;
                Ok(())
            });
        }
        if runs(Layer::Machine) {
            let client = client(cluster, Controller::Machine);
            let stop = stop.clone();
            tasks.spawn(async move { Ok(machine::run(client, GuestClients::default(), stop).await?) });
        }
        if runs(Layer::Vm) {
            let sim = sim::start(engine, client(cluster, Controller::Vm), &mut tasks, &stop).await?;
            driver = Some(sim.clone());
            let client = client(cluster, Controller::Vm);
            let stop = stop.clone();
            tasks.spawn(async move {
                vm::run(client, sim, stop).await;
                Ok(())
            });
        }
        Ok(Self { tasks, stop, driver })
    }

    /// Waits for a layer to end, which none may while the supervisor runs.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Ok(()))) => anyhow::anyhow!("a controller ended"),
            Some(Ok(Err(error))) => error.context("a controller failed"),
            Some(Err(panic)) => anyhow::Error::from(panic).context("a controller failed"),
            // No layer runs here, so none can fail.
            None => std::future::pending().await,
        }
    }

    /// Stops the layers, then the simulated guests; what takes longer than `patience` is cut off.
    pub(crate) async fn stop(mut self, patience: Duration) {
        self.stop.cancel();
        let finished = tokio::time::timeout(patience, async { while self.tasks.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!("a controller did not stop in time");
            self.tasks.abort_all();
        }
        if let Some(driver) = self.driver {
            driver.stop().await;
        }
    }
}

/// A client within the process, authorized as the controller's service account.
pub(crate) fn client(cluster: &Cluster, controller: Controller) -> kube::Client {
    let user = User {
        name: format!("system:serviceaccount:{SYSTEM_NAMESPACE}:{}", controller.name()),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{SYSTEM_NAMESPACE}"),
        ],
        ..User::default()
    };
    kube::Client::new(cluster.server().local_service(user), "default")
}
