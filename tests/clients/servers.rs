//! The servers that clients talk to: a real kube-apiserver with its controllers, and two of ours.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guestcluster_tests::{Host, Start, Supervisor};
use kube::{Client, Config, config::Kubeconfig};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::compare::{kinds, library::Library};

/// Those that run, for tests that run at the same time.
static RUNNING: Mutex<Weak<Servers>> = Mutex::new(Weak::new());

/// Which of our servers is compared with the real one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// The library in this process, with the core kinds and the test kinds.
    Library,
    /// The embedded supervisor, with the kinds of guest clusters and their rules.
    Embedded,
}

/// All of them; they end with the last test that uses them.
pub(crate) struct Servers {
    /// Kubeconfigs of an administrator: of the real one, and of ours.
    theirs: Value,
    library: Value,
    embedded: Value,
    runtime: Runtime,
    folder: TempDir,
    _running: (Host, Supervisor, Library),
}

impl Servers {
    /// The servers of this process, which the first test starts.
    pub(crate) fn shared() -> Arc<Self> {
        let mut running = RUNNING.lock();
        running.upgrade().unwrap_or_else(|| {
            let servers = Arc::new(Self::start());
            *running = Arc::downgrade(&servers);
            servers
        })
    }

    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (host, supervisor) = std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                Supervisor::start(Start {
                    layers: Some("none".to_owned()),
                    ..Start::default()
                })
            });
            let host = Host::start(&folder.path().join("host"));
            (host, supervisor.join().unwrap())
        });
        let library = runtime.block_on(Library::start(&host, true));
        let theirs = read(&host.kubeconfig("admin", Some("system:masters"), None));
        let mut config = theirs.clone();
        config["clusters"][0]["cluster"] = json!({
            "server": library.url,
            "certificate-authority-data": STANDARD.encode(&library.authority),
        });
        let servers = Self {
            theirs,
            library: config,
            embedded: read(&supervisor.admin_kubeconfig()),
            runtime,
            folder,
            _running: (host, supervisor, library),
        };
        let [theirs, _] = servers.kubeconfigs(Ours::Library, "default");
        servers.block_on(async { kinds::install(&client(&theirs).await).await });
        servers
    }

    /// Kubeconfigs of an administrator, for the real server and for ours, in this namespace.
    pub(crate) fn kubeconfigs(&self, ours: Ours, namespace: &str) -> [PathBuf; 2] {
        let (name, ours) = match ours {
            Ours::Library => ("library", &self.library),
            Ours::Embedded => ("embedded", &self.embedded),
        };
        [("theirs", &self.theirs), (name, ours)].map(|(side, config)| {
            let mut config = config.clone();
            config["contexts"][0]["context"]["namespace"] = namespace.into();
            let file = self.folder.path().join(format!("{namespace}.{side}.kubeconfig"));
            std::fs::write(&file, config.to_string()).unwrap();
            file
        })
    }

    /// Waits for something asynchronous.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// A client by a kubeconfig.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    Client::try_from(config(kubeconfig).await).unwrap()
}

/// The same to another address that leads to its server.
pub(crate) async fn client_through(kubeconfig: &Path, address: SocketAddr) -> Client {
    let mut config = config(kubeconfig).await;
    config.cluster_url = format!("https://{address}").parse().unwrap();
    Client::try_from(config).unwrap()
}

async fn config(kubeconfig: &Path) -> Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await;
    config.unwrap()
}

/// `host:port` of the server that a kubeconfig leads to.
pub(crate) fn address(kubeconfig: &Path) -> String {
    let config = read(kubeconfig);
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    server.trim_start_matches("https://").to_owned()
}

fn read(kubeconfig: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(kubeconfig).unwrap()).unwrap()
}
