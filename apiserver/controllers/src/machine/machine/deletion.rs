//! The order of a Machine's deletion: its Node gives up its pods, then the VM goes, then the bootstrap data, the Node
//! and at last the Machine.

use super::{FINALIZER, Parts, cluster_key, drain, status};
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::context::Context;
use crate::machine::engine::Next;
use crate::machine::error::Error;
use crate::machine::guests::Link;
use crate::machine::replicas::is_deleting;
use guestcluster_types::conditions::{Holds, whole_seconds};
use guestcluster_types::upstream::capi::condition;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use std::time::Duration;

/// Annotation that spares a Machine's Node the drain.
const EXCLUDE_DRAIN: &str = "machine.cluster.x-k8s.io/exclude-node-draining";
/// How long the Node's deletion is tried if the Machine does not say.
const NODE_DELETION_SECONDS: i32 = 10;
/// How often a step that the guest does not answer is tried again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn proceed(context: &Context, parts: &Parts) -> Result<Next, Error> {
    let now = Timestamp::now();
    if let Some(blocked) = drained(parts, now).await? {
        report(context, parts, now, "DrainingNode", &blocked).await?;
        return Ok(Next::After(PAUSE));
    }
    if let Some(infrastructure) = &parts.infrastructure {
        report(context, parts, now, "WaitingForInfrastructureDeletion", "").await?;
        context.vsphere_machines.delete(infrastructure).await?;
        return Ok(Next::Event);
    }
    if let Some(config) = &parts.config {
        context.configs.delete(config).await?;
        report(context, parts, now, "WaitingForBootstrapDeletion", "").await?;
        return Ok(Next::Event);
    }
    if !node_deleted(context, parts, now).await {
        report(context, parts, now, "DeletingNode", "the guest does not answer").await?;
        return Ok(Next::After(PAUSE));
    }
    context.machines.remove_finalizer(&parts.machine, FINALIZER).await?;
    Ok(Next::Event)
}

/// None if the Node needs no more draining, otherwise what it waits for.
async fn drained(parts: &Parts, now: Timestamp) -> Result<Option<String>, Error> {
    // Without its VM the Node runs nothing.
    let (Some(node), Some(infrastructure)) = (&parts.node, &parts.infrastructure) else {
        return Ok(None);
    };
    let excluded = parts.machine.annotations().contains_key(EXCLUDE_DRAIN);
    if is_cluster_going(parts) || excluded || is_deleting(&**infrastructure) || has_timed_out(parts, now) {
        return Ok(None);
    }
    match &parts.link {
        Link::Up(client) => drain::proceed(client, node).await,
        Link::None | Link::Trying(None) => Ok(Some("not connected to the guest yet".to_owned())),
        Link::Trying(Some(failure)) => Ok(Some(format!("the guest does not answer: {failure}"))),
    }
}

/// With the whole cluster nothing has to move elsewhere.
fn is_cluster_going(parts: &Parts) -> bool {
    parts.cluster.as_ref().is_none_or(|cluster| is_deleting(&**cluster))
}

fn has_timed_out(parts: &Parts, now: Timestamp) -> bool {
    let bound = parts
        .machine
        .spec
        .deletion
        .node_drain_timeout_seconds
        .unwrap_or_default();
    let began = parts
        .machine
        .status
        .deletion
        .as_ref()
        .and_then(|deletion| deletion.node_drain_start_time.as_ref());
    bound > 0 && began.is_some_and(|began| now.as_second() - began.0.as_second() >= i64::from(bound))
}

/// Whether the Node is gone, or was tried long enough.
async fn node_deleted(context: &Context, parts: &Parts, now: Timestamp) -> bool {
    let Some(node) = &parts.machine.status.node_ref else {
        return true;
    };
    if is_cluster_going(parts) {
        return true;
    }
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

async fn report(context: &Context, parts: &Parts, now: Timestamp, reason: &str, message: &str) -> Result<(), Error> {
    let (mut status, _) = status::of(parts, now);
    let before = parts
        .machine
        .status
        .conditions
        .iter()
        .find(|condition| condition.type_ == condition::DELETING);
    if before.is_none_or(|condition| condition.reason != reason) {
        status.last_updated = Some(Time(whole_seconds(now)));
    }
    if reason == "DrainingNode" {
        status
            .deletion
            .get_or_insert_default()
            .node_drain_start_time
            .get_or_insert_with(|| Time(whole_seconds(now)));
    }
    let verdict = Verdict {
        holds: Holds::True,
        ..Verdict::no(reason, message)
    };
    Setter::new(&mut status.conditions, parts.machine.metadata.generation).set(condition::DELETING, verdict);
    context
        .machines
        .patch_shared_status(&parts.machine, &parts.machine.status, &status)
        .await
}
