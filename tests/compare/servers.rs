//! The servers that are compared: a real kube-apiserver, and two of ours.

use guestcluster_tests::{Host, Start, Supervisor};
use kube::{Client, Config, config::Kubeconfig};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{kinds, library::Library};

/// Which of our servers is compared with the real one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// The library in this process, with the core kinds and the test kinds.
    Library,
    /// The embedded supervisor, with the kinds of guest clusters and their rules.
    Embedded,
}

/// All servers; they end with this value.
pub(crate) struct Running {
    pub(crate) runtime: Runtime,
    pub(crate) host: Host,
    pub(crate) supervisor: Supervisor,
    pub(crate) library: Library,
    _folder: TempDir,
}

impl Running {
    /// Starts them, with controllers or with nobody who changes objects beside those who send requests, and gives all kinds to
    /// kube-apiserver.
    pub(crate) fn start(controllers: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (host, supervisor) = std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                Supervisor::start(Start {
                    layers: Some("none".to_owned()),
                    ..Start::default()
                })
            });
            let host = folder.path().join("host");
            let host = if controllers {
                Host::start(&host)
            } else {
                Host::start_without_controllers(&host, Vec::new())
            };
            (host, supervisor.join().unwrap())
        });
        let library = runtime.block_on(async {
            let admin = Kubeconfig::read_from(host.kubeconfig("admin", Some("system:masters"), None)).unwrap();
            let admin = Config::from_custom_kubeconfig(admin, &Default::default())
                .await
                .unwrap();
            kinds::install(&Client::try_from(admin).unwrap()).await;
            Library::start(&host, controllers).await
        });
        Self {
            runtime,
            host,
            supervisor,
            library,
            _folder: folder,
        }
    }
}
