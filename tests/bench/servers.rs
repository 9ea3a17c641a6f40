//! The servers that are measured, as processes of their own.

use std::path::Path;

use anyhow::{Context as _, bail};
use guestcluster_tests::{Daemon, EtcdMembers, Host, Kubectl, Mode, Objects, Start, Supervisor, Usage};
use guestcluster_types::GuestCluster;
use kube::CustomResourceExt as _;
use serde_json::{Value, json};

use crate::{
    generator::Endpoint,
    objects::{FLUNDERS, GUESTS, Kind, NAMESPACE},
    sample::Sample,
    start,
};

/// A server under load: where it answers and which processes it is.
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// What it holds.
    pub(crate) kind: &'static Kind,
    pids: Vec<u32>,
    running: Running,
}

/// Ends the processes when dropped.
enum Running {
    Theirs(Box<Host>),
    Ours(#[expect(dead_code, reason = "held for its end")] start::Running),
    Aggregated {
        supervisor: Box<Supervisor>,
        _etcd: Option<EtcdMembers>,
    },
    Sample(#[expect(dead_code, reason = "held for its end")] Sample),
    Bare(#[expect(dead_code, reason = "held for its end")] Daemon),
}

impl Server {
    /// kube-apiserver and etcd, which syncs each write to the disk, with our kind as a CRD.
    pub(crate) fn theirs(folder: &Path) -> anyhow::Result<Self> {
        let host = Host::start_durable(folder);
        let admin = host.admin();
        install(&admin)?;
        Ok(Self {
            endpoint: Endpoint::of_kubeconfig(admin.kubeconfig())?,
            kind: &GUESTS,
            pids: host.pids(),
            running: Running::Theirs(Box::new(host)),
        })
    }

    /// A build of ours, as a whole supervisor in which no controller works.
    pub(crate) async fn ours(folder: &Path, program: &Path) -> anyhow::Result<Self> {
        let supervisor = start::Running::start(program, folder, &["--layers", "none"]).await?;
        Ok(Self {
            endpoint: Endpoint::of_kubeconfig(&start::kubeconfig(folder))?,
            kind: &GUESTS,
            pids: vec![supervisor.pid()],
            running: Running::Ours(supervisor),
        })
    }

    /// Ours behind a kube-apiserver of its own, through which it is asked, with its objects in a file. No controller works.
    pub(crate) fn aggregated(folder: &Path) -> anyhow::Result<Self> {
        let supervisor = supervisor(folder, Objects::File);
        let endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig())?;
        Ok(Self::of_supervisor(endpoint, supervisor, None))
    }

    /// The same with its objects in an etcd of its own that syncs each write to the disk. It is asked itself, and knows people by
    /// their certificates.
    pub(crate) fn on_etcd(folder: &Path) -> anyhow::Result<Self> {
        let etcd = EtcdMembers::start(&folder.join("own-etcd"), 1);
        let supervisor = supervisor(folder, Objects::Etcd(etcd.servers()));
        let direct = supervisor.direct_kubeconfig(Some(&supervisor.kubectl()));
        let endpoint = Endpoint::of_kubeconfig(&direct)?;
        Ok(Self::of_supervisor(endpoint, supervisor, Some(etcd)))
    }

    /// [`Self::on_etcd`], asked through kube-apiserver; and sample-apiserver with an etcd of its own, through the same one.
    pub(crate) fn both_aggregated(folder: &Path) -> anyhow::Result<[Self; 2]> {
        let mut ours = Self::on_etcd(folder)?;
        let Running::Aggregated { supervisor, .. } = &ours.running else {
            bail!("it runs behind a kube-apiserver");
        };
        ours.endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig())?;
        let sample = Sample::start(&folder.join("sample"), supervisor.host())?;
        let theirs = Self {
            endpoint: ours.endpoint.clone(),
            kind: &FLUNDERS,
            pids: [supervisor.host().pids(), sample.pids()].concat(),
            running: Running::Sample(sample),
        };
        Ok([ours, theirs])
    }

    fn of_supervisor(endpoint: Endpoint, supervisor: Supervisor, etcd: Option<EtcdMembers>) -> Self {
        let own = etcd.iter().flat_map(EtcdMembers::pids);
        let pids = supervisor
            .host()
            .pids()
            .into_iter()
            .chain([supervisor.pid()])
            .chain(own);
        Self {
            endpoint,
            kind: &GUESTS,
            pids: pids.collect(),
            running: Running::Aggregated {
                supervisor: Box::new(supervisor),
                _etcd: etcd,
            },
        }
    }

    /// A bare one.
    pub(crate) fn bare(endpoint: Endpoint, daemon: Daemon) -> Self {
        Self {
            endpoint,
            kind: &GUESTS,
            pids: vec![daemon.pid()],
            running: Running::Bare(daemon),
        }
    }

    /// Where kube-apiserver's etcd answers.
    pub(crate) fn etcd(&self) -> Option<Endpoint> {
        match &self.running {
            Running::Theirs(host) => Some(Endpoint::plain(host.etcd_address())),
            Running::Ours(_) | Running::Aggregated { .. } | Running::Sample(_) | Running::Bare(_) => None,
        }
    }

    /// Starts kube-apiserver anew on its data.
    pub(crate) fn restart_apiserver(&mut self) {
        if let Running::Theirs(host) = &mut self.running {
            host.stop_apiserver();
            host.start_apiserver();
            self.pids = host.pids();
        }
    }

    /// What all its processes have used.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let mut sum = Usage::default();
        for pid in &self.pids {
            let usage = Usage::of(*pid).context("a server has ended")?;
            sum.cpu_seconds += usage.cpu_seconds;
            sum.resident_mib += usage.resident_mib;
            sum.peak_mib += usage.peak_mib;
        }
        Ok(sum)
    }
}

fn supervisor(folder: &Path, objects: Objects) -> Supervisor {
    Supervisor::start_in(
        folder,
        Start {
            mode: Mode::Aggregated,
            layers: Some("none".to_owned()),
            objects,
            unaudited: true,
            // As on the other side: nobody but the clients costs time there.
            without_host_controllers: true,
            ..Start::default()
        },
    )
}

/// Our kind and the namespace, which an embedded supervisor has from the beginning.
fn install(admin: &Kubectl) -> anyhow::Result<()> {
    let mut definition = serde_json::to_value(GuestCluster::crd())?;
    definition["spec"]["versions"][0]["additionalPrinterColumns"] = columns();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let objects = format!("---\n{definition}\n---\n{namespace}\n");
    admin.run_with("apply --server-side -f -", Some(&objects)).success();
    let wait = format!(
        "wait --for=condition=Established --timeout=60s crd/{}",
        GuestCluster::crd_name()
    );
    admin.run(&wait).success();
    admin
        .run("get --raw /apis/guestclusters.dev/v1alpha1/guestclusters")
        .success();
    Ok(())
}

/// As near to ours as JSON paths come.
fn columns() -> Value {
    let column = |name: &str, r#type: &str, priority: i32, path: &str| json!({"name": name, "type": r#type, "priority": priority, "jsonPath": path});
    json!([
        column("Version", "string", 0, ".spec.distribution.version"),
        column("Control Plane", "integer", 0, ".spec.topology.controlPlane.replicas"),
        column("Workers", "integer", 0, ".status.replicas"),
        column("Phase", "string", 0, ".status.phase"),
        column("Step", "integer", 0, ".status.operation.step"),
        column("Age", "date", 0, ".metadata.creationTimestamp"),
        column("Endpoint", "string", 1, ".status.apiEndpoint.host"),
        column("Updates", "string", 1, ".status.distribution.updatesAvailable[0]"),
        column("Message", "string", 1, ".status.message"),
    ])
}
