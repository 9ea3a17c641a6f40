//! One guest: dereference, build, apply, status.

use std::{collections::HashMap, sync::Arc, time::Duration};

use guestcluster_credentials::{SigningKey, Trust};
use guestcluster_types::{GuestCluster, NodeTrust};
use jiff::Timestamp;
use kube::{Client, ResourceExt as _, runtime::controller::Action};
use parking_lot::Mutex;

use super::{
    Context, Error,
    apply::{self, Object},
    build, dereference, foundation,
    rotation::{self, Step},
    status,
};
use crate::reports::Report;

/// How often a guest that has everything is looked at, for what somebody changed in it.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// How often it is looked for reports that may be about to come, and how long after a write that is so.
const LOOK_SOON: Duration = Duration::from_secs(1);
const REPORTS_COME_MILLISECONDS: u64 = 60_000;

/// What the guests trust that have everything, so that news about other things costs no request.
#[derive(Default)]
pub(super) struct Settled(Mutex<HashMap<String, Settlement>>);

struct Settlement {
    trust: Trust,
    since: std::time::Instant,
}

impl Settled {
    /// Whether the guest was seen to trust exactly this, not long ago.
    fn has(&self, wanted: &Trust) -> bool {
        self.0
            .lock()
            .get(&wanted.guest_uid)
            .is_some_and(|known| known.trust == *wanted && known.since.elapsed() < LOOK_AGAIN)
    }

    fn settle(&self, trust: Trust) {
        let since = std::time::Instant::now();
        self.0
            .lock()
            .insert(trust.guest_uid.clone(), Settlement { trust, since });
    }

    pub(super) fn forget(&self, guest_uid: &str) {
        self.0.lock().remove(guest_uid);
    }
}

/// Brings what a guest trusts up to date, and ends what waits for it.
pub(super) async fn reconcile(guest: Arc<GuestCluster>, context: Arc<Context>) -> Result<Action, Error> {
    let Some(guest_uid) = dereference::answering(&guest) else {
        return Ok(Action::await_change());
    };
    let outcome = keep(&guest, &guest_uid, &context).await;
    if let Err(error) = &outcome {
        let why = format!("the guest can't be told whom to trust: {error}");
        context.teller.tell(&guest, &guest_uid, Report::Waiting(why)).await;
    }
    outcome
}

async fn keep(guest: &GuestCluster, guest_uid: &str, context: &Context) -> Result<Action, Error> {
    // dereference
    if guest.metadata.deletion_timestamp.is_some() {
        context.settled.forget(guest_uid);
        context.teller.forget(guest_uid);
        context.connections.close(guest_uid);
        return Ok(Action::await_change());
    }
    let keys = context.connections.keys(&context.client, guest_uid).await?;
    let records = dereference::records(context, guest, guest_uid);
    // build (pure)
    let wanted = build::trust(guest_uid, keys.published(), &records, Timestamp::now());
    let floor = wanted.floor_of_everyone();
    let step = Step::due(&keys, floor, rotation::wish(guest), Timestamp::now());
    if context.settled.has(&wanted) && records.nobody_waits() && step.is_none() {
        return Ok(Action::requeue(LOOK_AGAIN));
    }
    // apply
    let namespace = guest.namespace().unwrap_or_default();
    let inside = context
        .connections
        .open(&context.client, &namespace, &guest.name_any(), guest_uid)
        .await?;
    let founded = found(context, &inside, guest_uid).await;
    let nodes = bring(&inside, &keys.trust, wanted.clone()).await;
    // Addresses and certificates of a guest may change: the next try reads them again.
    let (nodes, object) = nodes.inspect_err(|_| context.connections.close(guest_uid))?;
    // status
    status::tell(context, &records, &nodes).await?;
    if let Some(report) = status::report(&nodes, may_come(&object, Timestamp::now())) {
        context.teller.tell(guest, guest_uid, report).await;
    }
    // No revocation waits for what an administrator of the guest may stand in the way of.
    founded?;
    if !status::is_in_force(&nodes) {
        let waited = context
            .retries
            .failed(&guest.uid().unwrap_or_default(), "not in force yet");
        return Ok(Action::requeue(pause(waited.pause, &object, Timestamp::now())));
    }
    context.retries.clear(&guest.uid().unwrap_or_default());
    context.settled.settle(wanted);
    let Some(step) = step else {
        return Ok(Action::requeue(LOOK_AGAIN));
    };
    let taken = rotation::take(&context.client, guest_uid, &keys, step, rotation::wish(guest)).await;
    context.connections.forget_keys(guest_uid);
    taken.map(|()| Action::requeue(Duration::ZERO))
}

/// How long to wait for nodes: short while they may be about to report, as somebody may wait for it at a prompt.
fn pause(waited: Duration, object: &Object, now: Timestamp) -> Duration {
    if may_come(object, now) {
        waited.min(LOOK_SOON)
    } else {
        waited
    }
}

/// Whether nodes may be about to report.
fn may_come(object: &Object, now: Timestamp) -> bool {
    let written = object.trust.as_ref().map_or(0, |trust| trust.generation);
    // A generation is the time of writing, in milliseconds.
    let age = u64::try_from(now.as_millisecond()).unwrap_or(0).saturating_sub(written);
    age < REPORTS_COME_MILLISECONDS
}

/// Lays what levels and agent stand on, once by each connection.
async fn found(context: &Context, inside: &Client, guest_uid: &str) -> Result<(), Error> {
    if !context.connections.is_founded(guest_uid) {
        foundation::lay_foundation(inside, context.agent_image.as_deref()).await?;
        context.connections.set_founded(guest_uid);
    }
    Ok(())
}

/// Writes into the guest what it lacks, and tells what its nodes judge by then.
async fn bring(inside: &Client, key: &SigningKey, wanted: Trust) -> Result<(Vec<NodeTrust>, Object), Error> {
    let names = dereference::nodes(inside).await?;
    let live = apply::read(inside, key).await?;
    let nodes = status::nodes(&names, &live);
    let next = build::next(wanted, live.trust.as_ref(), &nodes, Timestamp::now());
    let Some(next) = next else {
        return Ok((nodes, live));
    };
    let written = apply::write(inside, next, key).await?;
    Ok((status::nodes(&names, &written), written))
}
