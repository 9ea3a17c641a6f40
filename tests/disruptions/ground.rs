//! What is disturbed: two replicas that kube-apiserver sends requests to, and their etcd.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use guestcluster_tests::{Daemon, EtcdMembers, Host, Kubectl, Mode, Objects, Start, Supervisor, eventually, until};
use serde_json::json;
use tempfile::TempDir;

use crate::{curl::Curl, front_proxy};

/// As the manifests have it, shorter: nobody here needs long to notice.
const SHUTDOWN_DELAY: &str = "3";
const SECOND: &str = "guestcluster-apiserver-second";
/// How long a kubelet takes to notice that a process is gone: it looks at its containers once a second.
const NOTICED: Duration = Duration::from_secs(1);
/// Longest until a new serving authority signs: it is told of half a minute before.
const ROTATED: Duration = Duration::from_mins(2);
/// Longest for anything to come up.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replica {
    First,
    Second,
}

/// Who signs what replicas show.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServingAuthority(serde_json::Value);

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
            host_flags: vec![front_proxy::TOLD.to_owned()],
            ..Start::default()
        });
        let address = Host::reachable_address();
        let second = supervisor.second_server_at(address);
        supervisor.route_to(address);
        Ok(Self {
            second: Some(second),
            supervisor,
            etcd,
            address,
            _folder: folder,
        })
    }

    pub(crate) fn admin(&self) -> Kubectl {
        self.supervisor.kubectl()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.supervisor.admin_kubeconfig()
    }

    /// Where the replicas answer.
    pub(crate) fn servers(&self) -> [String; 2] {
        [self.supervisor.server(), format!("https://{}", self.address)]
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
        eventually(PATIENCE.as_secs(), "the replica is ready", || {
            match Curl::insecure().status(&format!("{server}/readyz")) {
                Ok(200) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
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
}

impl Ground {
    /// Lets etcd forget everything but the present, by its JSON gateway.
    pub(crate) fn compact(&self) -> anyhow::Result<()> {
        let servers = self.etcd.servers();
        let server = servers.split(',').next().context("no member")?;
        let range = Curl::new().post(&format!("{server}/v3/kv/range"), &json!({"key": "AA=="}))?;
        let revision = range["header"]["revision"].as_str().context("no revision")?.to_owned();
        let body = json!({"revision": revision, "physical": true});
        Curl::new().post(&format!("{server}/v3/kv/compaction"), &body)?;
        Ok(())
    }

    /// Asks for a new authority, and returns the present one.
    pub(crate) fn announce_serving_authority(&self) -> ServingAuthority {
        let before = self.serving_authority();
        let annotate = "-n guestclusters-system annotate --overwrite secret guestcluster-apiserver-serving guestclusters.dev/rotate=now";
        self.admin().run(annotate).success();
        before
    }

    /// Waits until another one signs.
    pub(crate) fn await_serving_authority(&self, before: &ServingAuthority) -> anyhow::Result<()> {
        let looked = until(ROTATED, || {
            if self.serving_authority() == *before {
                Err(String::new())
            } else {
                Ok(())
            }
        });
        ensure!(looked.is_ok(), "no new authority signs");
        Ok(())
    }

    fn serving_authority(&self) -> ServingAuthority {
        const SECRET: &str = "-n guestclusters-system get secret guestcluster-apiserver-serving";
        ServingAuthority(self.admin().json(SECRET)["data"]["ca.crt"].clone())
    }
}
