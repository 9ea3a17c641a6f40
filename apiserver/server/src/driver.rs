//! What the VM layer runs VMs with: simulated ones, or processes on this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use generic_apiserver::storage::redb::Engine;
use process_driver::{Launcher, Processes, Programs};
use sim_driver::Sim;
use tokio::{sync::OnceCell, task::JoinSet};
use tokio_util::sync::CancellationToken;
use vm_driver::Driver;

use crate::{catalogue::Release, etcd_authorities::KeptAuthorities, sim};

/// The command of this program by which processes end together with it.
const BOUND: &str = "bound";
/// The one that runs beside each kube-apiserver of a guest.
const AGENT: &str = "guest-agent";

/// Which driver runs, and with what.
#[derive(Clone)]
pub(crate) enum Choice {
    /// Simulated VMs.
    Sim,
    /// Processes.
    Process(ProcessHost),
}

/// This machine as a host of VMs that are processes. They run on while nobody controls them, as VMs do: from the first time that the
/// VM layer runs here to the end of this program.
#[derive(Clone)]
pub(crate) struct ProcessHost {
    folder: PathBuf,
    programs: Programs,
    running: Arc<OnceCell<Arc<Processes>>>,
}

/// The driver that runs.
pub(crate) enum Running {
    /// Simulated VMs.
    Sim(Arc<Sim>),
    /// Processes.
    Process(Arc<Processes>),
}

impl Choice {
    /// The driver, started where its ledger stopped unless it runs.
    pub(crate) async fn start(
        &self,
        engine: &Arc<Engine>,
        client: kube::Client,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Running> {
        Ok(match self {
            Self::Sim => Running::Sim(sim::start(engine, client, tasks, stop).await?),
            Self::Process(host) => Running::Process(host.start(client).await?),
        })
    }

    /// What its VMs can run.
    pub(crate) fn releases(&self) -> Vec<Release> {
        match self {
            Self::Sim => Release::simulated(),
            Self::Process(host) => Release::of_all_programs(&host.programs),
        }
    }

    /// Stops what runs on without the VM layer, at the end of this program; ledger and data stay.
    pub(crate) async fn stop(&self) {
        if let Self::Process(host) = self
            && let Some(processes) = host.running.get()
        {
            processes.stop().await;
        }
    }
}

impl ProcessHost {
    /// One whose VMs have their disks in a part of this folder.
    pub(crate) fn new(data_dir: &Path, programs: Programs) -> anyhow::Result<Self> {
        Ok(Self {
            // Its paths are handed to programs that might see another working directory.
            folder: std::path::absolute(data_dir)?.join("process"),
            programs,
            running: Arc::default(),
        })
    }

    async fn start(&self, client: kube::Client) -> anyhow::Result<Arc<Processes>> {
        let authorities = Arc::new(KeptAuthorities::new(client));
        let start = async || {
            Ok(Processes::start(
                &self.folder,
                self.programs.clone(),
                launcher()?,
                authorities,
            )?)
        };
        self.running.get_or_try_init(start).await.cloned()
    }
}

impl Running {
    /// As the VM layer uses it.
    pub(crate) fn as_driver(&self) -> Arc<dyn Driver> {
        match self {
            Self::Sim(sim) => sim.clone(),
            Self::Process(processes) => processes.clone(),
        }
    }

    /// Lets go of what another process may go on with.
    pub(crate) async fn release(&self) {
        match self {
            Self::Sim(sim) => sim.stop().await,
            Self::Process(_) => {}
        }
    }
}

fn launcher() -> anyhow::Result<Launcher> {
    Ok(Launcher {
        executable: std::env::current_exe().context("this program does not know where its file is")?,
        bound: vec![BOUND.to_owned()],
        agent: Some(vec![AGENT.to_owned()]),
    })
}
