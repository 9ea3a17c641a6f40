//! The servers that clients talk to, by kubeconfigs.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{Client, Config, config::Kubeconfig};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::compare::servers::{Ours, Running};

/// Those that run, for tests that run at the same time.
static RUNNING: Mutex<Weak<Servers>> = Mutex::new(Weak::new());

/// All of them; they end with the last test that uses them.
pub(crate) struct Servers {
    /// Kubeconfigs of an administrator: of the real one, and of ours.
    theirs: Value,
    library: Value,
    embedded: Value,
    folder: TempDir,
    running: Running,
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
        let running = Running::start(true);
        let theirs = read(&running.host.kubeconfig("admin", Some("system:masters"), None));
        let mut library = theirs.clone();
        library["clusters"][0]["cluster"] = json!({
            "server": running.library.url,
            "certificate-authority-data": STANDARD.encode(&running.library.authority),
        });
        Self {
            theirs,
            library,
            embedded: read(&running.supervisor.admin_kubeconfig()),
            folder: tempfile::tempdir().unwrap(),
            running,
        }
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
        self.running.runtime.block_on(future)
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
