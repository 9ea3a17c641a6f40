//! The servers that are compared: one real kube-apiserver, and two of ours.

use std::collections::BTreeMap;

use guestcluster_tests::{Host, Start, Supervisor};
use kube::{Client, Config};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    client::{Server, User, config},
    compare::{kinds, library::Library},
};

/// Which of our servers a case is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// The library in this process, with the core kinds and the test kinds.
    Library,
    /// The embedded supervisor, with the kinds of guest clusters and their rules.
    Embedded,
}

/// All servers; they end with this value.
pub(crate) struct Servers {
    pub(crate) runtime: Runtime,
    pub(crate) theirs: Server,
    library: Server,
    embedded: Server,
    _running: (Host, Supervisor, Library, TempDir),
}

impl Servers {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (host, supervisor) = std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                Supervisor::start(Start {
                    layers: Some("none".to_owned()),
                    ..Start::default()
                })
            });
            let host = Host::start_without_controllers(&folder.path().join("host"));
            (host, supervisor.join().unwrap())
        });
        let theirs = runtime.block_on(server(|user| host_kubeconfig(&host, user)));
        let embedded = runtime.block_on(server(|user| match user {
            User::Dev => supervisor.user_kubeconfig(user.name()),
            User::Admin | User::Nobody => supervisor.admin_kubeconfig(),
        }));
        let (library, running) = runtime.block_on(start_library(&host));
        let admin = runtime.block_on(config(&host_kubeconfig(&host, User::Admin), User::Admin));
        runtime.block_on(async { kinds::install(&Client::try_from(admin).unwrap()).await });
        Self {
            runtime,
            theirs,
            library,
            embedded,
            _running: (host, supervisor, running, folder),
        }
    }

    pub(crate) fn ours(&self, which: Ours) -> &Server {
        match which {
            Ours::Library => &self.library,
            Ours::Embedded => &self.embedded,
        }
    }
}

/// A server that these kubeconfigs lead to.
async fn server(kubeconfig: impl Fn(User) -> std::path::PathBuf) -> Server {
    let mut configs = BTreeMap::new();
    for user in User::ALL {
        configs.insert(user, config(&kubeconfig(user), user).await);
    }
    Server::new(configs)
}

fn host_kubeconfig(host: &Host, user: User) -> std::path::PathBuf {
    let group = (user == User::Admin).then_some("system:masters");
    host.kubeconfig(user.name(), group, None)
}

/// The library's users are the host's. It has no controllers, as the host has none.
async fn start_library(host: &Host) -> (Server, Library) {
    let library = Library::start(host, false).await;
    let mut configs = BTreeMap::new();
    for user in User::ALL {
        let theirs = config(&host_kubeconfig(host, user), user).await;
        configs.insert(user, elsewhere(theirs, &library.url, &library.authority));
    }
    (Server::new(configs), library)
}

/// The same credential for another server.
fn elsewhere(mut config: Config, url: &str, authority: &str) -> Config {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    config.cluster_url = url.parse().unwrap();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    config.root_cert = Some(vec![certificate.to_vec()]);
    config
}
