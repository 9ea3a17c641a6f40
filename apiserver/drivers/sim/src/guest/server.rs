//! The API server of a guest, with the guest's own authority, roles and objects.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use futures::FutureExt as _;
use generic_apiserver::{
    authn::ClientCertificates,
    registry::{Registry, Resource},
    serve::{VersionInfo, tls},
    status::Status,
    storage::Store,
};
use guest_system::cloud_init::Authority;
use guestcluster_credentials::{
    levels,
    x509::{CertificateAuthority, X509Error},
};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    level_bindings::LevelBindings,
    tokens::Tokens,
    trust::{ControlPlane, LastGood, TrustFollower, Trusted},
};
use crate::ledger::LedgerError;

/// As kubeadm's serving certificates.
const SERVING_VALIDITY: Duration = Duration::from_hours(8760);

/// What a guest's server starts with.
pub(crate) struct ServerOptions {
    /// Its objects.
    pub(crate) store: Arc<dyn Store>,
    /// Where clients reach it.
    pub(crate) address: Ipv4Addr,
    /// The guest's authority.
    pub(crate) authority: Authority,
    /// The Kubernetes version that it shows.
    pub(crate) version: String,
    /// The control-plane nodes that run it.
    pub(crate) nodes: ControlPlane,
    /// What they trusted last.
    pub(crate) last_good: LastGood,
}

/// A guest's API server, answering.
pub(crate) struct GuestServer {
    version: String,
    cluster: Arc<Cluster>,
    nodes: watch::Sender<ControlPlane>,
    agent: JoinSet<()>,
    serving: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
}

/// A guest's server could not start or do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestError {
    /// Certificates.
    #[error(transparent)]
    Certificates(#[from] X509Error),
    /// TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// The cluster.
    #[error("guest API server: {0}")]
    Cluster(String),
    /// What its nodes trusted last could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An object was refused.
    #[error("guest API server: {}", .0.message)]
    Refused(Status),
}

impl GuestServer {
    /// Starts the server; it answers when this returns.
    pub(crate) async fn start(options: ServerOptions, listener: TcpListener) -> Result<Self, GuestError> {
        let authority = CertificateAuthority::from_pem(&options.authority.certificate, &options.authority.key)?;
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let addresses = [IpAddr::V4(options.address), IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let serving = authority.issue_server("kube-apiserver", &names, &addresses, SERVING_VALIDITY)?;
        let ca = authority.certificate().as_bytes();
        let tls = tls::server_config(serving.certificate.as_bytes(), serving.key.as_bytes(), Some(ca))
            .map_err(|error| GuestError::Tls(error.to_string()))?;
        let clients = ClientCertificates::new(ca).map_err(|error| GuestError::Tls(error.to_string()))?;
        let version = Arc::new(version_info(&options.version));
        let trusted = Arc::new(Trusted::default());
        let cluster = Cluster::start(ClusterOptions {
            // A client certificate comes first: with one, a token is not looked at.
            authenticators: vec![Arc::new(clients), Arc::new(Tokens::new(trusted.clone()))],
            // kubeadm join reads kube-public/cluster-info without signing in; a role gives no more than that.
            anonymous: true,
            extra_cluster_roles: levels::cluster_objects(),
            ..ClusterOptions::new(options.store, version)
        })
        .await
        .map_err(|error| GuestError::Cluster(error.to_string()))?;
        let stop = CancellationToken::new();
        let nodes = watch::Sender::new(options.nodes);
        let follower = TrustFollower::start(cluster.registry(), trusted, nodes.subscribe(), options.last_good).await?;
        let levels = LevelBindings::new(cluster.registry())?;
        let mut agent = JoinSet::new();
        agent.spawn(stop.clone().run_until_cancelled_owned(follower.run()).map(drop));
        agent.spawn(stop.clone().run_until_cancelled_owned(levels.run()).map(drop));
        let serving = tokio::spawn(cluster.server().clone().serve(
            listener,
            Arc::new(ArcSwap::from_pointee(tls)),
            stop.clone(),
        ));
        Ok(Self {
            version: options.version,
            cluster,
            nodes,
            agent,
            serving,
            stop,
        })
    }

    /// The Kubernetes version that it shows.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Other control-plane nodes run it from here on.
    pub(crate) fn run_by(&self, nodes: ControlPlane) {
        self.nodes.send_if_modified(|known| {
            let changed = *known != nodes;
            *known = nodes;
            changed
        });
    }

    /// Its objects.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        self.cluster.registry()
    }

    pub(super) fn resource(&self, group: &str, plural: &str) -> Result<Arc<Resource>, GuestError> {
        resource(self.registry(), group, plural)
    }

    /// What answers its requests.
    #[cfg(test)]
    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Stops it; the objects stay.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while self.agent.join_next().await.is_some() {}
        if let Ok(Err(error)) = self.serving.await {
            tracing::warn!(%error, "a guest's listener ended badly");
        }
        self.cluster.stop().await;
    }
}

/// A resource of a cluster.
pub(super) fn resource(registry: &Registry, group: &str, plural: &str) -> Result<Arc<Resource>, GuestError> {
    let resource = registry.resource(group, plural);
    resource.ok_or_else(|| GuestError::Cluster(format!("{plural} are not served")))
}

fn version_info(version: &str) -> VersionInfo {
    let mut numbers = version.trim_start_matches('v').split('.');
    VersionInfo {
        git_version: version.to_owned(),
        major: numbers.next().unwrap_or("1").to_owned(),
        minor: numbers.next().unwrap_or("0").to_owned(),
    }
}
