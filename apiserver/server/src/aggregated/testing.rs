//! A host for tests: our own API server as a whole cluster in this process, and a wire to it that can be cut.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use generic_apiserver::{
    authn::User,
    registry::{Registry, ResourceDefinition},
    serve::VersionInfo,
    storage::redb::Engine,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, api::PostParams};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tower::{Service as _, service_fn};

use crate::roles::{self, SERVER, SYSTEM_NAMESPACE};

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Host {
    cluster: Arc<Cluster>,
}

impl Host {
    /// With our namespace, and our service account with the rights that this folder needs and no others.
    pub(crate) async fn start() -> Host {
        Host::start_with(Vec::new()).await
    }

    /// The same with these kinds besides those that every cluster has.
    pub(crate) async fn start_with(definitions: Vec<ResourceDefinition>) -> Host {
        let engine = Engine::in_memory().unwrap();
        let version = VersionInfo {
            git_version: "v1.37.0".into(),
            major: "1".into(),
            minor: "37".into(),
        };
        let cluster = Cluster::start(ClusterOptions {
            extra_cluster_roles: rights(),
            definitions,
            ..ClusterOptions::new(engine.keyspace("host/"), Arc::new(version))
        });
        let host = Host {
            cluster: cluster.await.unwrap(),
        };
        host.create_namespace(SYSTEM_NAMESPACE).await;
        host
    }

    /// Somebody who may do everything.
    pub(crate) fn admin(&self) -> Client {
        self.user("admin", &["system:masters"])
    }

    /// Our service account.
    pub(crate) fn server(&self) -> Client {
        self.user(&service_account(), &[])
    }

    pub(crate) fn user(&self, name: &str, groups: &[&str]) -> Client {
        Client::new(self.cluster.server().local_service(user(name, groups)), "default")
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        self.cluster.registry()
    }

    pub(crate) async fn create_namespace(&self, name: &str) {
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        let namespaces: Api<Namespace> = Api::all(self.admin());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    }
}

/// What a request meets on its way to the host.
#[derive(Default)]
pub(crate) struct Wire {
    silent: AtomicBool,
    broken: AtomicUsize,
    sent: AtomicUsize,
}

impl Wire {
    /// From here on no request arrives, and none is answered.
    pub(crate) fn cut(&self) {
        self.silent.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.silent.store(false, Ordering::SeqCst);
    }

    /// The next requests fail at once.
    pub(crate) fn fail(&self, times: usize) {
        self.broken.store(times, Ordering::SeqCst);
    }

    /// How many requests were sent.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    /// Our service account's client over this wire.
    pub(crate) fn to(self: &Arc<Self>, host: &Host) -> Client {
        let service = host.cluster.server().local_service(user(&service_account(), &[]));
        let wire = self.clone();
        let service = service_fn(move |request: http::Request<kube::client::Body>| {
            let (wire, mut service) = (wire.clone(), service.clone());
            async move {
                wire.pass().await?;
                service.call(request).await
            }
        });
        Client::new(service, "default")
    }

    async fn pass(&self) -> io::Result<()> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let left = |count: usize| count.checked_sub(1);
        match self.broken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            Err(_) => Ok(()),
        }
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}

fn user(name: &str, groups: &[&str]) -> User {
    User {
        name: name.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        ..User::default()
    }
}

fn service_account() -> String {
    format!("system:serviceaccount:{SYSTEM_NAMESPACE}:{SERVER}")
}

/// The rights of the manifests, and the Role that every kube-apiserver with aggregation brings.
fn rights() -> Vec<Value> {
    let no_layers = "none".parse().unwrap();
    let mut rights = roles::aggregated(no_layers);
    rights.push(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "extension-apiserver-authentication-reader", "namespace": "kube-system"},
        "rules": [{
            "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["extension-apiserver-authentication"],
            "verbs": ["get", "list", "watch"],
        }],
    }));
    rights
}
