//! What the VM layer runs VMs with: simulated ones, or processes on this machine.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use generic_apiserver::storage::redb::Engine;
use process_driver::{Launcher, Processes, Programs};
use sim_driver::Sim;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vm_driver::Driver;

use crate::sim;

/// The command of this program by which processes end together with it.
const BOUND: &str = "bound";
/// The one that runs beside each kube-apiserver of a guest.
const AGENT: &str = "guest-agent";

/// Which driver runs, and with what.
#[derive(Clone)]
pub(crate) enum Choice {
    /// Simulated VMs.
    Sim,
    /// Processes, which keep their disks in this folder.
    Process {
        /// Folder for the VMs.
        folder: PathBuf,
        /// What they run.
        programs: Programs,
    },
}

/// The driver that runs.
pub(crate) enum Running {
    /// Simulated VMs.
    Sim(Arc<Sim>),
    /// Processes.
    Process(Arc<Processes>),
}

impl Choice {
    /// Starts the driver where its ledger stopped.
    pub(crate) async fn start(
        &self,
        engine: &Arc<Engine>,
        client: kube::Client,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Running> {
        Ok(match self {
            Self::Sim => Running::Sim(sim::start(engine, client, tasks, stop).await?),
            Self::Process { folder, programs } => {
                Running::Process(Processes::start(folder, programs.clone(), launcher()?)?)
            }
        })
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

    /// Stops what runs; ledger and data stay.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Sim(sim) => sim.stop().await,
            Self::Process(processes) => processes.stop().await,
        }
    }
}

/// Processes in this part of the data folder.
pub(crate) fn processes(data_dir: &Path, folders: &[PathBuf]) -> anyhow::Result<Choice> {
    let programs = Programs::find(folders).context("--process-programs")?;
    Ok(Choice::Process {
        // Its paths are handed to programs that might see another working directory.
        folder: std::path::absolute(data_dir)?.join("process"),
        programs,
    })
}

fn launcher() -> anyhow::Result<Launcher> {
    Ok(Launcher {
        executable: std::env::current_exe().context("this program does not know where its file is")?,
        bound: vec![BOUND.to_owned()],
        agent: Some(vec![AGENT.to_owned()]),
    })
}
