//! Our library on a socket of this process, with the core kinds, the test kinds, and the users and front proxies of a real host.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use generic_apiserver::{
    authn::{ClientCertificates, RequestHeader, RequestHeaderConfig},
    registry::crd::definitions_from,
    serve::{VersionInfo, tls},
    storage::redb::Engine,
};
use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::Host;
use kubernetes_apiserver::{Cluster, ClusterOptions};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::kinds;

/// Longer than any run.
const VALIDITY: Duration = Duration::from_hours(24);

/// A running one; it ends with its runtime.
pub(crate) struct Library {
    /// `https://host:port`.
    pub(crate) url: String,
    /// PEM of who signed its certificate.
    pub(crate) authority: String,
    _cluster: Arc<Cluster>,
}

impl Library {
    /// Starts one with objects of its own, and with controllers or without.
    pub(crate) async fn start(host: &Host, controllers: bool) -> Self {
        let users = std::fs::read(host.authority_file()).unwrap();
        let front_proxies = std::fs::read(host.front_proxy_authority_file()).unwrap();
        let all_authorities = [front_proxies.as_slice(), b"\n", &users].concat();
        let version = VersionInfo {
            git_version: "v1.37.2".to_owned(),
            major: "1".to_owned(),
            minor: "37".to_owned(),
        };
        let cluster = Cluster::start(ClusterOptions {
            definitions: kinds::test_kinds()
                .iter()
                .flat_map(|kind| definitions_from(kind).unwrap())
                .collect(),
            authenticators: vec![
                Arc::new(RequestHeader::new(as_kube_apiserver_is_told(front_proxies)).unwrap()),
                Arc::new(ClientCertificates::new(&users).unwrap()),
            ],
            anonymous: true,
            ..ClusterOptions::new(Engine::in_memory().unwrap().keyspace("test/"), Arc::new(version))
        });
        let cluster = cluster.await.unwrap();
        if !controllers {
            cluster.stop().await;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (authority, _) = CertificateAuthority::generate("library-ca").unwrap();
        let pair = authority
            .issue_server("library", &[], &[address.ip()], VALIDITY)
            .unwrap();
        let tls = tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), Some(&all_authorities));
        let tls = Arc::new(ArcSwap::from_pointee(tls.unwrap()));
        tokio::spawn(cluster.server().clone().serve(listener, tls, CancellationToken::new()));
        Self {
            url: format!("https://{address}"),
            authority: authority.certificate().to_owned(),
            _cluster: cluster,
        }
    }
}

/// The flags of the host's kube-apiserver about front proxies.
pub(crate) fn as_kube_apiserver_is_told(ca_pem: Vec<u8>) -> RequestHeaderConfig {
    let name = |name: &str| vec![name.to_owned()];
    RequestHeaderConfig {
        ca_pem,
        allowed_names: name("front-proxy-client"),
        username_headers: name("X-Remote-User"),
        uid_headers: name("X-Remote-Uid"),
        group_headers: name("X-Remote-Group"),
        extra_header_prefixes: name("X-Remote-Extra-"),
    }
}
