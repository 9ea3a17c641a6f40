//! A Machine that no set and no control plane made, and the objects that it names: they become its own, as those that are made
//! with it are from the start.

use super::{FINALIZER, Parts};
use crate::machine::children::VSPHERE_MACHINE_FINALIZER;
use crate::machine::context::Context;
use crate::machine::engine::{Informer, Watched};
use crate::machine::error::Error;
use crate::machine::writes::{controlled_by, owned_in_cluster};
use guestcluster_types::upstream::capi::{CLUSTER_NAME_LABEL, CONTROL_PLANE_LABEL, Cluster, Machine};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;

/// Which other object controls this one, if one does.
pub(super) fn stranger<K: Resource>(object: &K, machine: Option<&str>) -> Option<String> {
    let owner = controller(object.meta())?;
    (Some(owner.uid.as_str()) != machine).then(|| format!("{} {}", owner.kind, owner.name))
}

fn controller(meta: &ObjectMeta) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference> {
    let mut owners = meta.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true))
}

/// Makes the Machine one of its Cluster, and what it names its own.
pub(super) async fn own(context: &Context, cluster: &Cluster, parts: &Parts) -> Result<(), Error> {
    let machine = &parts.machine;
    if controller(&machine.metadata).is_none() {
        let meta = owned_in_cluster(&machine.metadata, cluster, FINALIZER);
        context.machines.patch_metadata(machine, &meta).await?;
    }
    if let Some(config) = &parts.config {
        adopt(&context.configs, machine, &**config, None).await?;
    }
    if let Some(infrastructure) = &parts.infrastructure {
        adopt(
            &context.vsphere_machines,
            machine,
            &**infrastructure,
            Some(VSPHERE_MACHINE_FINALIZER),
        )
        .await?;
    }
    Ok(())
}

async fn adopt<K>(informer: &Informer<K>, machine: &Machine, object: &K, finalizer: Option<&str>) -> Result<(), Error>
where
    K: Watched + Resource<Scope = NamespaceResourceScope> + Serialize,
{
    if controller(object.meta()).is_some() {
        return Ok(());
    }
    let mut meta = object.meta().clone();
    meta.owner_references
        .get_or_insert_default()
        .extend(controlled_by(machine));
    let labels = meta.labels.get_or_insert_default();
    labels.insert(CLUSTER_NAME_LABEL.to_owned(), machine.spec.cluster_name.clone());
    let role = machine.labels().get(CONTROL_PLANE_LABEL);
    labels.extend(role.map(|role| (CONTROL_PLANE_LABEL.to_owned(), role.clone())));
    let finalizers = meta.finalizers.get_or_insert_default();
    finalizers.extend(
        finalizer
            .filter(|finalizer| !object.finalizers().iter().any(|known| known == finalizer))
            .map(str::to_owned),
    );
    informer.patch_metadata(object, &meta).await
}
