//! The mirrors of all kinds that the guest layer reads, and the watches that keep them.

use std::{fmt::Debug, future::Future, pin::pin, sync::Arc};

use futures::{FutureExt, StreamExt, future::BoxFuture};
use guestcluster_types::{
    GuestClusterRelease,
    upstream::{
        capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet},
        capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
        vmoperator::{VirtualMachine, VirtualMachineService},
    },
};
use kube::{Client, Resource, core::DeserializeGuard, runtime::watcher};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::{
    mirror::{ClusterKey, Knowledge, Mirror, keep_no_fields, keep_our_fields},
    trims,
};
use crate::watching::{Seen, follow};

/// What has changed, for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something of one cluster.
    Cluster(ClusterKey),
    /// Something that concerns every guest: a release, or a kind that is served from now on.
    Everybody,
}

/// A kind that the layer can't do without.
#[derive(Clone, Debug)]
pub(super) struct Needed {
    pub(super) kind: String,
    pub(super) group: String,
    pub(super) knowledge: Knowledge,
}

impl Needed {
    fn of<K: Resource<DynamicType = ()> + Clone + Debug>(mirror: &Mirror<K>) -> Self {
        Self {
            kind: K::kind(&()).into_owned(),
            group: K::group(&()).into_owned(),
            knowledge: mirror.knowledge(),
        }
    }
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
    /// This and what follows only tells what blocks, before those above do: nothing is lacking where it can't be read.
    pub(super) sets: Mirror<MachineSet>,
    pub(super) vms: Mirror<VirtualMachine>,
    pub(super) services: Mirror<VirtualMachineService>,
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
            sets: Mirror::new(trims::set),
            vms: Mirror::new(trims::vm),
            services: Mirror::new(trims::service),
        }
    }

    /// What is known of the kinds that the layer can't do without.
    pub(super) fn needed(&self) -> [Needed; 9] {
        [
            Needed::of(&self.clusters),
            Needed::of(&self.deployments),
            Needed::of(&self.machines),
            Needed::of(&self.control_planes),
            Needed::of(&self.config_templates),
            Needed::of(&self.infrastructures),
            Needed::of(&self.machine_templates),
            Needed::of(&self.vsphere_machines),
            Needed::of(&self.releases),
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
            self.one(client, news, |mirrors| &mirrors.sets),
            self.one(client, news, |mirrors| &mirrors.vms),
            self.one(client, news, |mirrors| &mirrors.services),
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
        watch(client.clone(), self.clone(), which, news.clone()).boxed()
    }
}

async fn watch<K>(client: Client, mirrors: Arc<Mirrors>, which: fn(&Mirrors) -> &Mirror<K>, news: mpsc::Sender<News>)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
{
    let mirror = which(&mirrors);
    let mut all = pin!(follow::<DeserializeGuard<K>>(&client, watcher::Config::default()));
    while let Some(seen) = all.next().await {
        let told = match seen {
            Seen::Event(event) => take_in(mirror, event),
            Seen::Lost(why) => {
                mirror.lose(why);
                vec![News::Everybody]
            }
        };
        for item in told {
            if news.send(item).await.is_err() {
                return;
            }
        }
    }
}

fn take_in<K>(mirror: &Mirror<K>, event: watcher::Event<DeserializeGuard<K>>) -> Vec<News>
where
    K: Resource<DynamicType = ()> + Clone + Debug,
{
    let for_everybody = matches!(event, watcher::Event::InitDone) || !is_namespaced::<K>();
    let touched = unguarded(event).map(|event| mirror.record(event)).unwrap_or_default();
    if for_everybody {
        vec![News::Everybody]
    } else {
        touched.into_iter().map(News::Cluster).collect()
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
