//! VirtualMachine: what the driver needs for it, and what the driver says of it.

mod dereference;
mod quantity;
mod status;
mod validate;

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use guestcluster_types::upstream::topology::{AvailabilityZone, ZONE_LABEL};
use guestcluster_types::upstream::vmoperator::{VirtualMachine, VirtualMachineClass};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{
        Controller,
        controller::Action,
        reflector::{self, ObjectRef, Store},
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use vm_driver::{ObjectUid, Removal};

use super::{CONCURRENCY, Context, Error, FIELD_MANAGER, LOOK_AGAIN, finalizer, touched};

/// Runs until `stop`.
pub(super) async fn run(
    context: Arc<Context>,
    changes: impl Stream<Item = ObjectRef<VirtualMachine>> + Send + 'static,
    stop: CancellationToken,
) {
    let (classes, class_writer) = reflector::store();
    let class_watch = touched::<VirtualMachineClass>(&context.client, class_writer);
    let zone_watch = touched::<AvailabilityZone>(&context.client, reflector::store().1);
    let (machines, writer) = reflector::store();
    let [waiting, zonal] = [machines.clone(), machines.clone()];
    Controller::for_stream(touched::<VirtualMachine>(&context.client, writer), machines)
        .with_config(kube::runtime::controller::Config::default().concurrency(CONCURRENCY))
        .watches_stream(class_watch, move |class| {
            not_created(&waiting, |machine| machine.namespace() == class.namespace())
        })
        .watches_stream(zone_watch, move |_| {
            not_created(&zonal, |machine| machine.labels().contains_key(ZONE_LABEL))
        })
        .reconcile_on(changes)
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            move |machine, context: Arc<Context>| {
                let (runs, classes) = (context.runs.clone(), classes.clone());
                async move { runs.run("virtualmachine", reconcile(machine, context, classes)).await }
            },
            super::retry,
            context,
        )
        .for_each(async |outcome| super::log(&outcome))
        .await;
}

async fn reconcile(
    machine: Arc<VirtualMachine>,
    context: Arc<Context>,
    classes: Store<VirtualMachineClass>,
) -> Result<Action, Error> {
    let api: Api<VirtualMachine> = Api::namespaced(context.client.clone(), &machine.namespace().unwrap_or_default());
    if machine.metadata.deletion_timestamp.is_some() {
        return remove(&api, &machine, &context).await;
    }
    let Some(found) = dereference::read(&context.client, &classes, &machine).await? else {
        // The first list of classes tells every VM that was not created.
        return Ok(Action::requeue(LOOK_AGAIN));
    };
    let desired = validate::validate(&machine, found);
    let (observed, next) = match desired {
        Ok(spec) => {
            if !finalizer::present(machine.as_ref()) {
                finalizer::add(&api, &machine).await?;
            }
            (
                status::of(&context.driver.ensure_vm(&spec).await?),
                Action::await_change(),
            )
        }
        Err(unmet) => (status::unmet(&unmet), Action::requeue(LOOK_AGAIN)),
    };
    write_status(&api, &machine, observed).await?;
    context.retries.clear(&machine.uid().unwrap_or_default());
    Ok(next)
}

async fn write_status(
    api: &Api<VirtualMachine>,
    machine: &VirtualMachine,
    observed: status::Observed,
) -> Result<(), Error> {
    let status = status::merged(&machine.status, observed, jiff::Timestamp::now());
    if status == machine.status {
        return Ok(());
    }
    let params = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    api.patch_status(&machine.name_any(), &params, &Patch::Merge(json!({"status": status})))
        .await?;
    Ok(())
}

async fn remove(api: &Api<VirtualMachine>, machine: &VirtualMachine, context: &Context) -> Result<Action, Error> {
    if !finalizer::present(machine) {
        return Ok(Action::await_change());
    }
    if context.driver.remove_vm(&uid(machine)).await? == Removal::Gone {
        finalizer::remove(api, machine).await?;
    }
    context.retries.clear(&machine.uid().unwrap_or_default());
    Ok(Action::await_change())
}

/// VMs that a class or a zone may let go on: those that it concerns and that were not created yet.
fn not_created(
    machines: &Store<VirtualMachine>,
    concerns: impl Fn(&VirtualMachine) -> bool,
) -> Vec<ObjectRef<VirtualMachine>> {
    machines
        .state()
        .iter()
        .filter(|machine| !status::is_created(machine) && concerns(machine))
        .map(|machine| ObjectRef::from_obj(machine.as_ref()))
        .collect()
}

fn uid(machine: &VirtualMachine) -> ObjectUid {
    ObjectUid(machine.uid().unwrap_or_default())
}
