//! The layers that run in this process, each with a client of its own. None knows whether that client reaches the same process
//! or a kube-apiserver.

use std::{sync::Arc, time::Duration};

use generic_apiserver::storage::redb::Engine;
use guestcluster_controllers::{
    credential,
    guest::{self, Orphans},
    machine::{self, GuestClients},
    vm,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{layers::Layers, roles::Controller, sim};

/// What the layers work with.
pub(crate) struct Environment {
    /// Which of them run.
    pub(crate) layers: Layers,
    /// The client of each.
    pub(crate) clients: Box<dyn Fn(Controller) -> kube::Client + Send + Sync>,
    /// Where simulated VMs and their guests are kept.
    pub(crate) engine: Arc<Engine>,
    /// Where the guest layer tells of guests that nobody asks for.
    pub(crate) orphans: Orphans,
}

/// The running layers.
pub(crate) struct Controllers {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    driver: Option<Arc<sim_driver::Sim>>,
}

impl Controllers {
    /// Starts the layers that are asked for.
    pub(crate) async fn start(environment: &Environment) -> anyhow::Result<Self> {
        let Environment { layers, clients, .. } = environment;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut driver = None;
        if layers.guest {
            let (client, orphans) = (clients(Controller::Guest), environment.orphans.clone());
            // Whoever makes a guest's keys tells the guest what to trust.
            let trust = credential::run(clients(Controller::Credential), stop.clone());
            tasks.spawn(async move {
                trust.await;
                Ok(())
            });
            let stop = stop.clone();
            tasks.spawn(async move {
                guest::run(client, orphans, stop).await;
                Ok(())
            });
        }
        if layers.machine {
            let client = clients(Controller::Machine);
            let stop = stop.clone();
            tasks.spawn(async move { Ok(machine::run(client, GuestClients::default(), stop).await?) });
        }
        if layers.vm {
            let sim = sim::start(&environment.engine, clients(Controller::Vm), &mut tasks, &stop).await?;
            driver = Some(sim.clone());
            let client = clients(Controller::Vm);
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
