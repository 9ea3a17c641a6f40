//! A real supervisor on loopback: etcd, kube-apiserver with the aggregation layer, kube-controller-manager, and upstream's
//! definitions of Cluster API, its kubeadm providers, CAPV and VM Operator.

mod cluster_api;
mod components;
mod crds;
mod members;
mod pki;
mod ports;
mod prepared;
mod programs;

use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use guestcluster_credentials::{
    kubeconfig::Kubeconfig,
    x509::{CertificateAuthority, CertifiedKey},
};

pub use self::{
    cluster_api::{ClusterApi, published_definitions},
    members::EtcdMembers,
    programs::{built, program},
};
use self::{
    components::{Etcd, Sync},
    pki::Pki,
};
use crate::{Daemon, Endpoint, Kubectl, supervisor::binaries};

/// Longest until kube-apiserver is ready, on a machine with much else to do.
const PATIENCE: u64 = 60;
/// Members may do everything.
const ADMINISTRATORS: &str = "system:masters";

/// A running host; stopped when dropped. Its files are in the folder that it was started in.
#[derive(Debug)]
pub struct Host {
    // In the order in which they are stopped.
    controller_manager: Option<Daemon>,
    apiserver: Option<Daemon>,
    etcd: Etcd,
    pki: Pki,
    folder: PathBuf,
    port: u16,
    /// Flags of kube-apiserver beside the usual ones.
    flags: Vec<String>,
}

impl Host {
    /// Starts one in this folder, which is made, and waits until it is ready.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, Vec::new())
    }

    /// As [`Self::start`], with further flags of kube-apiserver.
    pub fn start_with(folder: &Path, flags: Vec<String>) -> Self {
        let mut host = Self::start_without_controllers(folder, flags);
        host.restart_controllers();
        host
    }

    /// Starts the controllers, anew where they run: they know all kinds that are served at this moment.
    pub fn restart_controllers(&mut self) {
        self.controller_manager = None;
        let kubeconfig = self.kubeconfig("controller-manager", Some(ADMINISTRATORS), None);
        let controllers = components::controller_manager(&self.pki, &kubeconfig, &self.folder);
        self.controller_manager = Some(controllers);
    }

    /// As [`Self::start_with`], but nothing changes objects except those who send requests.
    pub fn start_without_controllers(folder: &Path, flags: Vec<String>) -> Self {
        fs::create_dir_all(folder).expect("the folder is ours");
        let data = folder.join("etcd");
        prepared::copy_to(&data);
        Self::start_on(folder, &data, flags)
    }

    /// One without controllers whose etcd answers a write when the disk has it: for measurements.
    pub fn start_durable(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder is ours");
        let data = folder.join("etcd");
        prepared::copy_to(&data);
        Self::start_beside(Etcd::start(&data, folder, Sync::Disk), folder, Vec::new())
    }

    /// etcd and kube-apiserver on this data, without controllers.
    fn start_on(folder: &Path, data: &Path, flags: Vec<String>) -> Self {
        Self::start_beside(Etcd::start(data, folder, Sync::No), folder, flags)
    }

    fn start_beside(etcd: Etcd, folder: &Path, flags: Vec<String>) -> Self {
        let pki = Pki::generate(&folder.join("pki")).expect("keys can be made");
        let mut host = Self {
            controller_manager: None,
            apiserver: None,
            etcd,
            pki,
            folder: folder.to_owned(),
            port: ports::free(Ipv4Addr::LOCALHOST),
            flags,
        };
        host.start_apiserver();
        host
    }

    /// Starts kube-apiserver, where it was before if it was, and waits until it is ready.
    pub fn start_apiserver(&mut self) {
        let endpoint = self.endpoint();
        let mut apiserver = components::apiserver(&self.pki, self.etcd.port, self.port, &self.flags, &self.folder);
        apiserver.await_that(PATIENCE, "is ready", || endpoint.get("/readyz").is_ok());
        self.apiserver = Some(apiserver);
    }

    /// Ends kube-apiserver at once; its objects stay.
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// An address on which kube-apiserver can reach a server of ours.
    pub fn reachable_address() -> SocketAddr {
        let address = ports::own_address();
        (address, ports::free(address)).into()
    }

    /// kubectl as an administrator, with caches of its own.
    pub fn admin(&self) -> Kubectl {
        let kubeconfig = self.kubeconfig("admin", Some(ADMINISTRATORS), None);
        Kubectl::new(&kubeconfig, &self.folder.join("home"), &binaries())
    }

    /// kube-apiserver as an administrator reaches it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let kubeconfig = self.kubeconfig("admin", Some(ADMINISTRATORS), None);
        Endpoint::of_kubeconfig(&kubeconfig).expect("it was just written")
    }

    /// Writes a kubeconfig for a user by a client certificate, and returns its path.
    pub fn kubeconfig(&self, user: &str, group: Option<&str>, namespace: Option<&str>) -> PathBuf {
        let credential = self.pki.user(user, group).expect("a certificate can be made");
        self.write_kubeconfig(user, &credential, namespace)
    }

    /// As [`Self::kubeconfig`], with a certificate of the authority for front proxies. `front-proxy-client` is believed whoever
    /// it says that it speaks for, other names are not.
    pub fn front_proxy_kubeconfig(&self, name: &str) -> PathBuf {
        let credential = self.pki.front_proxy(name).expect("a certificate can be made");
        self.write_kubeconfig(name, &credential, Some("front-proxy"))
    }

    /// The certificate that kube-apiserver shows to aggregated servers, in a file with its key.
    pub fn front_proxy_files(&self) -> [String; 2] {
        ["front-proxy-client.crt", "front-proxy-client.key"].map(|name| self.pki.file(name))
    }

    /// Lets kube-apiserver trust a further authority of front proxies, as an operator does who replaces it, and returns that.
    pub fn announce_front_proxies(&self) -> CertificateAuthority {
        self.pki.announce_front_proxies().expect("keys can be made")
    }

    /// Gives kube-apiserver a certificate of the next authority for aggregated servers.
    pub fn switch_front_proxies(&mut self, next: CertificateAuthority) {
        let switched = self.pki.switch_front_proxies(next);
        switched.expect("a certificate can be made");
    }

    /// Lets kube-apiserver trust the present authority of front proxies alone, and returns its certificate.
    pub fn retire_front_proxies(&self) -> &str {
        self.pki.retire_front_proxies()
    }

    fn write_kubeconfig(&self, user: &str, credential: &CertifiedKey, namespace: Option<&str>) -> PathBuf {
        let server = self.server();
        let kubeconfig = Kubeconfig {
            cluster: "supervisor",
            user,
            context: "supervisor",
            server: &server,
            certificate_authority: self.pki.authority(),
            credential,
            namespace,
        };
        let namespace = namespace.map(|namespace| format!("{namespace}.")).unwrap_or_default();
        // KUBECONFIG is a list with colons between its files.
        let file = self
            .folder
            .join(format!("{namespace}{}.kubeconfig", user.replace(':', "-")));
        write_private(&file, &kubeconfig.render());
        file
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `https://host:port` of kube-apiserver.
    pub fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Where its etcd answers, without TLS.
    pub fn etcd_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.etcd.port).into()
    }

    /// Path of the authority of users and of kube-apiserver's own certificate.
    pub fn authority_file(&self) -> String {
        self.pki.file("ca.crt")
    }

    /// Path of the authority of front proxies.
    pub fn front_proxy_authority_file(&self) -> String {
        self.pki.file("front-proxy-ca.crt")
    }

    /// Process ids of etcd, kube-apiserver and kube-controller-manager.
    pub fn pids(&self) -> Vec<u32> {
        let optional = self.apiserver.iter().chain(&self.controller_manager);
        [&self.etcd.daemon]
            .into_iter()
            .chain(optional)
            .map(Daemon::pid)
            .collect()
    }

    /// From here on kube-apiserver answers nothing, and no connection ends, until [`Self::thaw`].
    pub fn freeze(&self) {
        self.apiserver.iter().for_each(|apiserver| apiserver.signal("STOP"));
    }

    /// kube-apiserver goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.apiserver.iter().for_each(|apiserver| apiserver.signal("CONT"));
    }

    /// The end of kube-apiserver's log.
    pub fn log_tail(&self) -> String {
        self.apiserver.as_ref().map(Daemon::log_tail).unwrap_or_default()
    }
}

/// Writes a file that holds a secret; who reads it at the same time finds all of the old one or all of the new one.
pub(crate) fn write_private(path: &Path, content: &str) {
    // Of a name of its own, as others may write the same one at the same time; readable by its owner alone.
    let mut new =
        tempfile::NamedTempFile::new_in(path.parent().expect("a file lies in a folder")).expect("the folder is ours");
    new.write_all(content.as_bytes()).expect("the folder is ours");
    new.persist(path).expect("the folder is ours");
}
