//! Cluster: adopts its control plane and infrastructure, carries the endpoint and their readiness, sums up the Machines,
//! and deletes in order: workers, control plane, infrastructure.

mod deletion;
mod status;
pub(crate) mod validate;

use super::context::{Context, is_paused};
use super::engine::{Informer, Key, Next, Watched};
use super::error::Error;
use super::guests::Link;
use super::replicas::is_deleting;
use super::writes::owned_by;
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, Cluster, Machine, MachineDeployment};
use guestcluster_types::upstream::capv::VSphereCluster;
use guestcluster_types::upstream::kubeadm::KubeadmControlPlane;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

const FINALIZER: &str = "cluster.cluster.x-k8s.io";

/// Everything that a Cluster's state is derived from.
pub(super) struct Parts {
    cluster: Arc<Cluster>,
    infrastructure: Option<Arc<VSphereCluster>>,
    control_plane: Option<Arc<KubeadmControlPlane>>,
    deployments: Vec<Arc<MachineDeployment>>,
    machines: Vec<Arc<Machine>>,
    link: Link,
}

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(parts) = dereference(&context, &key) else {
        return Ok(Next::Event);
    };
    if is_paused(&parts.cluster, &parts.cluster.metadata) && !is_deleting(&*parts.cluster) {
        context.clusters.tell_paused(&parts.cluster, &parts.cluster).await?;
        return Ok(Next::Event);
    }
    let next = if is_deleting(&*parts.cluster) {
        deletion::proceed(&context, &parts).await?
    } else if validate::name(&parts.cluster).is_err() {
        Next::Event
    } else {
        apply(&context, &parts).await?
    };
    // A deletion may have removed the object by the last finalizer.
    let Some(parts) = dereference(&context, &key) else {
        return Ok(next);
    };
    connect(&context, &key, &parts);
    let status = status::of(&parts);
    context
        .clusters
        .patch_status(&parts.cluster, &parts.cluster.status, &status)
        .await?;
    Ok(next)
}

fn dereference(context: &Context, key: &Key) -> Option<Parts> {
    let cluster = context.clusters.get(key)?;
    let infrastructure = cluster
        .spec
        .infrastructure_ref
        .as_ref()
        .filter(|reference| reference.is::<VSphereCluster>());
    let control_plane = cluster
        .spec
        .control_plane_ref
        .as_ref()
        .filter(|reference| reference.is::<KubeadmControlPlane>());
    Some(Parts {
        infrastructure: infrastructure
            .and_then(|reference| context.vsphere_clusters.get(&key.sibling(&reference.name))),
        control_plane: control_plane.and_then(|reference| context.control_planes.get(&key.sibling(&reference.name))),
        deployments: context.deployments.of_cluster(key),
        machines: context.machines.of_cluster(key),
        link: context.guests.link(key),
        cluster,
    })
}

async fn apply(context: &Context, parts: &Parts) -> Result<Next, Error> {
    let cluster = &parts.cluster;
    if !cluster.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let mut meta = cluster.metadata.clone();
        meta.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
        meta.labels
            .get_or_insert_default()
            .insert(CLUSTER_NAME_LABEL.to_owned(), cluster.name_any());
        context.clusters.patch_metadata(cluster, &meta).await?;
    }
    if let Some(infrastructure) = &parts.infrastructure {
        adopt(&context.vsphere_clusters, cluster, infrastructure).await?;
        let endpoint = &infrastructure.spec.control_plane_endpoint;
        if endpoint.is_known() && !cluster.spec.control_plane_endpoint.is_known() {
            context
                .clusters
                .patch_spec(cluster, json!({ "controlPlaneEndpoint": endpoint }))
                .await?;
        }
    }
    if let Some(control_plane) = &parts.control_plane {
        adopt(&context.control_planes, cluster, control_plane).await?;
    }
    Ok(Next::Event)
}

/// Makes the Cluster the owner, which is also what the object's own reconciler waits for.
async fn adopt<K>(informer: &Informer<K>, cluster: &Cluster, object: &K) -> Result<(), Error>
where
    K: Watched + Resource<Scope = NamespaceResourceScope> + Serialize,
{
    let mut meta = object.meta().clone();
    let owners = meta.owner_references.get_or_insert_default();
    if !owners
        .iter()
        .any(|owner| Some(&owner.uid) == cluster.metadata.uid.as_ref())
    {
        owners.retain(|owner| owner.kind != Cluster::kind(&()));
        owners.extend(owned_by(cluster));
    }
    meta.labels
        .get_or_insert_default()
        .insert(CLUSTER_NAME_LABEL.to_owned(), cluster.name_any());
    informer.patch_metadata(object, &meta).await
}

/// Connects to the guest when a control-plane machine is there to answer; before that nobody would. A cluster that goes
/// needs no connection: nothing is drained, and its API server goes too.
fn connect(context: &Context, key: &Key, parts: &Parts) {
    if is_deleting(&*parts.cluster) {
        return context.guests.close(key);
    }
    let answers = |machine: &Machine| {
        deletion::is_control_plane(machine) && machine.status.initialization.infrastructure_provisioned == Some(true)
    };
    if parts.machines.iter().any(|machine| answers(machine)) {
        context.guests.connect(key, &parts.cluster.uid().unwrap_or_default());
    }
}
