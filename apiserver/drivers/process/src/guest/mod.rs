//! The guest system of a VM: on a control plane what kubeadm starts, and everywhere the node that a kubelet registers.

mod certificates;
mod configuration;
mod control_plane;
mod etcd;
mod flags;
mod join;
mod kubeadm;
mod kubelet;
mod member;

use std::{convert::Infallible, sync::Arc, time::Duration};

use guest_system::{cloud_init::Bootstrap, node::NodeFacts};
use tokio::time::{Instant, sleep};

use crate::{
    child::Children, etcd_authorities::EtcdAuthorities, files::Disk, programs::Programs, record::Vm, state::Other,
    trouble::Trouble,
};
use control_plane::ControlPlane;

/// First and longest pause before what failed is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// After having lived so long, it starts over with the first pause.
const SETTLED: Duration = Duration::from_mins(1);
/// A program that takes longer to answer is told of.
const SLOW: Duration = Duration::from_secs(20);
/// How often it is looked whether a program answers.
const LOOK: Duration = Duration::from_millis(100);

/// A VM's guest system.
pub(crate) struct GuestSystem {
    pub(crate) vm: Vm,
    pub(crate) bootstrap: Bootstrap,
    pub(crate) disk: Disk,
    pub(crate) children: Arc<Children>,
    pub(crate) programs: Arc<Programs>,
    pub(crate) etcd_authorities: Arc<dyn EtcdAuthorities>,
    /// The other control-plane VMs of the guest that stay.
    pub(crate) others: Box<dyn Fn() -> Vec<Other> + Send + Sync>,
    /// Where it is told how far it is.
    pub(crate) report: Box<dyn Fn(Report) + Send + Sync>,
}

/// How far a guest system is.
#[derive(Debug)]
pub(crate) enum Report {
    /// It is up: on a control plane, the API server answers.
    Up,
    /// All is well.
    Well,
    /// Something keeps it from the next step.
    Blocked(Trouble),
}

impl GuestSystem {
    /// Runs it until it is dropped. Its programs go on until they are stopped.
    pub(crate) async fn run(&self) -> Infallible {
        let mut pause = PAUSES.0;
        let mut control_plane = None;
        loop {
            let began = Instant::now();
            let Err(trouble) = self.live(&mut control_plane).await;
            if began.elapsed() >= SETTLED {
                pause = PAUSES.0;
            }
            tracing::debug!(vm = %self.vm.key.name, %trouble, "trying again");
            (self.report)(Report::Blocked(trouble));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Everything in order, each part left as it is where it runs already. Returns what went wrong.
    async fn live(&self, control_plane: &mut Option<ControlPlane>) -> Result<Infallible, Trouble> {
        self.disk.write_files(&self.bootstrap.files).map_err(Trouble::failed)?;
        let Some(release) = guest_system::version::of_image(&self.vm.image) else {
            let message = format!("the name of image {:?} carries no Kubernetes version", self.vm.image);
            return Err(Trouble::failed(message));
        };
        if !self.bootstrap.is_control_plane() {
            (self.report)(Report::Up);
            let kubelet = self.join(release).await?;
            (self.report)(Report::Well);
            return kubelet.live().await;
        }
        let programs = self.programs.release(release).map_err(Trouble::failed)?;
        let control_plane = match control_plane {
            Some(known) => known,
            None => control_plane.insert(self.prepare(programs).await?),
        };
        self.bring_up(control_plane).await?;
        let kubelet = self.register(control_plane, release).await?;
        (self.report)(Report::Well);
        tokio::select! {
            ended = kubelet.live() => ended,
            () = self.children.ended() => Err(self.program_trouble()),
        }
    }

    /// Waits until a program answers, telling meanwhile of those that do not run, and that it takes long.
    async fn until<F: Future<Output = bool>>(&self, program: &str, answers: impl Fn() -> F) {
        let began = Instant::now();
        while !answers().await {
            if let Some(why) = self.children.trouble() {
                (self.report)(Report::Blocked(Trouble::program(why)));
            } else if began.elapsed() >= SLOW {
                let message = format!("{program} runs and does not answer that all is well");
                (self.report)(Report::Blocked(Trouble::waiting(message)));
            }
            sleep(LOOK).await;
        }
    }

    fn program_trouble(&self) -> Trouble {
        Trouble::program(self.children.trouble().unwrap_or_default())
    }

    fn facts(&self, version: &str) -> NodeFacts {
        NodeFacts {
            name: self.vm.key.name.clone(),
            version: version.to_owned(),
            bios_uuid: self.vm.bios_uuid.clone(),
            address: self.vm.address,
            cpus: self.vm.cpus,
            memory_bytes: self.vm.memory_bytes,
            zone: self.vm.zone.clone(),
        }
    }
}
