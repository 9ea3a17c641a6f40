//! A control plane: etcd, kube-apiserver and kube-controller-manager of one VM, brought up in that order.

use std::{net::Ipv4Addr, path::Path};

use guest_system::cloud_init::Role;
use guestcluster_credentials::{trust_object, x509::CertifiedKey};
use kube::Client;
use serde_json::Value;

use super::{
    GuestSystem, Report,
    certificates::{self, Credentials, EtcdMember},
    configuration::ClusterConfiguration,
    etcd::Members,
    flags::{self, API_PORT, CLIENT_PORT, InitialCluster, Machine},
    kubeadm,
};
use crate::{
    child::Program,
    client::{Identity, client, is_well, send},
    files::make_private,
    programs::Release,
    trouble::Trouble,
};

/// Where a VM that joined keeps what it was told then.
const CONFIGURATION: &str = "/var/lib/guestclusters/cluster-configuration.json";
const ETCD_DATA: &str = "/var/lib/etcd/member";
/// Where the agent serves the keys of the guest.
const AGENT_PORT: u16 = 10270;
const CONFIG_MAP: &str = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";

/// What a control-plane VM works by, from its start on.
pub(super) struct ControlPlane {
    server: String,
    configuration: ClusterConfiguration,
    pub(super) credentials: Credentials,
    release: Release,
}

impl ControlPlane {
    /// A client of the VM's own API server.
    pub(super) fn client(&self, identity: Identity<'_>) -> Result<Client, Trouble> {
        client(&self.server, &self.credentials.authority, identity)
    }

    /// The same, which may do everything.
    pub(super) fn administrator(&self) -> Result<Client, Trouble> {
        self.client(Identity::Certificate(&self.credentials.administrator))
    }
}

impl GuestSystem {
    /// Reads the configuration and makes all certificates.
    pub(super) async fn prepare(&self, release: &Release) -> Result<ControlPlane, Trouble> {
        let configuration = ClusterConfiguration::new(self.configuration().await?);
        for component in ["apiServer", "controllerManager"] {
            for volume in configuration.volumes(component).iter().filter(|volume| volume.is_made) {
                make_private(&self.disk.file(volume.host_path)).map_err(Trouble::failed)?;
            }
        }
        Ok(ControlPlane {
            server: format!("https://{}:{API_PORT}", self.vm.address),
            credentials: certificates::write(&self.disk, &self.vm, &configuration)?,
            configuration,
            release: release.clone(),
        })
    }

    /// Starts what does not run, and waits until all of it answers.
    pub(super) async fn bring_up(&self, control_plane: &ControlPlane) -> Result<(), Trouble> {
        if let Some(member) = &control_plane.credentials.etcd {
            self.bring_up_etcd(control_plane, member).await?;
        }
        let machine = self.machine(control_plane);
        self.run_program(
            "kube-apiserver",
            &control_plane.release.api_server,
            machine.api_server(),
        );
        let client = control_plane.administrator()?;
        self.until(|| is_well(&client, "/readyz")).await;
        let manager = &control_plane.release.controller_manager;
        self.run_program("kube-controller-manager", manager, machine.controller_manager());
        if let (Role::Init(_), Some(authority)) = (&self.bootstrap.role, &self.bootstrap.authority) {
            kubeadm::initialize(&client, &control_plane.configuration, authority).await?;
        }
        self.run_agent();
        (self.report)(Report::Up);
        self.until(|| std::future::ready(self.children.trouble().is_none()))
            .await;
        Ok(())
    }

    /// The guest's agent, on control planes whose bootstrap data bring the key that it trusts.
    fn run_agent(&self) {
        let Some((program, arguments)) = self.children.agent() else {
            return;
        };
        if self.bootstrap.trust_key.is_none() {
            return;
        }
        let flags = [
            (
                "kubeconfig",
                self.disk.path(&format!("/etc/kubernetes/{}", certificates::AGENT)),
            ),
            ("node", self.vm.key.name.clone()),
            ("address", self.vm.address.to_string()),
            ("folder", self.disk.path(trust_object::FOLDER)),
            ("listen", format!("{}:{AGENT_PORT}", self.vm.address)),
            (
                "kubernetes-version",
                guest_system::of_image(&self.vm.image).unwrap_or_default().to_owned(),
            ),
        ];
        let flags = flags.map(|(name, value)| format!("--{name}={value}"));
        let arguments = arguments.iter().cloned().chain(flags).collect();
        self.run_program("guest-agent", program, arguments);
    }

    /// Takes the VM out of its guest's etcd, by another member; the last one takes its data with it.
    pub(crate) async fn leave(&self) -> Result<(), Trouble> {
        let Some((authority, pair)) = self.member_files()? else {
            return Ok(());
        };
        if (self.others)().is_empty() {
            return Ok(());
        }
        let other = self.another().ok_or_else(no_other)?;
        let other = etcd_client(other, &authority, &pair)?;
        Members(&other).remove(&flags::peer_url(self.vm.address)).await
    }

    async fn bring_up_etcd(&self, control_plane: &ControlPlane, member: &EtcdMember) -> Result<(), Trouble> {
        if !self.children.has("etcd") {
            let cluster = self.initial_cluster(control_plane, member).await?;
            let arguments = self.machine(control_plane).etcd(&cluster);
            self.run_program("etcd", &self.programs.etcd, arguments);
        }
        let own = member.client(self.vm.address)?;
        // A learner answers no other reads.
        self.until(|| is_well(&own, "/health?serializable=true")).await;
        let standing = Members(&own).standing().await?;
        if !standing.is_learner {
            return Ok(());
        }
        let other = self.another().ok_or_else(no_other)?;
        Members(&member.client(other)?).promote(&standing).await
    }

    /// How the VM's etcd finds its cluster: as it did before, by beginning one, or as a new member.
    async fn initial_cluster(
        &self,
        control_plane: &ControlPlane,
        member: &EtcdMember,
    ) -> Result<InitialCluster, Trouble> {
        let machine = self.machine(control_plane);
        let is_first = matches!(self.bootstrap.role, Role::Init(_));
        if is_first || self.disk.file(ETCD_DATA).exists() {
            return Ok(machine.begun());
        }
        let other = self.another().ok_or_else(no_other)?;
        let other = member.client(other)?;
        Members(&other)
            .add(machine.name, &flags::peer_url(machine.address))
            .await
    }

    /// kubeadm's ClusterConfiguration: a VM that joins finds it in its guest, and keeps it.
    async fn configuration(&self) -> Result<Value, Trouble> {
        let join = match &self.bootstrap.role {
            Role::Init(configuration) => return Ok(configuration.clone()),
            Role::Join(join) => join,
        };
        let unreadable = || Trouble::failed("ConfigMap kube-system/kubeadm-config of the guest can't be read");
        if let Some(known) = self.disk.read(CONFIGURATION).map_err(Trouble::failed)? {
            return serde_json::from_str(&known).map_err(|_| unreadable());
        }
        let (authority, pair) = certificates::administrator(&self.disk)?;
        let server = format!("https://{}", join.endpoint);
        let client = client(&server, &authority, Identity::Certificate(&pair))?;
        let map = send(&client, "GET", CONFIG_MAP, &Value::Null).await;
        let map = map.map_err(|error| Trouble::refused("reading ConfigMap kubeadm-config", &error))?;
        let text = map["data"]["ClusterConfiguration"].as_str().ok_or_else(unreadable)?;
        let configuration: Value = serde_saphyr::from_str(text).map_err(|_| unreadable())?;
        self.disk
            .write(CONFIGURATION, &configuration.to_string())
            .map_err(Trouble::failed)?;
        Ok(configuration)
    }

    fn machine<'a>(&'a self, control_plane: &'a ControlPlane) -> Machine<'a> {
        Machine {
            name: &self.vm.key.name,
            address: self.vm.address,
            disk: &self.disk,
            configuration: &control_plane.configuration,
        }
    }

    fn run_program(&self, name: &'static str, path: &Path, arguments: Vec<String>) {
        self.children.ensure(Program {
            name,
            path: path.to_owned(),
            arguments,
        });
    }

    /// Another control-plane VM of the guest that is up.
    fn another(&self) -> Option<Ipv4Addr> {
        let others = (self.others)();
        others.into_iter().find(|other| other.is_up).map(|other| other.address)
    }

    /// What a VM that was a member of the etcd has on its disk.
    fn member_files(&self) -> Result<Option<(String, CertifiedKey)>, Trouble> {
        let read = |name: &str| self.disk.read(&format!("/etc/kubernetes/pki/etcd/{name}"));
        let parts = (|| Ok::<_, std::io::Error>((read("ca.crt")?, read("peer.crt")?, read("peer.key")?)))();
        let (Some(authority), Some(certificate), Some(key)) = parts.map_err(Trouble::failed)? else {
            return Ok(None);
        };
        Ok(Some((authority, CertifiedKey { certificate, key })))
    }
}

impl EtcdMember {
    /// A client of the etcd of a VM.
    fn client(&self, address: Ipv4Addr) -> Result<Client, Trouble> {
        etcd_client(address, &self.authority, &self.pair)
    }
}

fn etcd_client(address: Ipv4Addr, authority: &str, pair: &CertifiedKey) -> Result<Client, Trouble> {
    let server = format!("https://{address}:{CLIENT_PORT}");
    client(&server, authority, Identity::Certificate(pair))
}

fn no_other() -> Trouble {
    Trouble::waiting("no other control-plane VM of the guest is up")
}
