//! A control plane: etcd, kube-apiserver and kube-controller-manager of one VM, brought up in that order.

use std::path::Path;

use guest_system::cloud_init::Role;
use guestcluster_credentials::trust_object;
use kube::Client;
use serde_json::Value;

use super::{
    GuestSystem, Report,
    certificates::{self, Credentials},
    configuration::ClusterConfiguration,
    flags::{API_PORT, Machine},
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
/// Where the agent serves the keys of the guest.
const AGENT_PORT: u16 = trust_object::AGENT_PORT;
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
        let etcd = self.etcd_member(&configuration).await?;
        Ok(ControlPlane {
            server: format!("https://{}:{API_PORT}", self.vm.address),
            credentials: certificates::write(&self.disk, &self.vm, &configuration, etcd)?,
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
        self.until("kube-apiserver", || is_well(&client, "/readyz")).await;
        let manager = &control_plane.release.controller_manager;
        self.run_program("kube-controller-manager", manager, machine.controller_manager());
        if let (Role::Init(_), Some(authority)) = (&self.bootstrap.role, &self.bootstrap.authority) {
            kubeadm::initialize(&client, &control_plane.configuration, authority).await?;
        }
        self.run_agent();
        (self.report)(Report::Up);
        self.until("kube-controller-manager", || {
            std::future::ready(self.children.trouble().is_none())
        })
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
                guest_system::version::of_image(&self.vm.image)
                    .unwrap_or_default()
                    .to_owned(),
            ),
        ];
        let flags = flags.map(|(name, value)| format!("--{name}={value}"));
        let arguments = arguments.iter().cloned().chain(flags).collect();
        self.run_program("guest-agent", program, arguments);
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

    pub(super) fn machine<'a>(&'a self, control_plane: &'a ControlPlane) -> Machine<'a> {
        Machine {
            name: &self.vm.key.name,
            address: self.vm.address,
            disk: &self.disk,
            configuration: &control_plane.configuration,
        }
    }

    pub(super) fn run_program(&self, name: &'static str, path: &Path, arguments: Vec<String>) {
        self.children.ensure(Program {
            name,
            path: path.to_owned(),
            arguments,
        });
    }
}
