//! VirtualMachineService: a load balancer in front of VMs.

mod validate;

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use guestcluster_types::{
    labels::LOAD_BALANCER_BLOCKED,
    upstream::vmoperator::{LoadBalancerIngress, VirtualMachineService},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{
        Controller,
        controller::Action,
        reflector::{self, ObjectRef},
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use vm_driver::{Blocked, LoadBalancerState, ObjectUid, Removal};

use super::{CONCURRENCY, Context, Error, FIELD_MANAGER, finalizer, touched};

/// Runs until `stop`.
pub(super) async fn run(
    context: Arc<Context>,
    changes: impl Stream<Item = ObjectRef<VirtualMachineService>> + Send + 'static,
    stop: CancellationToken,
) {
    let (services, writer) = reflector::store();
    Controller::for_stream(touched::<VirtualMachineService>(&context.client, writer), services)
        .with_config(kube::runtime::controller::Config::default().concurrency(CONCURRENCY))
        .reconcile_on(changes)
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            async |service, context: Arc<Context>| {
                let runs = context.runs.clone();
                runs.run("virtualmachineservice", reconcile(service, context)).await
            },
            super::retry,
            context,
        )
        .for_each(async |outcome| super::log(&outcome))
        .await;
}

async fn reconcile(service: Arc<VirtualMachineService>, context: Arc<Context>) -> Result<Action, Error> {
    let api: Api<VirtualMachineService> =
        Api::namespaced(context.client.clone(), &service.namespace().unwrap_or_default());
    if service.metadata.deletion_timestamp.is_some() {
        return remove(&api, &service, &context).await;
    }
    let spec = match validate::service(&service, uid(&service)) {
        Ok(spec) => spec,
        Err(invalid) => {
            tell_what_blocks(&api, &service, Some(&invalid)).await?;
            return Ok(Action::await_change());
        }
    };
    if !finalizer::present(service.as_ref()) {
        finalizer::add(&api, &service).await?;
    }
    let state = context.driver.ensure_load_balancer(&spec).await?;
    write_status(&api, &service, &state).await?;
    context.retries.clear(&service.uid().unwrap_or_default());
    Ok(Action::await_change())
}

async fn write_status(
    api: &Api<VirtualMachineService>,
    service: &VirtualMachineService,
    state: &LoadBalancerState,
) -> Result<(), Error> {
    let ingress: Vec<_> = state
        .address
        .iter()
        .map(|address| LoadBalancerIngress {
            ip: Some(address.to_string()),
            ..LoadBalancerIngress::default()
        })
        .collect();
    tell_what_blocks(api, service, state.blocked.as_ref()).await?;
    if ingress == service.status.load_balancer.ingress {
        return Ok(());
    }
    let patch = json!({"status": {"loadBalancer": {"ingress": ingress}}});
    api.patch_status(&service.name_any(), &params(), &Patch::Merge(patch))
        .await?;
    Ok(())
}

/// In an annotation: upstream's status has no place for it, and drops what it does not know.
async fn tell_what_blocks(
    api: &Api<VirtualMachineService>,
    service: &VirtualMachineService,
    blocked: Option<&Blocked>,
) -> Result<(), Error> {
    let told = blocked.map(|blocked| format!("{}: {}", blocked.reason, blocked.message));
    if service.annotations().get(LOAD_BALANCER_BLOCKED) == told.as_ref() {
        return Ok(());
    }
    let patch = json!({"metadata": {"annotations": {LOAD_BALANCER_BLOCKED: told}}});
    api.patch(&service.name_any(), &params(), &Patch::Merge(patch)).await?;
    Ok(())
}

fn params() -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

async fn remove(
    api: &Api<VirtualMachineService>,
    service: &VirtualMachineService,
    context: &Context,
) -> Result<Action, Error> {
    if !finalizer::present(service) {
        return Ok(Action::await_change());
    }
    if context.driver.remove_load_balancer(&uid(service)).await? == Removal::Gone {
        finalizer::remove(api, service).await?;
    }
    context.retries.clear(&service.uid().unwrap_or_default());
    Ok(Action::await_change())
}

fn uid(service: &VirtualMachineService) -> ObjectUid {
    ObjectUid(service.uid().unwrap_or_default())
}
