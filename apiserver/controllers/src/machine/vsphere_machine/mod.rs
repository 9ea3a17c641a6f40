//! VSphereMachine: one VirtualMachine, written once its bootstrap data exists, and followed until it has an identity.

mod build;
mod status;

use super::children::VSPHERE_MACHINE_FINALIZER;
use super::conditions::{Verdict, no_owner};
use super::context::{Context, LOOK_AGAIN, has_infrastructure, in_namespace_of, is_initialized, is_new, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::replicas::is_deleting;
use super::validate::missing_cluster;
use super::writes::controller_of;
use guestcluster_types::upstream::capi::{Cluster, Machine};
use guestcluster_types::upstream::capv::VSphereMachine;
use guestcluster_types::upstream::vmoperator::VirtualMachine;
use kube::ResourceExt;
use serde_json::json;
use std::sync::Arc;

/// Label of a Machine and its Node: the host that runs the VM.
const HOST_LABEL: &str = "node.cluster.x-k8s.io/esxi-host";

/// Everything that a VSphereMachine's state is derived from.
pub(super) struct Parts {
    object: Arc<VSphereMachine>,
    machine: Arc<Machine>,
    cluster: Arc<Cluster>,
    vm: Option<Arc<VirtualMachine>>,
}

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(object) = context.vsphere_machines.get(&key) else {
        return Ok(Next::Event);
    };
    if is_deleting(&*object) {
        return delete(&context, &object).await;
    }
    let parts = match dereference(&context, Arc::clone(&object)) {
        Ok(parts) => parts,
        Err(missing) => return tell_missing(&context, &object, missing).await,
    };
    if is_deleting(&*parts.machine) {
        return Ok(Next::Event);
    }
    if is_paused(&parts.cluster, &parts.object.metadata) {
        context
            .vsphere_machines
            .tell_paused(&parts.object, &parts.cluster)
            .await?;
        return Ok(Next::Event);
    }
    let outcome = apply(&context, &parts).await;
    name_host(&context, &parts).await?;
    let status = status::of(&parts, outcome.as_ref().err());
    let provider_id = parts.vm.as_deref().and_then(build::provider_id);
    if status.initialization.provisioned == Some(true) && parts.object.spec.provider_id != provider_id {
        // Before the status: who reads "provisioned" finds the ID.
        context
            .vsphere_machines
            .patch_spec(&parts.object, json!({ "providerID": provider_id }))
            .await?;
    }
    context
        .vsphere_machines
        .patch_status(&parts.object, &parts.object.status, &status)
        .await?;
    outcome.map(|()| Next::Event)
}

fn dereference(context: &Context, object: Arc<VSphereMachine>) -> Result<Parts, Verdict> {
    let owner = controller_of::<Machine>(&object.metadata);
    let owner = owner.ok_or_else(|| no_owner::<Machine>("spec.infrastructureRef"))?;
    let machine = context.machines.get(&in_namespace_of(&*object, &owner.name));
    let machine = machine.ok_or_else(|| no_owner::<Machine>("spec.infrastructureRef"))?;
    let cluster = &machine.spec.cluster_name;
    let missing = || {
        Verdict::no(
            "ClusterDoesNotExist",
            format!("Machine {}: {}", owner.name, missing_cluster(cluster)),
        )
    };
    let cluster = context.clusters.get(&in_namespace_of(&*object, cluster));
    let cluster = cluster.ok_or_else(missing)?;
    let vm = context.virtual_machines.get(&Key::of(&*machine));
    Ok(Parts {
        object,
        machine,
        cluster,
        vm,
    })
}

/// What is missing may come yet.
async fn tell_missing(context: &Context, object: &VSphereMachine, missing: Verdict) -> Result<Next, Error> {
    if let Some(left) = is_new(object) {
        return Ok(Next::After(left));
    }
    let status = status::alone(object, missing);
    let objects = &context.vsphere_machines;
    objects.patch_status(object, &object.status, &status).await?;
    Ok(Next::After(LOOK_AGAIN))
}

/// Writes the VM as soon as all that it names exists.
async fn apply(context: &Context, parts: &Parts) -> Result<(), Error> {
    let Some(secret) = &parts.machine.spec.bootstrap.data_secret_name else {
        return Ok(());
    };
    if !has_infrastructure(&parts.cluster) {
        return Ok(());
    }
    let probe = is_initialized(&parts.cluster);
    let desired = build::virtual_machine(parts, secret, probe);
    context.virtual_machines.apply(&desired).await
}

/// Labels the Machine, and by that its Node, with the host that runs the VM, where the VM layer names one.
async fn name_host(context: &Context, parts: &Parts) -> Result<(), Error> {
    let (machine, vm) = (&parts.machine, &parts.vm);
    let Some(host) = vm.as_ref().and_then(|vm| vm.status.node_name.as_ref()) else {
        return Ok(());
    };
    let mut meta = machine.metadata.clone();
    meta.labels
        .get_or_insert_default()
        .insert(HOST_LABEL.to_owned(), host.clone());
    context.machines.patch_metadata(machine, &meta).await
}

async fn delete(context: &Context, object: &VSphereMachine) -> Result<Next, Error> {
    let vms = context.virtual_machines.owned_by(&object.uid().unwrap_or_default());
    for vm in &vms {
        context.virtual_machines.delete(vm).await?;
    }
    if !vms.is_empty() {
        let status = status::deleting(object);
        context
            .vsphere_machines
            .patch_status(object, &object.status, &status)
            .await?;
        return Ok(Next::Event);
    }
    context
        .vsphere_machines
        .remove_finalizer(object, VSPHERE_MACHINE_FINALIZER)
        .await?;
    Ok(Next::Event)
}
