//! A control-plane VM as a member of its guest's etcd: it begins one or joins one, and leaves before its disk goes.

use std::{net::Ipv4Addr, time::Duration};

use guest_system::cloud_init::Role;
use guestcluster_credentials::x509::{self, CertifiedKey};
use jiff::Timestamp;
use kube::Client;
use tokio::time::timeout;

use super::{
    GuestSystem,
    certificates::{self, EtcdMember},
    configuration::{ClusterConfiguration, Etcd, ExternalEtcd},
    control_plane::ControlPlane,
    etcd::Members,
    flags::{self, CLIENT_PORT, InitialCluster},
};
use crate::{
    client::{Identity, client, is_well},
    trouble::Trouble,
};

/// How long the authority may take to be found, before it is asked for again.
const ASKING: Duration = Duration::from_secs(30);
/// There once the etcd has started.
const ETCD_DATA: &str = "/var/lib/etcd/member";

impl GuestSystem {
    /// Its certificates, made where they are missing; none where etcd runs elsewhere.
    pub(super) async fn etcd_member(
        &self,
        configuration: &ClusterConfiguration,
    ) -> Result<Option<EtcdMember>, Trouble> {
        match configuration.etcd() {
            Etcd::Stacked => certificates::write_stacked_member(&self.disk, &self.vm).map(Some),
            Etcd::Beside(external) => self.member_beside(&external).await.map(Some),
            Etcd::Elsewhere(_) => Ok(None),
        }
    }

    /// The certificates it has, unless half their life is over: a VM that starts again depends on nobody for them.
    async fn member_beside(&self, external: &ExternalEtcd<'_>) -> Result<EtcdMember, Trouble> {
        if let Some((authority, pair)) = self.member_files()? {
            let validity = x509::validity(&pair.certificate).map_err(Trouble::failed)?;
            let now = Timestamp::now();
            if now.duration_since(validity.start) < validity.end.duration_since(now) {
                return Ok(EtcdMember { authority, pair });
            }
        }
        let asked = self.etcd_authorities.authority(&self.vm.key, &self.vm.labels);
        let answered = timeout(ASKING, asked).await;
        let signing = answered.unwrap_or_else(|_| Err("nobody answers who signs for this etcd".to_owned()));
        let signing = signing.map_err(Trouble::waiting)?;
        let trusted = self.disk.read(external.ca_file).map_err(Trouble::failed)?;
        if trusted.is_none_or(|trusted| trusted.trim() != signing.certificate.trim()) {
            let file = external.ca_file;
            return Err(Trouble::failed(format!(
                "{file} of the bootstrap data is not the authority that signs for the members of this etcd"
            )));
        }
        certificates::write_member_beside(&self.disk, &self.vm, &signing)
    }

    /// Starts it unless it runs, and waits until it is a member with a vote.
    pub(super) async fn bring_up_etcd(&self, control_plane: &ControlPlane, member: &EtcdMember) -> Result<(), Trouble> {
        if !self.children.has("etcd") {
            let cluster = self.initial_cluster(control_plane, member).await?;
            let arguments = self.machine(control_plane).etcd(&cluster);
            self.run_program("etcd", &self.programs.etcd, arguments);
        }
        let own = member.client(self.vm.address)?;
        // A learner answers no other reads.
        self.until("etcd", || is_well(&own, "/health?serializable=true")).await;
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
        // What a VM left behind that went without leaving would count for the majority for ever.
        let present: Vec<_> = (self.others)()
            .iter()
            .map(|other| flags::peer_url(other.address))
            .collect();
        let own = flags::peer_url(machine.address);
        Members(&other)
            .remove(|url| url != own && !present.iter().any(|known| known == url))
            .await?;
        Members(&other).add(machine.name, &own).await
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
        let own = flags::peer_url(self.vm.address);
        Members(&other).remove(|url| url == own).await
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
