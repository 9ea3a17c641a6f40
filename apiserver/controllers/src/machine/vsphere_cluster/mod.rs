//! VSphereCluster: a resource policy and a load balancer for the control plane, whose address becomes the endpoint,
//! and the supervisor's zones as failure domains.

pub(crate) mod build;
mod status;

use super::context::{Context, is_new, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::writes::owner_of;
use guestcluster_types::upstream::capi::Cluster;
use guestcluster_types::upstream::capv::VSphereCluster;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use serde_json::json;
use std::sync::Arc;

const FINALIZER: &str = "vspherecluster.vmware.infrastructure.cluster.x-k8s.io";

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(object) = context.vsphere_clusters.get(&key) else {
        return Ok(Next::Event);
    };
    if object.metadata.deletion_timestamp.is_some() {
        return delete(&context, &object).await;
    }
    let Some(cluster) = cluster_of(&context, &object) else {
        return tell_no_cluster(&context, &object).await;
    };
    if is_paused(&cluster, &object.metadata) {
        context.vsphere_clusters.tell_paused(&object, &cluster).await?;
        return Ok(Next::Event);
    }
    let policy = build::policy(&object, &cluster);
    let service = build::service(&object, &cluster);
    let written = apply(&context, &object, &policy, &service).await;

    let address = context
        .services
        .get(&Key::of(&service))
        .and_then(|service| build::address(&service));
    let endpoint = build::endpoint(&object, &cluster, address);
    if endpoint != object.spec.control_plane_endpoint {
        context
            .vsphere_clusters
            .patch_spec(&object, json!({ "controlPlaneEndpoint": endpoint }))
            .await?;
    }
    let zones = context.zones.all_if_known().map(|zones| build::failure_domains(&zones));
    let status = status::of(&object, &endpoint, zones, written.as_ref().err());
    context
        .vsphere_clusters
        .patch_status(&object, &object.status, &status)
        .await?;
    written.map(|()| Next::Event)
}

/// A Cluster may come yet.
async fn tell_no_cluster(context: &Context, object: &VSphereCluster) -> Result<Next, Error> {
    if let Some(left) = is_new(object) {
        return Ok(Next::After(left));
    }
    let status = status::alone(object);
    let objects = &context.vsphere_clusters;
    objects.patch_status(object, &object.status, &status).await?;
    Ok(Next::Event)
}

async fn apply(
    context: &Context,
    object: &VSphereCluster,
    policy: &guestcluster_types::upstream::vmoperator::VirtualMachineSetResourcePolicy,
    service: &guestcluster_types::upstream::vmoperator::VirtualMachineService,
) -> Result<(), Error> {
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let mut meta = object.metadata.clone();
        meta.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
        context.vsphere_clusters.patch_metadata(object, &meta).await?;
    }
    context.policies.apply(policy).await?;
    context.services.apply(service).await
}

/// The VMs go before: the Cluster deletes this last. What is ours here is awaited, so that nothing is left behind.
async fn delete(context: &Context, object: &VSphereCluster) -> Result<Next, Error> {
    let uid = object.uid().unwrap_or_default();
    let (services, policies) = (context.services.owned_by(&uid), context.policies.owned_by(&uid));
    for service in &services {
        context.services.delete(service).await?;
    }
    for policy in &policies {
        context.policies.delete(policy).await?;
    }
    if context.services.owned_by(&uid).is_empty() && context.policies.owned_by(&uid).is_empty() {
        context.vsphere_clusters.remove_finalizer(object, FINALIZER).await?;
    }
    Ok(Next::Event)
}

/// The Cluster that owns the object; it sets the owner reference.
fn cluster_of(context: &Context, object: &VSphereCluster) -> Option<Arc<Cluster>> {
    let owner = owner_of::<Cluster>(&object.metadata)?;
    let cluster = context.clusters.get(&Key::new(&object.namespace()?, &owner.name))?;
    (cluster.metadata.uid.as_ref() == Some(&owner.uid)).then_some(cluster)
}

/// Metadata of an object that a VSphereCluster owns without controlling it, as CAPV writes it.
fn owned(object: &VSphereCluster, name: &str) -> ObjectMeta {
    use kube::Resource;
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: object.namespace(),
        owner_references: object.owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}
