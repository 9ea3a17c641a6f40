//! What all reconcilers of the layer share: one informer per kind, one queue per reconciler, the guests.

use super::engine::{Informer, Key, Queue, Watched};
use super::guests::GuestClients;
use super::routes;
use guestcluster_types::upstream::capi::{
    CLUSTER_NAME_LABEL, Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet, PAUSED_ANNOTATION,
};
use guestcluster_types::upstream::capv::{VSphereCluster, VSphereMachine};
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmControlPlane};
use guestcluster_types::upstream::topology::AvailabilityZone;
use guestcluster_types::upstream::vmoperator::{
    VirtualMachine, VirtualMachineService, VirtualMachineSetResourcePolicy,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::ObjectMeta;
use kube::core::PartialObjectMeta;
use kube::runtime::watcher;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Metadata of a Secret: all that may be watched of it.
pub(crate) type SecretMeta = PartialObjectMeta<Secret>;

/// What all reconcilers share.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) guests: GuestClients,
    pub(crate) queues: Queues,
    pub(crate) clusters: Informer<Cluster>,
    pub(crate) control_planes: Informer<KubeadmControlPlane>,
    pub(crate) configs: Informer<KubeadmConfig>,
    pub(crate) deployments: Informer<MachineDeployment>,
    pub(crate) sets: Informer<MachineSet>,
    pub(crate) machines: Informer<Machine>,
    pub(crate) health_checks: Informer<MachineHealthCheck>,
    pub(crate) vsphere_clusters: Informer<VSphereCluster>,
    pub(crate) vsphere_machines: Informer<VSphereMachine>,
    pub(crate) virtual_machines: Informer<VirtualMachine>,
    pub(crate) services: Informer<VirtualMachineService>,
    pub(crate) policies: Informer<VirtualMachineSetResourcePolicy>,
    pub(crate) secrets: Informer<SecretMeta>,
    /// A supervisor need not have zones.
    pub(crate) zones: Informer<AvailabilityZone>,
}

/// One queue per reconciler.
#[derive(Default)]
pub(crate) struct Queues {
    pub(crate) clusters: Arc<Queue>,
    pub(crate) control_planes: Arc<Queue>,
    pub(crate) configs: Arc<Queue>,
    pub(crate) deployments: Arc<Queue>,
    pub(crate) sets: Arc<Queue>,
    pub(crate) machines: Arc<Queue>,
    pub(crate) health_checks: Arc<Queue>,
    pub(crate) vsphere_clusters: Arc<Queue>,
    pub(crate) vsphere_machines: Arc<Queue>,
}

impl Context {
    pub(crate) fn new(client: Client, guests: GuestClients) -> Arc<Self> {
        let context = Arc::new_cyclic(|context| Self {
            guests,
            queues: Queues::default(),
            clusters: informer(&client, context, routes::cluster),
            control_planes: informer(&client, context, routes::control_plane),
            configs: informer(&client, context, routes::config),
            deployments: informer(&client, context, routes::deployment),
            sets: informer(&client, context, routes::set),
            machines: informer(&client, context, routes::machine),
            health_checks: informer(&client, context, routes::health_check),
            vsphere_clusters: informer(&client, context, routes::vsphere_cluster),
            vsphere_machines: informer(&client, context, routes::vsphere_machine),
            virtual_machines: informer(&client, context, routes::virtual_machine),
            services: informer(&client, context, routes::owned_by_vsphere_cluster),
            policies: informer(&client, context, routes::owned_by_vsphere_cluster),
            secrets: informer(&client, context, routes::secret),
            zones: informer(&client, context, routes::zone).unneeded(),
            client,
        });
        let listener = Arc::downgrade(&context);
        context.guests.listen(context.client.clone(), move |cluster, change| {
            if let Some(context) = listener.upgrade() {
                routes::guest(&context, cluster, &change);
            }
        });
        context
    }

    /// Starts the watches: one per kind.
    pub(crate) fn follow(self: &Arc<Self>, tasks: &mut JoinSet<()>, stop: &CancellationToken) {
        self.start(tasks, stop, |context| &context.clusters);
        self.start(tasks, stop, |context| &context.control_planes);
        self.start(tasks, stop, |context| &context.configs);
        self.start(tasks, stop, |context| &context.deployments);
        self.start(tasks, stop, |context| &context.sets);
        self.start(tasks, stop, |context| &context.machines);
        self.start(tasks, stop, |context| &context.health_checks);
        self.start(tasks, stop, |context| &context.vsphere_clusters);
        self.start(tasks, stop, |context| &context.vsphere_machines);
        self.start(tasks, stop, |context| &context.virtual_machines);
        self.start(tasks, stop, |context| &context.services);
        self.start(tasks, stop, |context| &context.policies);
        self.start(tasks, stop, |context| &context.zones);
        let (context, stop) = (Arc::clone(self), stop.clone());
        let ours = watcher::Config::default().labels(CLUSTER_NAME_LABEL);
        tasks.spawn(async move { context.secrets.run(ours, stop).await });
    }

    /// Waits while there is a kind that is not known completely.
    pub(crate) async fn synced(&self) {
        tokio::join!(
            self.clusters.synced(),
            self.control_planes.synced(),
            self.configs.synced(),
            self.deployments.synced(),
            self.sets.synced(),
            self.machines.synced(),
            self.health_checks.synced(),
            self.vsphere_clusters.synced(),
            self.vsphere_machines.synced(),
            self.virtual_machines.synced(),
            self.services.synced(),
            self.policies.synced(),
            self.secrets.synced(),
            self.zones.synced(),
        );
    }

    fn start<K: Watched>(
        self: &Arc<Self>,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
        informer: fn(&Self) -> &Informer<K>,
    ) {
        let (context, stop) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { informer(&context).run(watcher::Config::default(), stop).await });
    }
}

fn informer<K: Watched>(
    client: &Client,
    context: &Weak<Context>,
    route: fn(&Context, Option<&K>, Option<&K>),
) -> Informer<K> {
    let context = Weak::clone(context);
    Informer::new(client.clone(), move |old, new| {
        if let Some(context) = context.upgrade() {
            route(&context, old, new);
        }
    })
}

/// Whether an object of the cluster must be left alone.
pub(crate) fn is_paused(cluster: &Cluster, meta: &ObjectMeta) -> bool {
    cluster.spec.paused == Some(true)
        || meta
            .annotations
            .as_ref()
            .is_some_and(|all| all.contains_key(PAUSED_ANNOTATION))
}

/// Whether the network and the API endpoint are there.
pub(crate) fn has_infrastructure(cluster: &Cluster) -> bool {
    cluster.status.initialization.infrastructure_provisioned == Some(true)
        && cluster.spec.control_plane_endpoint.is_known()
}

/// Whether the guest's API server accepts requests.
pub(crate) fn is_initialized(cluster: &Cluster) -> bool {
    cluster.status.initialization.control_plane_initialized == Some(true)
}

/// How soon is looked again for a Cluster that an object names and that is not there: it has no label yet by which the Cluster
/// would find it.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// So long the objects that belong to another may come before or after it, which is not worth a word: two seconds, as times of
/// creation are whole ones.
const NEW: Duration = Duration::from_secs(3);

/// How long an object is still new, if it is.
pub(crate) fn is_new<K: kube::Resource>(object: &K) -> Option<Duration> {
    let created = object.meta().creation_timestamp.as_ref()?.0;
    let age = Duration::try_from(Timestamp::now().duration_since(created)).unwrap_or_default();
    NEW.checked_sub(age).filter(|left| !left.is_zero())
}

/// The key of an object's namespace and another name.
pub(crate) fn in_namespace_of<K: kube::Resource>(object: &K, name: &str) -> Key {
    Key::new(object.meta().namespace.as_deref().unwrap_or_default(), name)
}
