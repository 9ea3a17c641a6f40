//! The servers that are compared: one real kube-apiserver, and two of ours.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use generic_apiserver::{
    authn::ClientCertificates,
    registry::crd::definition_from,
    serve::{VersionInfo, tls},
    storage::redb::Engine,
};
use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::{Host, Start, Supervisor};
use guestcluster_types::{GuestCluster, GuestClusterRelease, GuestCredential, GuestRevocation};
use http_body_util::{BodyExt as _, Full};
use kube::{Config, CustomResourceExt as _};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

use crate::client::{Server, User, config};

/// The kinds that are there only to be tested.
const TEST_KINDS: [&str; 2] = [include_str!("widgets.yaml"), include_str!("gadgets.yaml")];
/// Longer than any run.
const VALIDITY: Duration = Duration::from_hours(24);
/// Longest until kube-apiserver serves the definitions that it was given.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Which of our servers a case is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ours {
    /// The library in this process, with the core kinds and the test kinds.
    Library,
    /// The embedded supervisor, with the kinds of guest clusters and their rules.
    Embedded,
}

/// All servers; they end with this value.
pub(crate) struct Servers {
    pub(crate) runtime: Runtime,
    pub(crate) theirs: Server,
    library: Server,
    embedded: Server,
    _running: (Host, Supervisor, Arc<Cluster>, TempDir),
}

impl Servers {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (host, supervisor) = std::thread::scope(|scope| {
            let supervisor = scope.spawn(|| {
                Supervisor::start(Start {
                    layers: Some("none".to_owned()),
                    ..Start::default()
                })
            });
            let host = Host::start_without_controllers(&folder.path().join("host"));
            (host, supervisor.join().unwrap())
        });
        let theirs = runtime.block_on(server(|user| host_kubeconfig(&host, user)));
        let embedded = runtime.block_on(server(|user| match user {
            User::Dev => supervisor.user_kubeconfig(user.name()),
            User::Admin | User::Nobody => supervisor.admin_kubeconfig(),
        }));
        let (library, cluster) = runtime.block_on(start_library(&host));
        runtime.block_on(install(&theirs));
        Self {
            runtime,
            theirs,
            library,
            embedded,
            _running: (host, supervisor, cluster, folder),
        }
    }

    pub(crate) fn ours(&self, which: Ours) -> &Server {
        match which {
            Ours::Library => &self.library,
            Ours::Embedded => &self.embedded,
        }
    }
}

/// A server that these kubeconfigs lead to.
async fn server(kubeconfig: impl Fn(User) -> std::path::PathBuf) -> Server {
    let mut configs = BTreeMap::new();
    for user in User::ALL {
        configs.insert(user, config(&kubeconfig(user), user).await);
    }
    Server::new(configs)
}

fn host_kubeconfig(host: &Host, user: User) -> std::path::PathBuf {
    let group = (user == User::Admin).then_some("system:masters");
    host.kubeconfig(user.name(), group, None)
}

/// The library on a socket, with the host's users, and without controllers, as they have none.
async fn start_library(host: &Host) -> (Server, Arc<Cluster>) {
    let users = std::fs::read(host.authority_file()).unwrap();
    let version = VersionInfo {
        git_version: "v1.37.2".to_owned(),
        major: "1".to_owned(),
        minor: "37".to_owned(),
    };
    let cluster = Cluster::start(ClusterOptions {
        definitions: TEST_KINDS.map(|text| definition_from(&parse(text)).unwrap()).into(),
        authenticators: vec![Arc::new(ClientCertificates::new(&users).unwrap())],
        anonymous: true,
        ..ClusterOptions::new(Engine::in_memory().unwrap().keyspace("test/"), Arc::new(version))
    });
    let cluster = cluster.await.unwrap();
    cluster.stop().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (authority, _) = CertificateAuthority::generate("library").unwrap();
    let pair = authority
        .issue_server("library", &[], &[address.ip()], VALIDITY)
        .unwrap();
    let tls = tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), Some(&users)).unwrap();
    let tls = Arc::new(ArcSwap::from_pointee(tls));
    tokio::spawn(cluster.server().clone().serve(listener, tls, CancellationToken::new()));
    let mut configs = BTreeMap::new();
    for user in User::ALL {
        let theirs = config(&host_kubeconfig(host, user), user).await;
        configs.insert(
            user,
            elsewhere(theirs, &format!("https://{address}"), authority.certificate()),
        );
    }
    (Server::new(configs), cluster)
}

/// The same credential for another server.
fn elsewhere(mut config: Config, url: &str, authority: &str) -> Config {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    config.cluster_url = url.parse().unwrap();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    config.root_cert = Some(vec![certificate.to_vec()]);
    config
}

/// Gives kube-apiserver the definitions of all kinds, and waits until it serves and describes them.
async fn install(theirs: &Server) {
    let ours = [
        GuestCluster::crd(),
        GuestClusterRelease::crd(),
        GuestCredential::crd(),
        GuestRevocation::crd(),
    ];
    let ours = ours.map(|definition| serde_json::to_value(definition).unwrap());
    let definitions: Vec<_> = TEST_KINDS.iter().map(|text| parse(text)).chain(ours).collect();
    for definition in &definitions {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let (status, answer) = ask(theirs, "POST", path, definition.to_string()).await;
        assert_eq!(status, 201, "{answer}");
    }
    let wait = async {
        for definition in &definitions {
            let spec = &definition["spec"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (group, plural, kind) = (
                text(&spec["group"]),
                text(&spec["names"]["plural"]),
                text(&spec["names"]["kind"]),
            );
            let version = text(&spec["versions"][0]["name"]);
            until_answered(theirs, &format!("/apis/{group}/{version}/{plural}"), "items").await;
            until_answered(theirs, &format!("/openapi/v3/apis/{group}/{version}"), &kind).await;
            until_answered(theirs, "/openapi/v2", &format!(".{kind}\"")).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("kube-apiserver serves the definitions");
}

async fn until_answered(server: &Server, path: &str, word: &str) {
    loop {
        let (status, answer) = ask(server, "GET", path, String::new()).await;
        if status == 200 && answer.contains(word) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn ask(server: &Server, method: &str, path: &str, body: String) -> (u16, String) {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    let request = request.body(Full::new(body.into())).unwrap();
    let response = server.send(User::Admin, request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap()
}
