//! A supervisor whose layers are from different houses: ours or upstream's machine layer, over simulated VMs or ones of real programs.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{ClusterApi, Mode, Start, Supervisor, built, program, supervisor::NO_DELAYS};

/// Whose machine layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineLayer {
    /// Ours, in our server.
    Ours,
    /// Upstream's managers, as they are.
    Upstream,
}

/// What VMs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vms {
    /// Simulated, and taking no time.
    Sim,
    /// Real programs of a control plane.
    Process,
}

/// A supervisor behind a real kube-apiserver with such layers. Both machine layers have the same definitions and the same kind of etcd.
#[derive(Debug)]
pub struct Mix {
    machine_layer: MachineLayer,
    /// Upstream's managers. They end before what they are connected to.
    managers: Option<ClusterApi>,
    supervisor: Supervisor,
}

impl Mix {
    /// Starts one and waits until all of it is ready.
    pub fn start(machine_layer: MachineLayer, vms: Vms) -> Self {
        Self::start_on(machine_layer, vms, Supervisor::start)
    }

    /// Starts one whose files are in this folder, which stays there.
    pub fn start_in(root: &Path, machine_layer: MachineLayer, vms: Vms) -> Self {
        Self::start_on(machine_layer, vms, |start| Supervisor::start_in(root, start))
    }

    fn start_on(machine_layer: MachineLayer, vms: Vms, supervisor: impl FnOnce(Start) -> Supervisor) -> Self {
        let (sim, arguments) = match vms {
            Vms::Sim => (Some(NO_DELAYS.to_owned()), Vec::new()),
            // Two minors, to upgrade from one to the other.
            Vms::Process => (None, process_vms(&built("kubernetes-1.36"))),
        };
        let supervisor = supervisor(Start {
            mode: Mode::Aggregated,
            layers: Some(machine_layer.layers().to_owned()),
            sim,
            arguments,
            external_etcd: true,
            ..Start::default()
        });
        let managers = match machine_layer {
            MachineLayer::Ours => None,
            MachineLayer::Upstream => Some(ClusterApi::start(supervisor.host())),
        };
        Self {
            machine_layer,
            managers,
            supervisor,
        }
    }

    /// Asks our server to stop, and ends the rest.
    pub fn stop(mut self) {
        self.managers = None;
        self.supervisor.stop();
    }

    /// The layers that are ours, as `--layers` takes them.
    pub fn layers(&self) -> &'static str {
        self.machine_layer.layers()
    }

    /// The supervisor.
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// How many programs [`Self::restart`] can restart: our server and upstream's managers.
    pub fn programs(&self) -> usize {
        1 + self.managers.as_ref().map_or(0, ClusterApi::count)
    }

    /// Kills one of them by number, 0 being our server, and starts it again. Returns its name.
    pub fn restart(&mut self, program: usize) -> &'static str {
        match &mut self.managers {
            Some(managers) if program > 0 => managers.restart(program - 1),
            _ => {
                self.supervisor.kill();
                self.supervisor.restart();
                "our server"
            }
        }
    }

    /// The last lines of all logs, to show when a test fails.
    pub fn log_tail(&self) -> String {
        let managers = self.managers.as_ref().map(ClusterApi::log_tail);
        managers.unwrap_or_default() + &self.supervisor.log_tail()
    }
}

impl MachineLayer {
    /// What of our server runs beside it.
    fn layers(self) -> &'static str {
        match self {
            Self::Ours => "all",
            Self::Upstream => "guest,vm",
        }
    }
}

impl fmt::Display for MachineLayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ours => "ours",
            Self::Upstream => "upstream",
        })
    }
}

impl fmt::Display for Vms {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sim => "sim",
            Self::Process => "process",
        })
    }
}

impl FromStr for MachineLayer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ours" => Ok(Self::Ours),
            "upstream" => Ok(Self::Upstream),
            _ => Err(format!("{text:?} is no machine layer; there are ours, upstream")),
        }
    }
}

impl FromStr for Vms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sim" => Ok(Self::Sim),
            "process" => Ok(Self::Process),
            _ => Err(format!("{text:?} are no VMs; there are sim, process")),
        }
    }
}

/// The flags by which our server's VMs are real programs: those of `hack/components/build`, and of these folders.
pub fn process_vms(further: &[PathBuf]) -> Vec<String> {
    let folders = ["etcd", "kube-apiserver"].map(|name| {
        let folder = program(name);
        folder.parent().expect("a program lies in a folder").to_owned()
    });
    let folders = folders.iter().chain(further).map(|folder| folder.display().to_string());
    let folders: Vec<_> = folders.collect();
    vec![
        "--driver=process".to_owned(),
        format!("--process-programs={}", folders.join(":")),
    ]
}
