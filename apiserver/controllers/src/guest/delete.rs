//! Ends a guest: its Cluster first, which takes the machines with it in their order; then what is left; then the finalizer.

use guestcluster_types::labels;
use guestcluster_types::upstream::{
    capi::{Cluster, MachineDeployment, MachineHealthCheck},
    capv::{VSphereCluster, VSphereMachineTemplate},
    kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
};
use kube::{Api, api::ListParams};

use super::{
    apply::{Failure, Kind, Writer, apply_cluster},
    build::Desired,
    dereference::Layers,
};

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Objects of the guest are left; a watch tells when they go.
    UnderWay,
    /// Nothing is left.
    Complete,
}

/// Takes the next step of a deletion. A paused Cluster is resumed: it could not go otherwise.
pub(super) async fn delete(writer: Writer<'_>, layers: &Layers, desired: Option<&Desired>) -> Result<Ending, Failure> {
    if let Some(cluster) = &layers.cluster {
        if let (Some(true), Some(desired)) = (cluster.spec.paused, desired) {
            apply_cluster(writer, &desired.cluster).await?;
        }
        writer.delete(cluster.as_ref()).await?;
        return Ok(Ending::UnderWay);
    }
    if !layers.is_empty() {
        delete_leftovers(writer, layers).await?;
        return Ok(Ending::UnderWay);
    }
    // The mirrors may not have seen yet what was written last.
    if anything_is_left(writer).await? {
        Ok(Ending::UnderWay)
    } else {
        Ok(Ending::Complete)
    }
}

/// What has the label of the guest and did not go with its Cluster, as templates.
async fn delete_leftovers(writer: Writer<'_>, layers: &Layers) -> Result<(), Failure> {
    for object in &layers.health_checks {
        writer.delete(object.as_ref()).await?;
    }
    for object in &layers.deployments {
        writer.delete(object.as_ref()).await?;
    }
    if let Some(object) = &layers.control_plane {
        writer.delete(object.as_ref()).await?;
    }
    if let Some(object) = &layers.infrastructure {
        writer.delete(object.as_ref()).await?;
    }
    for object in &layers.config_templates {
        writer.delete(object.as_ref()).await?;
    }
    for object in &layers.machine_templates {
        writer.delete(object.as_ref()).await?;
    }
    Ok(())
}

async fn anything_is_left(writer: Writer<'_>) -> Result<bool, Failure> {
    Ok(is_left::<Cluster>(writer).await?
        || is_left::<KubeadmControlPlane>(writer).await?
        || is_left::<MachineDeployment>(writer).await?
        || is_left::<VSphereCluster>(writer).await?
        || is_left::<VSphereMachineTemplate>(writer).await?
        || is_left::<KubeadmConfigTemplate>(writer).await?
        || is_left::<MachineHealthCheck>(writer).await?)
}

async fn is_left<K: Kind>(writer: Writer<'_>) -> Result<bool, Failure> {
    let api: Api<K> = Api::namespaced(writer.client.clone(), &writer.identity.namespace);
    let label = format!("{}={}", labels::GUEST_UID, writer.identity.uid);
    match api.list_metadata(&ListParams::default().labels(&label).limit(1)).await {
        Ok(list) => Ok(!list.items.is_empty()),
        // A kind that is not served has no objects.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(Failure::Api(error)),
    }
}
