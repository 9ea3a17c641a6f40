//! Our servers behind the aggregator of another real kube-apiserver, in the form of production: two replicas of each, whose objects
//! are in its etcd. Our own kinds are served by the real program, the kinds that are there only to be tested by the library.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use generic_apiserver::{
    authn::RequestHeader,
    registry::crd::definitions_from,
    serve::{VersionInfo, tls},
    storage::etcd::{Config, Etcd},
};
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};
use guestcluster_tests::{Daemon, Endpoint, Host, Mode, Objects, Start, Supervisor, eventually};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

use crate::compare::{kinds, library::as_kube_apiserver_is_told};

/// What kube-apiserver expects in the certificate of the Service `library` in the namespace `library`.
const SERVED_AS: &str = "library.library.svc";
/// Longer than any run.
const VALIDITY: Duration = Duration::from_hours(24);
/// Longest until kube-apiserver serves everything.
const PATIENCE: u64 = 60;

/// Everything that runs there; it ends with this value.
pub(crate) struct Registered {
    pub(crate) supervisor: Supervisor,
    /// Where one of the libraries listens, and the PEM of who signed its certificate.
    pub(crate) library: (SocketAddr, String),
    /// The groups that are served through the aggregator.
    groups: Vec<String>,
    _second: Daemon,
    _libraries: Vec<Arc<Cluster>>,
}

impl Registered {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let supervisor = Supervisor::start(Start {
            mode: Mode::Aggregated,
            layers: Some("none".to_owned()),
            objects: Objects::HostEtcd,
            // Nobody changes objects beside those who send requests.
            without_host_controllers: true,
            ..Start::default()
        });
        let second = supervisor.second_replica();
        let (authority, _) = CertificateAuthority::generate("library-ca").unwrap();
        let addresses = [Host::reachable_address(), Host::reachable_address()];
        let libraries = runtime.block_on(libraries(supervisor.host(), &authority, addresses));
        let registered = Self {
            groups: kinds::test_kinds()
                .iter()
                .map(group)
                .chain(["guestclusters.dev".to_owned()])
                .collect(),
            library: (addresses[0], authority.certificate().to_owned()),
            supervisor,
            _second: second,
            _libraries: libraries,
        };
        registered.register(&authority, addresses);
        registered
    }

    /// Whether a request for this path travels through the aggregator: discovery of a group as a whole is kube-apiserver's own.
    pub(crate) fn is_served(&self, path: &str) -> bool {
        let group = path.strip_prefix("/apis/").and_then(|rest| rest.split_once('/'));
        group.is_some_and(|(group, _)| self.groups.iter().any(|served| served == group))
    }

    /// Tells kube-apiserver of the libraries, and waits until it sends requests there.
    fn register(&self, authority: &CertificateAuthority, addresses: [SocketAddr; 2]) {
        let admin = self.supervisor.host().admin();
        let services = services(&versions(), authority.certificate());
        let slices = addresses
            .iter()
            .enumerate()
            .map(|(number, address)| slice(number, *address));
        let objects: Vec<_> = services.into_iter().chain(slices).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        admin
            .run_with("apply --server-side -f -", Some(&list.to_string()))
            .success();
        let host = Endpoint::of_kubeconfig(admin.kubeconfig()).unwrap();
        for (group, version) in versions() {
            eventually(PATIENCE, &format!("{group}/{version} is served"), || {
                let answer = host.get(&format!("/apis/{group}/{version}"));
                answer.map(drop).map_err(|error| format!("{error:#}"))
            });
        }
    }
}

/// Two of the library over one etcd, without controllers, as whom kube-apiserver says that asks: it has judged before it asks.
async fn libraries(host: &Host, authority: &CertificateAuthority, addresses: [SocketAddr; 2]) -> Vec<Arc<Cluster>> {
    let front_proxies = std::fs::read(host.front_proxy_authority_file()).unwrap();
    let pair = |address: SocketAddr| {
        authority
            .issue_server("library", &[SERVED_AS], &[address.ip()], VALIDITY)
            .unwrap()
    };
    let mut clusters = Vec::new();
    // One after the other: the first one finds an empty store.
    for address in addresses {
        let cluster = cluster(host, &front_proxies).await;
        serve(&cluster, address, &pair(address), &front_proxies).await;
        clusters.push(cluster);
    }
    clusters
}

async fn cluster(host: &Host, front_proxies: &[u8]) -> Arc<Cluster> {
    let config = Config {
        servers: vec![format!("http://{}", host.etcd_address())],
        prefix: "library".to_owned(),
        ca_file: None,
        identity: None,
        user: None,
        compaction: None,
    };
    let etcd = Etcd::connect(config).await.unwrap();
    let version = VersionInfo {
        git_version: "v1.37.2".to_owned(),
        major: "1".to_owned(),
        minor: "37".to_owned(),
    };
    let definitions = kinds::test_kinds();
    let cluster = Cluster::start(ClusterOptions {
        definitions: definitions
            .iter()
            .flat_map(|kind| definitions_from(kind).unwrap())
            .collect(),
        authenticators: vec![Arc::new(
            RequestHeader::new(as_kube_apiserver_is_told(front_proxies.to_vec())).unwrap(),
        )],
        extra_cluster_roles: vec![everybody_may_do_everything()],
        ..ClusterOptions::new(etcd.keyspace("test/"), Arc::new(version))
    });
    let cluster = cluster.await.unwrap();
    cluster.stop().await;
    cluster
}

async fn serve(cluster: &Arc<Cluster>, address: SocketAddr, pair: &CertifiedKey, front_proxies: &[u8]) {
    let tls = tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), Some(front_proxies));
    let tls = Arc::new(ArcSwap::from_pointee(tls.unwrap()));
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(cluster.server().clone().serve(listener, tls, CancellationToken::new()));
}

fn everybody_may_do_everything() -> Value {
    let group = |name: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name});
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "everybody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [group("system:authenticated"), group("system:unauthenticated")],
    })
}

fn group(definition: &Value) -> String {
    definition["spec"]["group"].as_str().unwrap().to_owned()
}

/// Each group and version of the test kinds that is served.
fn versions() -> Vec<(String, String)> {
    let of = |definition: &Value| {
        let versions = definition["spec"]["versions"].as_array().unwrap().iter();
        let served = versions.filter(|version| version["served"] == true);
        let name = |version: &Value| version["name"].as_str().unwrap().to_owned();
        served
            .map(|version| (group(definition), name(version)))
            .collect::<Vec<_>>()
    };
    kinds::test_kinds().iter().flat_map(of).collect()
}

/// The Service `library` with its namespace, and a registration for each version, with the priorities that definitions have.
fn services(versions: &[(String, String)], authority: &str) -> Vec<Value> {
    let registrations = versions.iter().map(|(group, version)| {
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": format!("{version}.{group}")},
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 1000,
                "versionPriority": 100,
                "service": {"name": "library", "namespace": "library", "port": 443},
                "caBundle": STANDARD.encode(authority),
            },
        })
    });
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "library"}});
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "library", "namespace": "library"},
        "spec": {"ports": [{"name": "https", "port": 443, "protocol": "TCP"}]},
    });
    [namespace, service].into_iter().chain(registrations).collect()
}

fn slice(number: usize, address: SocketAddr) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("library-{number}"),
            "namespace": "library",
            "labels": {"kubernetes.io/service-name": "library"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address.ip()], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
    })
}
