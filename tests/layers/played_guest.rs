//! A guest's API server as the test plays it: the API server library with the core kinds, over TLS on an address of its
//! own, signed by the guest's authority.

use std::{net::IpAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use generic_apiserver::{
    authn::{ClientCertificates, User},
    serve::{VersionInfo, tls::server_config},
    storage::redb::Engine,
};
use guestcluster_credentials::x509::CertificateAuthority;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kubernetes_apiserver::{Cluster, ClusterOptions};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, sync::DropGuard};

use super::played_evictions::Evictions;

const DAY: Duration = Duration::from_hours(24);

/// A guest's API server that runs until it is dropped.
pub(crate) struct PlayedGuest {
    /// An administrator's client.
    pub(crate) client: Client,
    _cluster: Arc<Cluster>,
    _stop: DropGuard,
}

impl PlayedGuest {
    /// Starts it on `address`:6443 with the authority in the Secret `<cluster>-ca`.
    pub(crate) async fn start(address: IpAddr, authority: &Secret, evictions: Option<Arc<Evictions>>) -> Result<Self> {
        let (certificate, key) = (text(authority, "tls.crt")?, text(authority, "tls.key")?);
        let serving =
            CertificateAuthority::from_pem(&certificate, &key)?.issue_server("kube-apiserver", &[], &[address], DAY)?;
        let engine = Engine::in_memory()?;
        let version = VersionInfo {
            git_version: "v1.34.0".into(),
            major: "1".into(),
            minor: "34".into(),
        };
        let mut options = ClusterOptions::new(engine.keyspace("guest/"), Arc::new(version));
        options
            .authenticators
            .push(Arc::new(ClientCertificates::new(certificate.as_bytes())?));
        let cluster = Cluster::start(options).await?;
        let tls = server_config(
            serving.certificate.as_bytes(),
            serving.key.as_bytes(),
            Some(certificate.as_bytes()),
        )?;
        let listener = TcpListener::bind((address, 6443)).await?;
        let stop = CancellationToken::new();
        let root = User {
            name: "root".into(),
            groups: vec!["system:masters".into()],
            ..User::default()
        };
        let service = cluster.server().local_service(root);
        let client = Client::new(service.clone(), "default");
        let end = stop.clone();
        match evictions {
            Some(evictions) => {
                let serving = evictions.serve(client.clone(), service, listener, tls);
                tokio::spawn(async move { end.run_until_cancelled(serving).await });
            }
            None => {
                let server = cluster.server().clone();
                tokio::spawn(server.serve(listener, Arc::new(ArcSwap::from_pointee(tls)), end));
            }
        }
        Ok(Self {
            client,
            _cluster: cluster,
            _stop: stop.drop_guard(),
        })
    }
}

fn text(secret: &Secret, key: &str) -> Result<String> {
    let value = secret
        .data
        .as_ref()
        .and_then(|data| data.get(key))
        .with_context(|| format!("no {key}"))?;
    Ok(String::from_utf8(value.0.clone())?)
}
