//! The mirrors of all kinds that the guest layer reads, and the watches that keep them.

use std::{fmt::Debug, future::Future, sync::Arc};

use futures::{FutureExt, StreamExt, future::BoxFuture};
use guestcluster_types::{
    GuestClusterRelease,
    upstream::{
        capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck},
        capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
    },
};
use kube::{
    Api, Client, Resource,
    core::DeserializeGuard,
    runtime::{WatchStreamExt, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::mirror::{ClusterKey, Knowledge, Mirror, keep_no_fields, keep_our_fields};

/// What has changed, for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something of one cluster.
    Cluster(ClusterKey),
    /// Something that concerns every guest: a release, or a kind that is served from now on.
    Everybody,
}

/// What the API server has of each kind.
pub(super) struct Mirrors {
    pub(super) releases: Mirror<GuestClusterRelease>,
    pub(super) clusters: Mirror<Cluster>,
    pub(super) infrastructures: Mirror<VSphereCluster>,
    pub(super) control_planes: Mirror<KubeadmControlPlane>,
    pub(super) deployments: Mirror<MachineDeployment>,
    pub(super) machine_templates: Mirror<VSphereMachineTemplate>,
    pub(super) config_templates: Mirror<KubeadmConfigTemplate>,
    pub(super) health_checks: Mirror<MachineHealthCheck>,
    pub(super) machines: Mirror<Machine>,
    pub(super) vsphere_machines: Mirror<VSphereMachine>,
}

impl Mirrors {
    pub(super) fn new() -> Self {
        Self {
            releases: Mirror::new(keep_no_fields),
            clusters: Mirror::new(keep_our_fields),
            infrastructures: Mirror::new(keep_our_fields),
            control_planes: Mirror::new(keep_our_fields),
            deployments: Mirror::new(keep_our_fields),
            machine_templates: Mirror::new(keep_our_fields),
            config_templates: Mirror::new(keep_our_fields),
            health_checks: Mirror::new(keep_our_fields),
            machines: Mirror::new(keep_no_fields),
            vsphere_machines: Mirror::new(keep_no_fields),
        }
    }

    /// What is known of the kinds that the layer can't do without, by name.
    pub(super) fn needed(&self) -> [(&'static str, Knowledge); 9] {
        [
            ("GuestClusterRelease", self.releases.knowledge()),
            ("Cluster", self.clusters.knowledge()),
            ("VSphereCluster", self.infrastructures.knowledge()),
            ("KubeadmControlPlane", self.control_planes.knowledge()),
            ("MachineDeployment", self.deployments.knowledge()),
            ("VSphereMachineTemplate", self.machine_templates.knowledge()),
            ("KubeadmConfigTemplate", self.config_templates.knowledge()),
            ("Machine", self.machines.knowledge()),
            ("VSphereMachine", self.vsphere_machines.knowledge()),
        ]
    }

    /// Watches all kinds for ever. `news` is bounded: a watch waits while its reader is behind.
    pub(super) fn watch(
        self: &Arc<Self>,
        client: &Client,
        news: &mpsc::Sender<News>,
    ) -> impl Future<Output = ()> + use<> {
        let watches: Vec<BoxFuture<'static, ()>> = vec![
            self.one(client, news, |mirrors| &mirrors.releases),
            self.one(client, news, |mirrors| &mirrors.clusters),
            self.one(client, news, |mirrors| &mirrors.infrastructures),
            self.one(client, news, |mirrors| &mirrors.control_planes),
            self.one(client, news, |mirrors| &mirrors.deployments),
            self.one(client, news, |mirrors| &mirrors.machine_templates),
            self.one(client, news, |mirrors| &mirrors.config_templates),
            self.one(client, news, |mirrors| &mirrors.health_checks),
            self.one(client, news, |mirrors| &mirrors.machines),
            self.one(client, news, |mirrors| &mirrors.vsphere_machines),
        ];
        futures::future::join_all(watches).map(|_| ())
    }

    fn one<K>(
        self: &Arc<Self>,
        client: &Client,
        news: &mpsc::Sender<News>,
        which: fn(&Mirrors) -> &Mirror<K>,
    ) -> BoxFuture<'static, ()>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        watch(Api::all(client.clone()), self.clone(), which, news.clone()).boxed()
    }
}

async fn watch<K>(
    api: Api<DeserializeGuard<K>>,
    mirrors: Arc<Mirrors>,
    which: fn(&Mirrors) -> &Mirror<K>,
    news: mpsc::Sender<News>,
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let mirror = which(&mirrors);
    let mut events = watcher(api, watcher::Config::default()).default_backoff().boxed();
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(event) => {
                let for_everybody = matches!(event, watcher::Event::InitDone) || !is_namespaced::<K>();
                let touched = unguarded(event).map(|event| mirror.record(event)).unwrap_or_default();
                if for_everybody {
                    vec![News::Everybody]
                } else {
                    touched.into_iter().map(News::Cluster).collect()
                }
            }
            Err(error) if is_not_served(&error) => {
                if mirror.set_not_served() {
                    vec![News::Everybody]
                } else {
                    vec![]
                }
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch failed, trying again");
                vec![]
            }
        };
        for news_item in told {
            if news.send(news_item).await.is_err() {
                return;
            }
        }
    }
}

fn is_namespaced<K: Resource<DynamicType = ()>>() -> bool {
    K::kind(&()) != "GuestClusterRelease"
}

/// An event without the objects that can't be read: they are reported and passed over, and the watch goes on.
pub(super) fn unguarded<K: Resource<DynamicType = ()>>(
    event: watcher::Event<DeserializeGuard<K>>,
) -> Option<watcher::Event<K>> {
    let readable = |guard: DeserializeGuard<K>| match guard.0 {
        Ok(object) => Some(object),
        Err(invalid) => {
            let (kind, metadata) = (K::kind(&()), &invalid.metadata);
            tracing::warn!(%kind, namespace = ?metadata.namespace, name = ?metadata.name, error = %invalid.error, "passed over");
            None
        }
    };
    Some(match event {
        watcher::Event::Apply(object) => watcher::Event::Apply(readable(object)?),
        watcher::Event::Delete(object) => watcher::Event::Delete(readable(object)?),
        watcher::Event::InitApply(object) => watcher::Event::InitApply(readable(object)?),
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitDone => watcher::Event::InitDone,
    })
}

/// Whether an error says that there is no such kind.
fn is_not_served(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.code == 404,
        _ => false,
    }
}
