//! KubeadmControlPlane: the guest's certificates and kubeconfig, and its control-plane Machines.

mod build;
mod certificates;
mod decide;
mod failure_domains;
mod quorum;
mod remediation;
mod status;
mod validate;

use super::children::{self, CLONED_FROM_NAME, Templates};
use super::context::{Context, has_infrastructure, in_namespace_of, is_new, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::names;
use super::replicas::is_deleting;
use super::writes::{controller_of, owner_of};
use decide::{Action, Bounds, Member, decide};
use failure_domains::Place;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{
    CONTROL_PLANE_NAME_LABEL, Cluster, DELETE_MACHINE_ANNOTATION, Machine, condition,
};
use guestcluster_types::upstream::kubeadm::{KubeadmControlPlane, REMEDIATION_FOR_ANNOTATION};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use remediation::Outcome;
use remediation::record::Record;
use std::sync::Arc;

const FINALIZER: &str = "kubeadm.controlplane.cluster.x-k8s.io";
/// Annotation: UID of the Machine whose deletion was seen last.
const LAST_DELETED_ANNOTATION: &str = "guestclusters.dev/last-deleted-machine";

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(object) = context.control_planes.get(&key) else {
        return Ok(Next::Event);
    };
    if is_deleting(&*object) {
        return delete(&context, &object).await;
    }
    let Some(cluster) = cluster_of(&context, &object) else {
        return tell_no_cluster(&context, &object).await;
    };
    if is_deleting(&*cluster) {
        return Ok(Next::Event);
    }
    if is_paused(&cluster, &object.metadata) {
        context.control_planes.tell_paused(&object, &cluster).await?;
        return Ok(Next::Event);
    }
    let applied = apply(&context, &cluster, &object).await;
    let (outcome, next) = match applied {
        Ok(next) => (Ok(()), next),
        Err(error) => (Err(error), Next::Event),
    };
    // What was just noted at it counts.
    let object = context.control_planes.get(&key).unwrap_or(object);
    let machines = machines(&context, &object);
    let view = status::View {
        object: &object,
        cluster: &cluster,
        machines: &machines,
        outcome: &outcome,
    };
    let status = status::of(&context, &view);
    context
        .control_planes
        .patch_status(&object, &object.status, &status)
        .await?;
    outcome.map(|()| next.sooner(certificates::next(&context, &cluster)))
}

/// A Cluster may come yet.
async fn tell_no_cluster(context: &Context, object: &KubeadmControlPlane) -> Result<Next, Error> {
    if let Some(left) = is_new(object) {
        return Ok(Next::After(left));
    }
    let status = status::alone(object);
    let objects = &context.control_planes;
    objects.patch_status(object, &object.status, &status).await?;
    Ok(Next::Event)
}

/// Whether a Machine is what the control plane asks for.
pub(crate) fn is_up_to_date(context: &Context, object: &KubeadmControlPlane, machine: &Machine) -> bool {
    if machine.spec.version.as_deref() != Some(object.spec.version.as_str()) {
        return false;
    }
    let made_with = machine.annotations().get(build::CONFIG_HASH_ANNOTATION);
    if made_with.is_some_and(|hash| *hash != build::config_hash(object)) {
        return false;
    }
    let after = object
        .spec
        .rollout
        .after
        .as_ref()
        .filter(|after| after.0 <= Timestamp::now());
    if after.is_some_and(|after| machine.creation_timestamp().is_some_and(|created| created.0 < after.0)) {
        return false;
    }
    let template = &object.spec.machine_template.spec.infrastructure_ref.name;
    let infrastructure = context
        .vsphere_machines
        .get(&in_namespace_of(machine, &machine.spec.infrastructure_ref.name));
    infrastructure.is_none_or(|infrastructure| {
        infrastructure
            .annotations()
            .get(CLONED_FROM_NAME)
            .is_none_or(|name| name == template)
    })
}

/// The Cluster that owns the control plane; it sets the owner reference.
fn cluster_of(context: &Context, object: &KubeadmControlPlane) -> Option<Arc<Cluster>> {
    let owner = owner_of::<Cluster>(&object.metadata)?;
    let cluster = context.clusters.get(&in_namespace_of(object, &owner.name))?;
    (cluster.metadata.uid.as_ref() == Some(&owner.uid)).then_some(cluster)
}

async fn apply(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> Result<Next, Error> {
    if !object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let mut meta = object.metadata.clone();
        meta.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
        context.control_planes.patch_metadata(object, &meta).await?;
    }
    let valid = validate::control_plane(object).map_err(Error::Invalid);
    // Those of one that runs are renewed whatever else is asked for.
    if is_initialized(context, cluster, object) || valid.is_ok() {
        certificates::ensure(context, cluster, object).await?;
    }
    valid?;
    if !has_infrastructure(cluster) {
        return Ok(Next::Event);
    }
    remember_deleted(context, object).await?;
    let initialized = is_initialized(context, cluster, object);
    let next = match remediation::proceed(context, object, initialized).await? {
        Outcome::Began => Next::Event,
        Outcome::Idle(next) => {
            // What was just noted at it counts.
            let noted = context.control_planes.get(&Key::of(object));
            scale(context, cluster, noted.as_deref().unwrap_or(object)).await?;
            next
        }
    };
    complete(context, object).await?;
    adapt(context, object).await?;
    Ok(next)
}

/// Remembers the Machine that goes: the next one is made when it is gone, and must get another name.
async fn remember_deleted(context: &Context, object: &KubeadmControlPlane) -> Result<(), Error> {
    let going = machines(context, object)
        .into_iter()
        .find(|machine| is_deleting(&**machine));
    let Some(uid) = going.and_then(|machine| machine.uid()) else {
        return Ok(());
    };
    let mut meta = object.metadata.clone();
    let annotations = meta.annotations.get_or_insert_default();
    annotations.insert(LAST_DELETED_ANNOTATION.to_owned(), uid);
    context.control_planes.patch_metadata(object, &meta).await
}

/// The Machines of this very control plane.
fn machines(context: &Context, object: &KubeadmControlPlane) -> Vec<Arc<Machine>> {
    let mut machines = context.machines.owned_by(&object.uid().unwrap_or_default());
    machines.retain(|machine| is_of(machine, object));
    machines
}

fn is_of(machine: &Machine, object: &KubeadmControlPlane) -> bool {
    controller_of::<KubeadmControlPlane>(&machine.metadata)
        .is_some_and(|owner| Some(&owner.uid) == object.metadata.uid.as_ref())
}

/// Makes one change, if one is due. What is known may be old, so nothing is done before a live list says the same.
async fn scale(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> Result<(), Error> {
    let bounds = bounds(context, cluster, object);
    let known = machines(context, object);
    let known: Vec<_> = known.iter().map(|machine| &**machine).collect();
    let action = decide(&members(context, cluster, object, &known), bounds);
    if matches!(action, Action::Nothing | Action::Wait(_)) {
        return Ok(());
    }
    let live = list(context, object).await?;
    let all: Vec<_> = live.iter().collect();
    match decide(&members(context, cluster, object, &all), bounds) {
        Action::Nothing | Action::Wait(_) => {}
        Action::Begin => create(context, cluster, object, &live, true).await?,
        Action::Join => create(context, cluster, object, &live, false).await?,
        Action::Delete(name) => {
            for machine in live.iter().filter(|machine| machine.name_any() == name) {
                context.machines.delete(machine).await?;
            }
        }
    }
    Ok(())
}

fn bounds(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> Bounds {
    let surge = match &object.spec.rollout.strategy.rolling_update.max_surge {
        Some(IntOrString::Int(0)) => 0,
        Some(IntOrString::String(text)) if text == "0" => 0,
        _ => 1,
    };
    let wanted = usize::try_from(object.spec.replicas.unwrap_or(1)).unwrap_or_default();
    // A single machine can only be replaced by adding one first.
    let surge = if wanted <= 1 { 1 } else { surge };
    Bounds {
        wanted,
        surge,
        initialized: is_initialized(context, cluster, object),
        replacing: Record::in_progress(object).is_some(),
    }
}

/// Once initialized, always initialized.
fn is_initialized(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane) -> bool {
    object.status.initialization.control_plane_initialized == Some(true)
        || context.guests.is_initialized(&Key::of(cluster))
}

/// What counts of all Machines, with where they are.
fn members(context: &Context, cluster: &Cluster, object: &KubeadmControlPlane, machines: &[&Machine]) -> Vec<Member> {
    let mut members: Vec<_> = machines
        .iter()
        .map(|machine| member(context, object, machine))
        .collect();
    let places = places(machines, &members);
    let domains = &cluster.status.failure_domains;
    for (member, machine) in members.iter_mut().zip(machines) {
        member.crowd = failure_domains::crowd(domains, &places, machine.spec.failure_domain.as_deref());
    }
    members
}

/// Where each of these Machines is, the members in the same order.
fn places<'m>(machines: &[&'m Machine], members: &[Member]) -> Vec<Place<'m>> {
    let of = |(machine, member): (&&'m Machine, &Member)| Place {
        domain: machine.spec.failure_domain.as_deref(),
        stays: !member.deleting && member.up_to_date,
    };
    machines.iter().zip(members).map(of).collect()
}

fn member(context: &Context, object: &KubeadmControlPlane, machine: &Machine) -> Member {
    Member {
        name: machine.name_any(),
        deleting: is_deleting(machine),
        up_to_date: is_up_to_date(context, object, machine),
        ready: machine.is_true(condition::READY),
        joined: machine.status.node_ref.is_some(),
        marked: machine.annotations().contains_key(DELETE_MACHINE_ANNOTATION),
        crowd: 0,
        created: machine.creation_timestamp().map_or(Timestamp::MIN, |time| time.0),
    }
}

async fn list(context: &Context, object: &KubeadmControlPlane) -> Result<Vec<Machine>, Error> {
    let selector = format!("{CONTROL_PLANE_NAME_LABEL}={}", object.name_any());
    let api = Api::<Machine>::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    let list = api
        .list(&ListParams::default().labels(&selector))
        .await
        .map_err(Error::api("listing Machines"))?;
    Ok(list
        .items
        .into_iter()
        .filter(|machine| is_of(machine, object))
        .collect())
}

async fn create(
    context: &Context,
    cluster: &Cluster,
    object: &KubeadmControlPlane,
    live: &[Machine],
    begins: bool,
) -> Result<(), Error> {
    let templates = templates(context, object, begins).await?;
    let existing: Vec<_> = live
        .iter()
        .map(|machine| (machine.uid().unwrap_or_default(), machine.name_any()))
        .collect();
    let gone = object
        .annotations()
        .get(LAST_DELETED_ANNOTATION)
        .map_or("", String::as_str);
    for name in names::machines(&object.name_any(), &object.metadata, &existing, gone, 1) {
        let record = Record::in_progress(object);
        let mut desired = build::machine(object, &name, record.map(|record| record.text()));
        let all: Vec<_> = live.iter().collect();
        let members = members(context, cluster, object, &all);
        let places = places(&all, &members);
        let uid = object.metadata.uid.as_deref().unwrap_or_default();
        desired.spec.failure_domain = failure_domains::next(&cluster.status.failure_domains, &places, uid);
        let machine = super::writes::apply(&context.client, &desired).await?;
        context.machines.observe(machine.clone());
        children::create(context, &machine, &templates).await?;
    }
    if Record::in_progress(object).is_some() {
        remediation::note(context, object, None).await?;
    }
    Ok(())
}

/// Makes the children that a crash left out.
async fn complete(context: &Context, object: &KubeadmControlPlane) -> Result<(), Error> {
    let machines = machines(context, object);
    for machine in machines
        .iter()
        .filter(|machine| children::are_missing(context, machine))
    {
        // The only machine of a control plane that does not answer yet is the one that begins it.
        let begins = machines.len() == 1 && object.status.initialization.control_plane_initialized != Some(true);
        let templates = templates(context, object, begins).await?;
        children::create(context, machine, &templates).await?;
    }
    Ok(())
}

async fn templates(context: &Context, object: &KubeadmControlPlane, begins: bool) -> Result<Templates, Error> {
    let cluster = in_namespace_of(object, &build::cluster_name(object));
    let reference = &object.spec.machine_template.spec.infrastructure_ref;
    let infrastructure = children::adopted_template(context, &cluster, reference).await?;
    Ok(Templates {
        config: build::config(object, begins),
        config_meta: object.spec.machine_template.metadata.clone(),
        cloned_from: None,
        machine_annotations: object.spec.machine_template.metadata.annotations.clone(),
        infrastructure,
    })
}

/// Carries what may change without a new machine to the Machines that are otherwise as wanted.
async fn adapt(context: &Context, object: &KubeadmControlPlane) -> Result<(), Error> {
    for machine in machines(context, object)
        .iter()
        .filter(|machine| !is_deleting(&***machine))
    {
        let replaces = machine.annotations().get(REMEDIATION_FOR_ANNOTATION).cloned();
        let mut desired = build::machine(object, &machine.name_any(), replaces);
        // One that went meanwhile is not made anew by this.
        desired.metadata.uid = machine.uid();
        desired.spec.version.clone_from(&machine.spec.version);
        desired.spec.failure_domain.clone_from(&machine.spec.failure_domain);
        let made_with = machine.annotations().get(build::CONFIG_HASH_ANNOTATION).cloned();
        desired
            .metadata
            .annotations
            .get_or_insert_default()
            .extend(made_with.map(|hash| (build::CONFIG_HASH_ANNOTATION.to_owned(), hash)));
        context.machines.apply(&desired).await?;
    }
    Ok(())
}

/// The Machines go all at once: nothing has to survive. Workers go before, if the Cluster deletes this.
async fn delete(context: &Context, object: &KubeadmControlPlane) -> Result<Next, Error> {
    let machines = machines(context, object);
    for machine in &machines {
        context.machines.delete(machine).await?;
    }
    if machines.is_empty() && list(context, object).await?.is_empty() {
        context.control_planes.remove_finalizer(object, FINALIZER).await?;
        return Ok(Next::Event);
    }
    let status = status::deleting(object, &machines);
    context
        .control_planes
        .patch_status(object, &object.status, &status)
        .await?;
    Ok(Next::Event)
}
