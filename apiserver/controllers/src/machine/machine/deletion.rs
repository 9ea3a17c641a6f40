//! The order of a Machine's deletion: its Node gives up its pods and volumes, then the VM goes, then the bootstrap data, the
//! Node and at last the Machine.

mod step;

use super::{FINALIZER, Parts, cluster_key, drain, hooks, status, volumes};
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::context::Context;
use crate::machine::engine::Next;
use crate::machine::error::Error;
use crate::machine::guests::Link;
use crate::machine::replicas::is_deleting;
use guestcluster_types::conditions::{Holds, whole_seconds};
use guestcluster_types::upstream::capi::{CONTROL_PLANE_LABEL, MachineDeletionStatus, condition};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use std::time::Duration;
use step::{Clock, Step};

/// Annotation that spares a Machine's Node the drain.
const EXCLUDE_DRAIN: &str = "machine.cluster.x-k8s.io/exclude-node-draining";
/// Annotation that spares it the wait for its volumes.
const EXCLUDE_VOLUMES: &str = "machine.cluster.x-k8s.io/exclude-wait-for-node-volume-detach";
/// How long the Node's deletion is tried if the Machine does not say.
const NODE_DELETION_SECONDS: i32 = 10;
/// How often a Node that can't be deleted is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn proceed(context: &Context, parts: &Parts) -> Result<Next, Error> {
    let now = Timestamp::now();
    if needs_node(context, parts)
        && let Some((step, why)) = before_the_vm(parts, now).await?
    {
        report(context, parts, now, step, &why).await?;
        return Ok(step.next(Clock::of(&parts.machine, step, now)));
    }
    if let Some(why) = hooks::set(&parts.machine, hooks::PRE_TERMINATE) {
        report(context, parts, now, Step::PreTerminateHook, &why).await?;
        return Ok(Next::Event);
    }
    if let Some(infrastructure) = &parts.infrastructure {
        report(context, parts, now, Step::Infrastructure, "").await?;
        context.vsphere_machines.delete(infrastructure).await?;
        return Ok(Next::Event);
    }
    if let Some(config) = &parts.config {
        context.configs.delete(config).await?;
        report(context, parts, now, Step::Bootstrap, "").await?;
        return Ok(Next::Event);
    }
    if needs_node(context, parts) && !node_deleted(context, parts, now).await {
        report(context, parts, now, Step::Node, "the guest does not answer").await?;
        return Ok(Next::After(PAUSE));
    }
    context.machines.remove_finalizer(&parts.machine, FINALIZER).await?;
    Ok(Next::Event)
}

/// Whether there is a guest that goes on without the Machine, and a Node of it: with the whole cluster or its control
/// plane nothing has to move elsewhere.
fn needs_node(context: &Context, parts: &Parts) -> bool {
    let Some(cluster) = parts.cluster.as_ref().filter(|cluster| !is_deleting(&***cluster)) else {
        return false;
    };
    let cluster_key = cluster_key(&parts.machine);
    let control_plane = cluster.spec.control_plane_ref.as_ref();
    let control_plane =
        control_plane.and_then(|reference| context.control_planes.get(&cluster_key.sibling(&reference.name)));
    if control_plane.is_some_and(|object| is_deleting(&*object)) {
        return false;
    }
    let machines = context.machines.of_cluster(&cluster_key);
    let stays = machines
        .iter()
        .any(|machine| machine.labels().contains_key(CONTROL_PLANE_LABEL) && !is_deleting(&**machine));
    stays && parts.machine.status.node_ref.is_some()
}

/// What the Machine still waits for before its VM may go, and why.
async fn before_the_vm(parts: &Parts, now: Timestamp) -> Result<Option<(Step, String)>, Error> {
    let machine = &parts.machine;
    // Without its VM the Node runs nothing.
    let Some(infrastructure) = parts.infrastructure.as_ref().filter(|object| !is_deleting(&***object)) else {
        return Ok(None);
    };
    if let Some(why) = hooks::set(machine, hooks::PRE_DRAIN) {
        return Ok(Some((Step::PreDrainHook, why)));
    }
    let deletion = machine.status.deletion.clone().unwrap_or_default();
    let is_past = is_deleting(&**infrastructure) || deletion.wait_for_pre_terminate_hook_start_time.is_some();
    let is_due = |exclude: &str, step| {
        !is_past && !machine.annotations().contains_key(exclude) && !Clock::of(machine, step, now).is_over()
    };
    if is_due(EXCLUDE_DRAIN, Step::Drain)
        && let Some(why) = drained(parts, now).await?
    {
        return Ok(Some((Step::Drain, why)));
    }
    if is_due(EXCLUDE_VOLUMES, Step::Volumes)
        && let Some(why) = detached(parts, now).await?
    {
        return Ok(Some((Step::Volumes, why)));
    }
    Ok(None)
}

/// None if the Node needs no more draining, otherwise what it waits for.
async fn drained(parts: &Parts, now: Timestamp) -> Result<Option<String>, Error> {
    match (&parts.link, &parts.node) {
        // It was deleted by hand.
        (Link::Up(_), None) => Ok(None),
        (Link::Up(client), Some(node)) => drain::proceed(client, node, now).await,
        (link, _) => Ok(Some(no_answer(link))),
    }
}

/// None if the Node's volumes are detached, otherwise which are not.
async fn detached(parts: &Parts, now: Timestamp) -> Result<Option<String>, Error> {
    let Some(node) = &parts.machine.status.node_ref else {
        return Ok(None);
    };
    match &parts.link {
        Link::Up(client) => volumes::attached(client, &node.name, now).await,
        link => Ok(Some(no_answer(link))),
    }
}

fn no_answer(link: &Link) -> String {
    match link {
        Link::Trying(Some(failure)) => format!("the guest does not answer: {failure}"),
        _ => "not connected to the guest yet".to_owned(),
    }
}

/// Whether the Node is gone, or was tried long enough.
async fn node_deleted(context: &Context, parts: &Parts, now: Timestamp) -> bool {
    let Some(node) = &parts.machine.status.node_ref else {
        return true;
    };
    let bound = parts
        .machine
        .spec
        .deletion
        .node_deletion_timeout_seconds
        .unwrap_or(NODE_DELETION_SECONDS);
    let since = parts
        .machine
        .metadata
        .deletion_timestamp
        .as_ref()
        .map_or(0, |time| now.as_second() - time.0.as_second());
    // A machine whose VM took long must still get its chance: the bound counts from the last report.
    let since = since.min(last_report(parts).map_or(since, |time| now.as_second() - time));
    if bound > 0 && since > i64::from(bound) {
        return true;
    }
    let Link::Up(client) = context.guests.link(&cluster_key(&parts.machine)) else {
        return false;
    };
    match Api::<Node>::all(client)
        .delete(&node.name, &DeleteParams::default())
        .await
    {
        Ok(_) => true,
        Err(kube::Error::Api(status)) => status.is_not_found(),
        Err(_) => false,
    }
}

/// When the step of the deletion last changed.
fn last_report(parts: &Parts) -> Option<i64> {
    Some(parts.machine.status.last_updated.as_ref()?.0.as_second())
}

async fn report(context: &Context, parts: &Parts, now: Timestamp, step: Step, message: &str) -> Result<(), Error> {
    let (mut status, _) = status::of(parts, now);
    let before = parts
        .machine
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == condition::DELETING);
    if before.is_none_or(|condition| condition.reason != step.reason()) {
        status.last_updated = Some(Time(whole_seconds(now)));
    }
    let mut deletion = status.deletion.take().unwrap_or_default();
    if let Some(start) = step.start(&mut deletion) {
        start.get_or_insert_with(|| Time(whole_seconds(now)));
    }
    status.deletion = Some(deletion).filter(|deletion| *deletion != MachineDeletionStatus::default());
    let verdict = Verdict {
        holds: Holds::True,
        ..Verdict::no(step.reason(), message)
    };
    Setter::new(&mut status.conditions, parts.machine.metadata.generation).set(condition::DELETING, verdict);
    context
        .machines
        .patch_shared_status(&parts.machine, &parts.machine.status, &status)
        .await
}
