//! guestclusters.dev behind the kube-apiserver of a real supervisor, which sends the requests and says whose they are.

mod admission;
mod ask;
mod authentication;
mod authorization;
mod contender;
pub(crate) mod failure;
pub(crate) mod host;
mod leading;
mod lease;
mod namespaces;
pub(crate) mod objects;
mod quotas;
mod registration;
mod server;
mod serving;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use generic_apiserver::{cache::Limits as History, storage::etcd};
use guestcluster_credentials::SubjectPolicy;

use crate::{audit, driver, layers::Layers, lifetime};

pub(crate) use serving::Source;

use server::Aggregated;

/// What the aggregated server is started with.
pub(crate) struct Config {
    /// How to reach kube-apiserver; none for a pod's service account.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Folder for the store where that is not etcd.
    pub(crate) data_dir: PathBuf,
    /// The etcd that keeps the objects, if one does.
    pub(crate) etcd: Option<etcd::Config>,
    /// How objects are encrypted where they are stored, if they are.
    pub(crate) encryption: Option<String>,
    /// The certificate that it shows.
    pub(crate) certificate: Source,
    /// Where it serves; port 0 picks a free one.
    pub(crate) listen: SocketAddr,
    /// Which layers run.
    pub(crate) layers: Layers,
    /// What VMs are, where the VM layer runs.
    pub(crate) driver: driver::Choice,
    /// Image of the agent of guests' control-plane nodes; none puts none there.
    pub(crate) guest_agent_image: Option<String>,
    /// Who may have credentials for guests.
    pub(crate) people: SubjectPolicy,
    /// Whether each of them must show the SSO token, too.
    pub(crate) require_subject_token: bool,
    /// How much of the past watches can resume from.
    pub(crate) history: History,
    /// The audit log, if any.
    pub(crate) audit: Option<audit::Config>,
    /// How long it serves on after it was told to stop.
    pub(crate) shutdown_delay: Duration,
}

/// Runs the server until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let started = |server: &Aggregated| tracing::info!(address = %server.address(), "serving");
    lifetime::run(Aggregated::start(config), started, config.shutdown_delay)
}
