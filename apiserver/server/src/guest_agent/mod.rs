//! `guestcluster-apiserver guest-agent`: runs beside the kube-apiserver of each control-plane node of a guest.
//!
//! It follows the ConfigMap in which the supervisor says what the guest trusts ([`trusted`]), serves the guest's keys on
//! loopback ([`documents`], [`loopback`]) and says there how it is ([`pulse`]), keeps the file by which kube-apiserver judges tokens and reports when that is in
//! force ([`enforcement`], [`metrics`]), and keeps the bindings of the levels ([`level_bindings`]). All that it needs lies
//! on the node's disk ([`folder`]): it works without the supervisor.

mod connection;
mod documents;
mod enforcement;
mod folder;
mod follower;
mod level_bindings;
mod loopback;
mod metrics;
mod pulse;
mod trusted;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    connection::Connections, documents::Documents, folder::Folder, follower::Follower, level_bindings::LevelBindings,
    loopback::Loopback, trusted::Trusted,
};
use crate::lifetime::{self, Server};

/// What the agent works with.
pub(crate) struct Config {
    /// How to reach the guest's API; none for the pod's service account.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The node, as it reports.
    pub(crate) node: String,
    /// Where the node's own kube-apiserver listens.
    pub(crate) address: SocketAddr,
    /// What kube-apiserver reads, and what the agent keeps.
    pub(crate) folder: PathBuf,
    /// Where it serves, on loopback.
    pub(crate) listen: SocketAddr,
    /// The minor of the node's Kubernetes 1; none asks kube-apiserver.
    pub(crate) minor: Option<u32>,
}

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let announce = |_: &Agent| tracing::info!(node = config.node, listen = %config.listen, "the guest agent runs");
    lifetime::run(Agent::start(config), announce, Duration::ZERO)
}

struct Agent {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Agent {
    /// Serves what the node knows already before anything is asked of the guest's API: kube-apiserver may wait for that.
    async fn start(config: &Config) -> anyhow::Result<Agent> {
        let folder = Folder::open(&config.folder)?;
        let trusted = Trusted::restore(&folder)?;
        let loopback = Loopback::open(&folder, config.listen)?;
        let documents = Arc::new(Documents::default());
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("--listen: cannot serve on {}", config.listen))?;
        let connections = Connections::open(config.kubeconfig.as_deref(), config.address).await?;
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(documents::serve(
            documents.clone(),
            listener,
            loopback.tls(),
            stop.clone(),
        ));
        let levels = LevelBindings::new(connections.guest.clone());
        let follower = Follower::new(config, folder, trusted, loopback, documents, connections);
        // Neither ends by itself.
        tasks.spawn(levels.run());
        tasks.spawn(follower.run());
        Ok(Agent { tasks, stop })
    }
}

impl Server for Agent {
    async fn failed(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Err(panic)) => anyhow::Error::from(panic).context("a part of the agent failed"),
            _ => anyhow::anyhow!("a part of the agent ended"),
        }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        // Every file is whole at any time, and a request that is cut is sent again by the next agent.
        self.tasks.shutdown().await;
    }
}
