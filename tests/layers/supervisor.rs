//! An API server in this process with our kinds and those of the layers below.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use generic_apiserver::{
    authn::User,
    authz::SystemMasters,
    registry::{Registry, ResourceDefinition, crd::definition_from},
    serve::{ApiServer, VersionInfo},
    storage::redb::Engine,
};
use guestcluster_controllers::{guest, reports::Hearer, runs::Runs};
use guestcluster_types::{GuestCluster, GuestClusterRelease};
use kube::{Client, CustomResourceExt};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take in one process.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The API server, with a client that may do everything.
pub(crate) struct Supervisor {
    pub(crate) client: Client,
    _server: Arc<ApiServer>,
}

/// Which kinds are served beside our own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Those of the layers below.
    All,
    /// None.
    OursAlone,
}

impl Supervisor {
    pub(crate) async fn start(kinds: Kinds) -> Result<Self> {
        let definitions = match kinds {
            Kinds::All => with_secrets(definitions()?),
            Kinds::OursAlone => all_of_ours()?,
        };
        let engine = Engine::in_memory()?;
        let registry = Registry::start(engine.keyspace("sup/"), definitions.into(), vec![]).await?;
        let server = ApiServer::builder(registry).authorizer(Arc::new(SystemMasters)).build();
        Ok(Self {
            client: Client::new(server.local_service(root()), "team-a"),
            _server: server,
        })
    }

    /// Runs the guest layer until it is dropped or stopped.
    pub(crate) fn run_guest_layer(&self) -> Running {
        let stop = CancellationToken::new();
        let task = tokio::spawn(guest::run(
            self.client.clone(),
            guest::Gauges::default(),
            Hearer::default(),
            Runs::default(),
            stop.clone(),
        ));
        Running { stop, task }
    }
}

/// A layer that runs.
pub(crate) struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .context("the layer did not stop")??;
        Ok(())
    }
}

/// A whole cluster in this process, with these kinds beside the core ones, and a client that may do everything in it.
pub(crate) async fn cluster(definitions: Vec<ResourceDefinition>) -> Result<(Arc<Cluster>, Client)> {
    let version = VersionInfo {
        git_version: "v1.37.2".into(),
        major: "1".into(),
        minor: "37".into(),
    };
    let store = Engine::in_memory()?.keyspace("sup/");
    let mut options = ClusterOptions::new(store, Arc::new(version));
    options.definitions = definitions;
    let cluster = Cluster::start(options).await?;
    let client = Client::new(cluster.server().local_service(root()), "team-a");
    Ok((cluster, client))
}

/// Who may do everything.
pub(crate) fn root() -> User {
    User {
        name: "root".into(),
        groups: vec!["system:masters".into()],
        ..User::default()
    }
}

/// The guest layer keeps the keys of guests in Secrets.
fn with_secrets(mut definitions: Vec<ResourceDefinition>) -> Vec<ResourceDefinition> {
    let core = kubernetes_apiserver::core_definitions();
    definitions.extend(core.iter().filter(|kind| kind.names.plural == "secrets").cloned());
    definitions
}

/// Our kinds and those of the layers below.
pub(crate) fn definitions() -> Result<Vec<ResourceDefinition>> {
    let mut all = all_of_ours()?;
    all.extend(upstream()?);
    Ok(all)
}

/// Our kinds.
pub(crate) fn all_of_ours() -> Result<Vec<ResourceDefinition>> {
    Ok(vec![ours(&GuestCluster::crd())?, ours(&GuestClusterRelease::crd())?])
}

fn ours(crd: &impl serde::Serialize) -> Result<ResourceDefinition> {
    let mut crd = serde_json::to_value(crd)?;
    crd["spec"]["versions"][0]["subresources"] = match crd["spec"]["names"]["kind"].as_str() {
        Some("GuestCluster") => json!({"status": {}}),
        _ => json!({}),
    };
    Ok(definition_from(&crd)?)
}

/// Those of the layers below.
pub(crate) fn upstream() -> Result<Vec<ResourceDefinition>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../apiserver/types/schemas");
    let mut definitions = vec![];
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let crd: Value = serde_json::from_slice(&std::fs::read(entry?.path())?)?;
        definitions.push(definition_from(&crd)?);
    }
    Ok(definitions)
}
