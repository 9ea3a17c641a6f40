//! MachineDeployment: one MachineSet per template, and a rollout from the old ones to the new one.

mod build;
mod decide;
mod status;
mod validate;

use super::conditions::{Setter, Verdict};
use super::context::{Context, LOOK_AGAIN, in_namespace_of, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::machine_set::DISABLE_CREATE;
use super::replicas::is_deleting;
use super::validate::missing_cluster;
use super::writes::{controller_of, owned_in_cluster};
use decide::{Bounds, Counts, decide};
use guestcluster_types::upstream::capi::{
    MachineDeployment, MachineSet, REVISION_ANNOTATION, TEMPLATE_HASH_LABEL, condition,
};
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;
use std::time::Duration;

const FINALIZER: &str = "cluster.x-k8s.io/machinedeployment";

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(deployment) = context.deployments.get(&key) else {
        return Ok(Next::Event);
    };
    if is_deleting(&*deployment) {
        return delete(&context, &deployment).await;
    }
    let cluster = context
        .clusters
        .get(&in_namespace_of(&*deployment, &deployment.spec.cluster_name));
    let Some(cluster) = cluster else {
        return tell_missing_cluster(&context, &deployment).await;
    };
    if is_deleting(&*cluster) {
        return Ok(Next::Event);
    }
    if is_paused(&cluster, &deployment.metadata) {
        context.deployments.tell_paused(&deployment, &cluster).await?;
        return Ok(Next::Event);
    }
    let meta = owned_in_cluster(&deployment.metadata, &cluster, FINALIZER);
    context.deployments.patch_metadata(&deployment, &meta).await?;
    let now = Timestamp::now();
    let hash = build::template_hash(&deployment, now);
    let outcome = apply(&context, &deployment, &hash).await;
    let sets = sets(&context, &deployment);
    let status = status::of(&deployment, &sets, &hash, outcome.as_ref().err());
    context
        .deployments
        .patch_status(&deployment, &deployment.status, &status)
        .await?;
    outcome.map(|()| at_rollout_time(&deployment, now))
}

async fn apply(context: &Context, deployment: &MachineDeployment, hash: &str) -> Result<(), Error> {
    validate::deployment(deployment).map_err(Error::Invalid)?;
    let sets = sets(context, deployment);
    if deployment.spec.paused == Some(true) {
        rescale(context, deployment, &sets).await
    } else {
        roll_out(context, deployment, &sets, hash).await
    }
}

/// Nothing is done for a Cluster that is not there, which may come yet.
async fn tell_missing_cluster(context: &Context, deployment: &MachineDeployment) -> Result<Next, Error> {
    let mut status = deployment.status.clone();
    let verdict = Verdict::no("ClusterDoesNotExist", missing_cluster(&deployment.spec.cluster_name));
    Setter::new(&mut status.conditions, deployment.metadata.generation).set(condition::AVAILABLE, verdict);
    let objects = &context.deployments;
    objects.patch_status(deployment, &deployment.status, &status).await?;
    Ok(Next::After(LOOK_AGAIN))
}

/// Whether a set is what its deployment asks for.
pub(crate) fn is_up_to_date(deployment: &MachineDeployment, set: &MachineSet) -> bool {
    set.labels().get(TEMPLATE_HASH_LABEL) == Some(&build::template_hash(deployment, Timestamp::now()))
}

fn sets(context: &Context, deployment: &MachineDeployment) -> Vec<Arc<MachineSet>> {
    let mut sets = context.sets.owned_by(&deployment.uid().unwrap_or_default());
    sets.retain(|set| {
        controller_of::<MachineDeployment>(&set.metadata)
            .is_some_and(|owner| Some(&owner.uid) == deployment.metadata.uid.as_ref())
    });
    sets.sort_by_key(|set| set.creation_timestamp().map(|time| time.0));
    sets
}

async fn roll_out(
    context: &Context,
    deployment: &MachineDeployment,
    sets: &[Arc<MachineSet>],
    hash: &str,
) -> Result<(), Error> {
    let (new, old): (Vec<_>, Vec<_>) = sets
        .iter()
        .filter(|set| !is_deleting(&***set))
        .partition(|set| is_of_template(set, hash));
    let (new, bounds) = (new.first(), bounds(deployment));
    // An old set would make again what somebody deletes.
    for set in &old {
        close(context, set, bounds.on_delete).await?;
    }
    if let Some(set) = new {
        close(context, set, false).await?;
    }
    let old_counts: Vec<_> = old.iter().map(|set| counts(context, set)).collect();
    let new_counts = new.map_or_else(Counts::default, |set| counts(context, set));
    let (wanted, shrunk) = decide(bounds, new_counts, &old_counts);
    let revision = build::revision(sets, hash);
    let mut meta = deployment.metadata.clone();
    meta.annotations
        .get_or_insert_default()
        .insert(REVISION_ANNOTATION.to_owned(), revision.to_string());
    context.deployments.patch_metadata(deployment, &meta).await?;
    context
        .sets
        .apply(&build::set(deployment, hash, wanted, revision))
        .await?;
    for (set, replicas) in old.iter().zip(shrunk) {
        resize(context, set, replicas).await?;
    }
    for set in old.iter().filter(|set| is_empty(context, set)) {
        context.sets.delete(set).await?;
    }
    Ok(())
}

/// Follows the number that is wanted, and nothing else.
async fn rescale(context: &Context, deployment: &MachineDeployment, sets: &[Arc<MachineSet>]) -> Result<(), Error> {
    let live: Vec<_> = sets.iter().filter(|set| !is_deleting(&***set)).collect();
    let counts: Vec<_> = live.iter().map(|set| set.spec.replicas.unwrap_or(1)).collect();
    for (set, replicas) in live.iter().zip(decide::rescale(bounds(deployment), &counts)) {
        resize(context, set, replicas).await?;
    }
    Ok(())
}

async fn resize(context: &Context, set: &MachineSet, replicas: i32) -> Result<(), Error> {
    if set.spec.replicas == Some(replicas) {
        return Ok(());
    }
    let spec = serde_json::json!({ "replicas": replicas });
    context.sets.patch_spec(set, spec).await
}

/// Keeps a set from making Machines, or no longer does.
async fn close(context: &Context, set: &MachineSet, closed: bool) -> Result<(), Error> {
    if closed == set.annotations().contains_key(DISABLE_CREATE) {
        return Ok(());
    }
    let mut meta = set.metadata.clone();
    let annotations = meta.annotations.get_or_insert_default();
    match closed {
        true => drop(annotations.insert(DISABLE_CREATE.to_owned(), "true".to_owned())),
        false => drop(annotations.remove(DISABLE_CREATE)),
    }
    context.sets.patch_metadata(set, &meta).await
}

fn is_of_template(set: &MachineSet, hash: &str) -> bool {
    set.labels().get(TEMPLATE_HASH_LABEL).is_some_and(|label| label == hash)
}

/// An old set that has nothing left, also nothing that is still being deleted.
fn is_empty(context: &Context, set: &MachineSet) -> bool {
    let seen = set.status.observed_generation == set.metadata.generation;
    seen && set.spec.replicas == Some(0) && context.machines.owned_by(&set.uid().unwrap_or_default()).is_empty()
}

fn counts(context: &Context, set: &MachineSet) -> Counts {
    let machines = context.machines.owned_by(&set.uid().unwrap_or_default());
    let existing = machines.iter().filter(|machine| !is_deleting(&***machine)).count();
    Counts {
        wanted: set.spec.replicas.unwrap_or(1),
        existing: i32::try_from(existing).unwrap_or(i32::MAX),
        available: set.status.available_replicas.unwrap_or_default(),
    }
}

fn bounds(deployment: &MachineDeployment) -> Bounds {
    let strategy = &deployment.spec.rollout.strategy;
    let rolling = &strategy.rolling_update;
    let on_delete = strategy.type_.as_deref() == Some("OnDelete");
    let wanted = deployment.spec.replicas.unwrap_or(1);
    Bounds::new(
        wanted,
        rolling.max_surge.as_ref(),
        rolling.max_unavailable.as_ref(),
        on_delete,
    )
}

/// A rollout that is asked for at a later time needs no event.
fn at_rollout_time(deployment: &MachineDeployment, now: Timestamp) -> Next {
    let ahead = deployment
        .spec
        .rollout
        .after
        .as_ref()
        .map(|after| after.0.duration_since(now));
    match ahead.and_then(|ahead| Duration::try_from(ahead).ok()) {
        Some(ahead) if !ahead.is_zero() => Next::After(ahead),
        _ => Next::Event,
    }
}

async fn delete(context: &Context, deployment: &MachineDeployment) -> Result<Next, Error> {
    let sets = sets(context, deployment);
    for set in &sets {
        context.sets.delete(set).await?;
    }
    if sets.is_empty() {
        context.deployments.remove_finalizer(deployment, FINALIZER).await?;
    } else {
        let status = status::deleting(deployment, &sets);
        context
            .deployments
            .patch_status(deployment, &deployment.status, &status)
            .await?;
    }
    Ok(Next::Event)
}
