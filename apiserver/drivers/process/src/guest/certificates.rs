//! The certificates and kubeconfigs that kubeadm makes from the authorities of the bootstrap data. They are made anew
//! whenever the VM starts.

use std::{net::IpAddr, time::Duration};

use guestcluster_credentials::{
    kubeconfig::Kubeconfig,
    levels,
    x509::{CertificateAuthority, CertifiedKey, X509Error},
};

use super::{configuration::ClusterConfiguration, flags::API_PORT};
use crate::{files::Disk, record::Vm, trouble::Trouble};

/// As kubeadm's.
const VALIDITY: Duration = Duration::from_hours(8760);
const PKI: &str = "/etc/kubernetes/pki";
/// The kubeconfig of the guest's agent, in /etc/kubernetes.
pub(super) const AGENT: &str = "guest-agent.conf";
/// The group of administrators, which RBAC gives its rights.
const ADMINISTRATORS: &str = "kubeadm:cluster-admins";
/// The group that may do everything whatever RBAC says.
const MASTERS: &str = "system:masters";

/// The authority of the guest, and whom this VM acts as.
pub(super) struct Credentials {
    /// PEM of the guest's authority.
    pub(super) authority: String,
    /// May do everything in the guest.
    pub(super) administrator: CertifiedKey,
    /// The member of its etcd, where that runs on these VMs.
    pub(super) etcd: Option<EtcdMember>,
    /// The node.
    pub(super) kubelet: CertifiedKey,
}

/// What a member of an etcd trusts, and what it is trusted by.
pub(super) struct EtcdMember {
    /// PEM of the authority.
    pub(super) authority: String,
    /// Its certificate.
    pub(super) pair: CertifiedKey,
}

/// A guest's authority alone, for a VM that has to ask the guest before it can make the rest.
pub(super) fn administrator(disk: &Disk) -> Result<(String, CertifiedKey), Trouble> {
    let authority = authority(disk, "ca")?;
    let pair = authority
        .issue_client("kubernetes-super-admin", Some(MASTERS), VALIDITY)
        .map_err(Trouble::failed)?;
    Ok((authority.certificate().to_owned(), pair))
}

/// Makes and writes all of them, beside those of the etcd member.
pub(super) fn write(
    disk: &Disk,
    vm: &Vm,
    configuration: &ClusterConfiguration,
    etcd: Option<EtcdMember>,
) -> Result<Credentials, Trouble> {
    let authorities = Authorities {
        users: authority(disk, "ca")?,
        front_proxies: authority(disk, "front-proxy-ca")?,
    };
    authorities.write_pki(disk, vm, configuration)?;
    authorities.write_kubeconfigs(disk, vm, configuration, etcd)
}

/// Makes and writes those of a member whose authority is in the bootstrap data, and of kube-apiserver in front of it.
pub(super) fn write_stacked_member(disk: &Disk, vm: &Vm) -> Result<EtcdMember, Trouble> {
    let authority = authority(disk, "etcd/ca")?;
    let client = authority.issue_client("kube-apiserver-etcd-client", None, VALIDITY);
    write_pair(disk, "apiserver-etcd-client", client)?;
    write_member(disk, vm, &authority)
}

/// Makes and writes those of a member whose authority was asked for.
pub(super) fn write_member_beside(disk: &Disk, vm: &Vm, signing: &CertifiedKey) -> Result<EtcdMember, Trouble> {
    let authority = CertificateAuthority::from_pem(&signing.certificate, &signing.key).map_err(Trouble::failed)?;
    disk.write(&format!("{PKI}/etcd/ca.crt"), authority.certificate())
        .map_err(Trouble::failed)?;
    write_member(disk, vm, &authority)
}

fn write_member(disk: &Disk, vm: &Vm, authority: &CertificateAuthority) -> Result<EtcdMember, Trouble> {
    let (names, addresses) = (["localhost", &vm.key.name], [IpAddr::V4(vm.address)]);
    let member = || authority.issue_peer(&vm.key.name, &names, &addresses, VALIDITY);
    write_pair(disk, "etcd/server", member())?;
    Ok(EtcdMember {
        authority: authority.certificate().to_owned(),
        pair: write_pair(disk, "etcd/peer", member())?,
    })
}

struct Authorities {
    users: CertificateAuthority,
    front_proxies: CertificateAuthority,
}

impl Authorities {
    fn write_pki(&self, disk: &Disk, vm: &Vm, configuration: &ClusterConfiguration) -> Result<(), Trouble> {
        let (mut names, mut addresses) = configuration.names()?;
        names.push(vm.key.name.clone());
        addresses.push(IpAddr::V4(vm.address));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let serving = self.users.issue_server("kube-apiserver", &names, &addresses, VALIDITY);
        write_pair(disk, "apiserver", serving)?;
        let kubelets = "kube-apiserver-kubelet-client";
        let kubelets = self.users.issue_client(kubelets, Some(ADMINISTRATORS), VALIDITY);
        write_pair(disk, "apiserver-kubelet-client", kubelets)?;
        let proxy = self.front_proxies.issue_client("front-proxy-client", None, VALIDITY);
        write_pair(disk, "front-proxy-client", proxy)?;
        Ok(())
    }

    fn write_kubeconfigs(
        &self,
        disk: &Disk,
        vm: &Vm,
        configuration: &ClusterConfiguration,
        etcd: Option<EtcdMember>,
    ) -> Result<Credentials, Trouble> {
        let shared = format!("https://{}", configuration.endpoint()?);
        let own = format!("https://{}:{API_PORT}", vm.address);
        let node = format!("system:node:{}", vm.key.name);
        let write = |file: &str, server: &str, user: &str, group: Option<&str>| {
            let pair = self
                .users
                .issue_client(user, group, VALIDITY)
                .map_err(Trouble::failed)?;
            let kubeconfig = Kubeconfig {
                cluster: configuration.cluster_name(),
                user,
                context: &format!("{user}@{}", configuration.cluster_name()),
                server,
                certificate_authority: self.users.certificate(),
                credential: &pair,
                namespace: None,
            };
            disk.write(&format!("/etc/kubernetes/{file}"), &kubeconfig.render())
                .map_err(Trouble::failed)?;
            Ok::<_, Trouble>(pair)
        };
        write("admin.conf", &shared, "kubernetes-admin", Some(ADMINISTRATORS))?;
        write("controller-manager.conf", &own, "system:kube-controller-manager", None)?;
        write(AGENT, &own, &levels::agent_user(), None)?;
        Ok(Credentials {
            authority: self.users.certificate().to_owned(),
            administrator: write("super-admin.conf", &shared, "kubernetes-super-admin", Some(MASTERS))?,
            etcd,
            kubelet: write("kubelet.conf", &own, &node, Some("system:nodes"))?,
        })
    }
}

fn authority(disk: &Disk, name: &str) -> Result<CertificateAuthority, Trouble> {
    let read = |file: String| match disk.read(&file) {
        Ok(Some(text)) => Ok(text),
        Ok(None) => Err(Trouble::failed(format!("{file} is missing from the bootstrap data"))),
        Err(error) => Err(Trouble::failed(format!("{file}: {error}"))),
    };
    let (certificate, key) = (read(format!("{PKI}/{name}.crt"))?, read(format!("{PKI}/{name}.key"))?);
    CertificateAuthority::from_pem(&certificate, &key)
        .map_err(|error| Trouble::failed(format!("{PKI}/{name}.crt: {error}")))
}

fn write_pair(disk: &Disk, name: &str, pair: Result<CertifiedKey, X509Error>) -> Result<CertifiedKey, Trouble> {
    let pair = pair.map_err(|error| Trouble::failed(format!("{PKI}/{name}.crt: {error}")))?;
    let write = |kind: &str, content: &str| {
        disk.write(&format!("{PKI}/{name}.{kind}"), content)
            .map_err(|error| Trouble::failed(format!("{PKI}/{name}.{kind}: {error}")))
    };
    write("crt", &pair.certificate)?;
    write("key", &pair.key)?;
    Ok(pair)
}
