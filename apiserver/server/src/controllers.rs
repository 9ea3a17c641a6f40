//! The layers that run in this process, each with a client of its own. None knows whether that client reaches the same process
//! or a kube-apiserver.

mod counts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use generic_apiserver::{
    metrics::{declare, line},
    storage::redb::Engine,
};
use guestcluster_controllers::{
    credential,
    guest::{self, Gauges},
    machine::{self, GuestClients},
    reports,
    runs::Runs,
    vm,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::counts::Counts;
use crate::{
    driver,
    layers::Layers,
    roles::{Controller, SERVER},
};

/// What the layers work with.
pub(crate) struct Environment {
    /// Which of them run.
    pub(crate) layers: Layers,
    /// The client of each.
    pub(crate) clients: Box<dyn Fn(Controller) -> kube::Client + Send + Sync>,
    /// What VMs are.
    pub(crate) driver: driver::Choice,
    /// Where simulated VMs and their guests are kept.
    pub(crate) engine: Arc<Engine>,
    /// Image of the agent of guests' control-plane nodes; none where something else brings it.
    pub(crate) agent_image: Option<String>,
    /// Where they tell of what they see and do.
    pub(crate) told: Told,
}

/// What the layers tell of, for the page of metrics; kept while they stop and start again.
#[derive(Clone)]
pub(crate) struct Told {
    gauges: Gauges,
    counts: Arc<Counts>,
    /// Whether the layers run in this process.
    runs_here: Arc<AtomicBool>,
}

impl Told {
    pub(crate) fn new() -> Told {
        Told {
            gauges: Gauges::default(),
            counts: Arc::default(),
            runs_here: Arc::default(),
        }
    }

    /// Appends all of it to a page in Prometheus' text format.
    pub(crate) fn render(&self, page: &mut String) {
        let leads = u8::from(self.runs_here.load(Relaxed));
        let help = "Whether this process runs the controllers.";
        // client-go's name, and the label that its Lease has.
        declare(page, "leader_election_master_status", "gauge", help);
        line(
            page,
            "leader_election_master_status",
            &format!("name=\"{SERVER}\""),
            leads,
        );
        self.gauges.render(page);
        self.counts.render(page);
    }
}

/// The running layers.
pub(crate) struct Controllers {
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
    driver: Option<driver::Running>,
    told: Told,
}

impl Controllers {
    /// Starts the layers that are asked for.
    pub(crate) async fn start(environment: &Environment) -> anyhow::Result<Self> {
        let Environment {
            layers, clients, told, ..
        } = environment;
        let runs = Runs::told_to(told.counts.clone());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut driver = None;
        if layers.guest {
            let (client, gauges) = (clients(Controller::Guest), told.gauges.clone());
            // Whoever makes a guest's keys tells the guest what to trust.
            let image = environment.agent_image.clone();
            let (teller, hearer) = reports::channel();
            let client_of_trust = clients(Controller::Credential);
            let trust = credential::run(client_of_trust, image, teller, runs.clone(), stop.clone());
            tasks.spawn(async move {
                trust.await;
                Ok(())
            });
            let (runs, stop) = (runs.clone(), stop.clone());
            tasks.spawn(async move {
                guest::run(client, gauges, hearer, runs, stop).await;
                Ok(())
            });
        }
        if layers.machine {
            let client = clients(Controller::Machine);
            let (runs, stop) = (runs.clone(), stop.clone());
            tasks.spawn(async move { Ok(machine::run(client, GuestClients::default(), runs, stop).await?) });
        }
        if layers.vm {
            let chosen = &environment.driver;
            let running = chosen
                .start(&environment.engine, clients(Controller::Vm), &mut tasks, &stop)
                .await?;
            let vms = running.as_driver();
            driver = Some(running);
            let client = clients(Controller::Vm);
            let (runs, stop) = (runs.clone(), stop.clone());
            tasks.spawn(async move {
                vm::run(client, vms, runs, stop).await;
                Ok(())
            });
        }
        told.runs_here.store(true, Relaxed);
        Ok(Self {
            tasks,
            stop,
            driver,
            told: told.clone(),
        })
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

    /// Stops the layers, then lets go of the VMs; what takes longer than `patience` is cut off.
    pub(crate) async fn stop(mut self, patience: Duration) {
        self.stop.cancel();
        let finished = tokio::time::timeout(patience, async { while self.tasks.join_next().await.is_some() {} }).await;
        if finished.is_err() {
            tracing::warn!("a controller did not stop in time");
            self.tasks.abort_all();
        }
        if let Some(driver) = &self.driver {
            driver.release().await;
        }
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.told.runs_here.store(false, Relaxed);
    }
}
