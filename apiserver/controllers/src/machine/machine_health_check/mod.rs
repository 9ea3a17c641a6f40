//! MachineHealthCheck: finds Machines that are unwell for too long, says so at them, and asks their owners to replace
//! them while not too many are.

mod apply;
mod decide;
mod dereference;
mod status;
mod validate;

use super::context::{Context, LOOK_AGAIN, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::replicas::is_deleting;
use dereference::Parts;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(check) = context.health_checks.get(&key).filter(|check| !is_deleting(&**check)) else {
        return Ok(Next::Event);
    };
    let Some(parts) = dereference::of(&context, Arc::clone(&check)) else {
        let status = status::without_cluster(&check);
        context
            .health_checks
            .patch_status(&check, &check.status, &status)
            .await?;
        return Ok(Next::After(LOOK_AGAIN));
    };
    apply::label(&context, &check).await?;
    if is_paused(&parts.cluster, &parts.check.metadata) {
        report(&context, &parts, status::paused(&parts)).await?;
        return Ok(Next::Event);
    }
    apply::own(&context, &parts).await?;
    let rules = match validate::of(&parts.check.spec) {
        Ok(rules) => rules,
        Err(invalid) => {
            report(&context, &parts, status::invalid(&parts, &invalid)).await?;
            return Ok(Next::Event);
        }
    };
    // A guest that answered once and does not now: its Nodes may have changed, and the connection tells when it is back.
    if parts.is_cut_off {
        return Ok(Next::Event);
    }
    let plan = decide::decide(&rules, parts.since, &parts.targets, Timestamp::now());
    let marked = apply::mark(&context, &parts, &plan).await;
    report(&context, &parts, status::of(&parts, &rules, &plan)).await?;
    marked?;
    Ok(plan.next.map_or(Next::Event, Next::After))
}

async fn report(
    context: &Context,
    parts: &Parts,
    status: guestcluster_types::upstream::capi::MachineHealthCheckStatus,
) -> Result<(), Error> {
    let check = &parts.check;
    context.health_checks.patch_status(check, &check.status, &status).await
}

/// How long after a change of a Machine or Node its health is judged: what a check waits for takes minutes, and a
/// Machine that comes up changes many times.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

pub(super) use validate::selects;
