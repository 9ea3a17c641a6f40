//! The API server of a guest, with the guest's own authority, roles and objects.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use generic_apiserver::{
    authn::ClientCertificates,
    registry::Registry,
    serve::{VersionInfo, tls},
    status::Status,
    storage::Store,
};
use guestcluster_credentials::x509::{CertificateAuthority, X509Error};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::cloud_init::Authority;

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
}

/// A guest's API server, answering.
pub(crate) struct GuestServer {
    version: String,
    cluster: Arc<Cluster>,
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
        let cluster = Cluster::start(ClusterOptions {
            authenticators: vec![Arc::new(clients)],
            // kubeadm join reads kube-public/cluster-info without signing in; a role gives no more than that.
            anonymous: true,
            ..ClusterOptions::new(options.store, version)
        })
        .await
        .map_err(|error| GuestError::Cluster(error.to_string()))?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(cluster.server().clone().serve(
            listener,
            Arc::new(ArcSwap::from_pointee(tls)),
            stop.clone(),
        ));
        Ok(Self {
            version: options.version,
            cluster,
            serving,
            stop,
        })
    }

    /// The Kubernetes version that it shows.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Its objects.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        self.cluster.registry()
    }

    /// Stops it; the objects stay.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if let Ok(Err(error)) = self.serving.await {
            tracing::warn!(%error, "a guest's listener ended badly");
        }
        self.cluster.stop().await;
    }
}

fn version_info(version: &str) -> VersionInfo {
    let mut numbers = version.trim_start_matches('v').split('.');
    VersionInfo {
        git_version: version.to_owned(),
        major: numbers.next().unwrap_or("1").to_owned(),
        minor: numbers.next().unwrap_or("0").to_owned(),
    }
}
