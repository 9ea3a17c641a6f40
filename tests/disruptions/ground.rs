//! What is disturbed: two replicas that kube-apiserver sends requests to, and their etcd.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, ensure};
use guestcluster_tests::{Daemon, EtcdMembers, Host, Kubectl, Mode, Objects, Start, Supervisor, eventually, until};
use serde_json::json;
use tempfile::TempDir;

/// As the manifests have it, shorter: nobody here needs long to notice.
const SHUTDOWN_DELAY: &str = "3";
const SECOND: &str = "guestcluster-apiserver-second";
/// How long a kubelet takes to notice that a process is gone: it looks at its containers once a second.
const NOTICED: Duration = Duration::from_secs(1);
/// Longest for anything to come up.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replica {
    First,
    Second,
}

/// Everything that runs. In the order in which it is stopped.
pub(crate) struct Ground {
    second: Option<Daemon>,
    pub(crate) supervisor: Supervisor,
    pub(crate) etcd: EtcdMembers,
    address: SocketAddr,
    _folder: TempDir,
}

impl Ground {
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("guestclusters-disruptions.")
            .tempdir()?;
        let etcd = EtcdMembers::start(&folder.path().join("etcd"), 3);
        let supervisor = Supervisor::start(Start {
            mode: Mode::Aggregated,
            // Controllers of the guest layer write nothing for guests whose classes nobody makes.
            layers: Some("none".to_owned()),
            objects: Objects::Etcd(etcd.servers()),
            arguments: vec!["--shutdown-delay".to_owned(), SHUTDOWN_DELAY.to_owned()],
            ..Start::default()
        });
        let address = Host::reachable_address();
        let second = supervisor.second_server_at(address);
        let ground = Self {
            second: Some(second),
            supervisor,
            etcd,
            address,
            _folder: folder,
        };
        ground
            .admin()
            .run_with("apply --server-side -f -", Some(&ground.second_slice()))
            .success();
        Ok(ground)
    }

    pub(crate) fn admin(&self) -> Kubectl {
        self.supervisor.kubectl()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.supervisor.admin_kubeconfig()
    }

    /// Who holds the Lease.
    pub(crate) fn leader(&self) -> anyhow::Result<Replica> {
        let holder = self
            .admin()
            .json("-n guestclusters-system get lease guestcluster-apiserver");
        let holder = holder["spec"]["holderIdentity"]
            .as_str()
            .context("nobody leads")?
            .to_owned();
        let first = std::fs::read_to_string(self.supervisor.data_dir().join("lease-holder"))?;
        Ok(if holder == first {
            Replica::First
        } else {
            Replica::Second
        })
    }

    /// Ends a replica without a word. kube-apiserver sends requests there until a kubelet has noticed.
    pub(crate) fn kill(&mut self, replica: Replica) {
        match replica {
            Replica::First => self.supervisor.kill(),
            Replica::Second => self.second = None,
        }
        std::thread::sleep(NOTICED);
        self.set_ready(replica, false);
    }

    /// Asks a replica to stop, as a rolling update does, and waits until it has.
    pub(crate) fn stop(&mut self, replica: Replica) {
        self.set_ready(replica, false);
        match replica {
            Replica::First => self.supervisor.stop(),
            Replica::Second => {
                if let Some(second) = self.second.take() {
                    second.stop(PATIENCE.as_secs());
                }
            }
        }
    }

    /// Starts a replica again, and lets requests go there when it is ready.
    pub(crate) fn start(&mut self, replica: Replica) {
        let server = match replica {
            Replica::First => {
                self.supervisor.restart();
                self.supervisor.server()
            }
            Replica::Second => {
                self.second = Some(self.supervisor.second_server_at(self.address));
                format!("https://{}", self.address)
            }
        };
        eventually(PATIENCE.as_secs(), "the replica is ready", || is_ready(&server));
        self.set_ready(replica, true);
    }

    pub(crate) fn signal(&mut self, replica: Replica, name: &str) {
        match replica {
            Replica::First => self.supervisor.process().signal(name),
            Replica::Second => self.second.iter().for_each(|second| second.signal(name)),
        }
    }

    /// What a kubelet and the endpoint controller do.
    fn set_ready(&self, replica: Replica, ready: bool) {
        let slice = match replica {
            Replica::First => "guestcluster-apiserver",
            Replica::Second => SECOND,
        };
        let patch =
            json!([{"op": "replace", "path": "/endpoints/0/conditions", "value": {"ready": ready}}]).to_string();
        let arguments = [
            "-n",
            "guestclusters-system",
            "patch",
            "endpointslice",
            slice,
            "--type=json",
            "-p",
            &patch,
        ];
        self.admin().args(&arguments, None).success();
    }

    fn second_slice(&self) -> String {
        json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": SECOND,
                "namespace": "guestclusters-system",
                "labels": {"kubernetes.io/service-name": "guestcluster-apiserver"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [self.address.ip()], "conditions": {"ready": true}}],
            "ports": [{"name": "https", "port": self.address.port(), "protocol": "TCP"}],
        })
        .to_string()
    }

    /// Waits until something holds.
    pub(crate) fn await_that(
        &self,
        what: &str,
        mut holds: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        until(PATIENCE, || match holds(self) {
            Ok(true) => Ok(()),
            Ok(false) => Err("not yet".to_owned()),
            Err(error) => Err(format!("{error:#}")),
        })
        .map_err(|last| anyhow::anyhow!("{what}: {last}"))
    }
}

impl Ground {
    /// Lets etcd forget everything but the present, by its JSON gateway.
    pub(crate) fn compact(&self) -> anyhow::Result<()> {
        let servers = self.etcd.servers();
        let server = servers.split(',').next().context("no member")?;
        let range = post(&format!("{server}/v3/kv/range"), &json!({"key": "AA=="}))?;
        let revision = range["header"]["revision"].as_str().context("no revision")?.to_owned();
        post(
            &format!("{server}/v3/kv/compaction"),
            &json!({"revision": revision, "physical": true}),
        )?;
        Ok(())
    }

    /// Asks for a new authority, and waits until it signs.
    pub(crate) fn rotate_serving_authority(&self) -> anyhow::Result<()> {
        const SECRET: &str = "-n guestclusters-system get secret guestcluster-apiserver-serving";
        let admin = self.admin();
        let before = admin.json(SECRET)["data"]["ca.crt"].clone();
        let annotate = "-n guestclusters-system annotate --overwrite secret guestcluster-apiserver-serving guestclusters.dev/rotate=now";
        admin.run(annotate).success();
        let looked = until(Duration::from_mins(2), || {
            let now = admin.json(SECRET)["data"]["ca.crt"].clone();
            if now == before { Err(String::new()) } else { Ok(()) }
        });
        ensure!(looked.is_ok(), "no new authority signs");
        Ok(())
    }
}

/// As a kubelet asks, who trusts everybody.
fn is_ready(server: &str) -> Result<(), String> {
    let asked = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--insecure",
            "--max-time",
            "5",
            &format!("{server}/readyz"),
        ])
        .output()
        .map_err(|error| error.to_string())?;
    if asked.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&asked.stderr).into_owned())
    }
}

/// A POST with JSON in both directions, by curl.
fn post(url: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            "10",
            "--data",
            &body.to_string(),
            url,
        ])
        .output()?;
    ensure!(
        output.status.success(),
        "POST {url}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}
