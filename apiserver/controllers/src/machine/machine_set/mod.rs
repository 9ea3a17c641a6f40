//! MachineSet: keeps a number of equal Machines, with their bootstrap and infrastructure objects.

mod build;
pub(crate) mod decide;
mod preflight;
mod remediation;
pub(crate) mod status;
mod validate;

use super::children::{self, Templates};
use super::context::{Context, LOOK_AGAIN, in_namespace_of, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::names;
use super::replicas::is_deleting;
use super::validate::missing_cluster;
use super::writes::{controller_of, owned_in_cluster};
use decide::{Action, Member, Order, decide};
use guestcluster_types::upstream::capi::{
    CLUSTER_NAME_LABEL, Cluster, Machine, MachineDeployment, MachineSet, SET_NAME_LABEL,
};
use guestcluster_types::upstream::kubeadm::KubeadmConfigTemplate;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use status::Obstacle;
use std::sync::Arc;

pub(crate) use validate::template;

/// Annotation of a set that makes no Machines any more, whatever its number.
pub(crate) const DISABLE_CREATE: &str = "cluster.x-k8s.io/disable-machine-create";

/// Finalizer of MachineSets: their Machines go before them.
pub(crate) const FINALIZER: &str = "cluster.x-k8s.io/machineset";

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(set) = context.sets.get(&key) else {
        return Ok(Next::Event);
    };
    if is_deleting(&*set) {
        return delete(&context, &set).await;
    }
    let cluster = context.clusters.get(&in_namespace_of(&*set, &set.spec.cluster_name));
    let Some(cluster) = cluster else {
        let failure = Error::Invalid(missing_cluster(&set.spec.cluster_name));
        report(&context, &set, Some(Obstacle::of(&failure))).await?;
        return Ok(Next::After(LOOK_AGAIN));
    };
    if is_deleting(&*cluster) {
        return Ok(Next::Event);
    }
    if is_paused(&cluster, &set.metadata) {
        context.sets.tell_paused(&set, &cluster).await?;
        return Ok(Next::Event);
    }
    own(&context, &cluster, &set).await?;
    let hold = hold(&context, &set);
    let outcome = apply(&context, &set, hold.as_deref()).await;
    let obstacle = match &outcome {
        Ok(()) => hold.map(Obstacle::Waits),
        Err(error) => Some(Obstacle::of(error)),
    };
    report(&context, &set, obstacle).await?;
    outcome.map(|()| Next::Event)
}

async fn report(context: &Context, set: &MachineSet, obstacle: Option<Obstacle>) -> Result<(), Error> {
    let status = status::of(set, &machines(context, set), obstacle.as_ref());
    context.sets.patch_status(set, &set.status, &status).await
}

/// A set that no deployment made goes with its Cluster, is found by its label, and its Machines go before it.
async fn own(context: &Context, cluster: &Cluster, set: &MachineSet) -> Result<(), Error> {
    if controller_of::<MachineDeployment>(&set.metadata).is_some() {
        return Ok(());
    }
    let meta = owned_in_cluster(&set.metadata, cluster, FINALIZER);
    context.sets.patch_metadata(set, &meta).await
}

async fn apply(context: &Context, set: &MachineSet, hold: Option<&str>) -> Result<(), Error> {
    remediation::proceed(context, set, hold).await?;
    scale(context, set, hold).await?;
    complete(context, set).await?;
    adapt(context, set).await
}

/// What new Machines wait for; without a control plane of the layer's kind nobody can say.
fn hold(context: &Context, set: &MachineSet) -> Option<String> {
    let cluster = context.clusters.get(&in_namespace_of(set, &set.spec.cluster_name))?;
    let reference = cluster.spec.control_plane_ref.as_ref()?;
    let control_plane = context.control_planes.get(&in_namespace_of(set, &reference.name))?;
    preflight::hold(set, &control_plane)
}

/// The Machines that this very set made.
fn machines(context: &Context, set: &MachineSet) -> Vec<Arc<Machine>> {
    let mut machines = context.machines.owned_by(&set.uid().unwrap_or_default());
    machines.retain(|machine| is_of(machine, set));
    machines
}

fn is_of(machine: &Machine, set: &MachineSet) -> bool {
    controller_of::<MachineSet>(&machine.metadata).is_some_and(|owner| Some(&owner.uid) == set.metadata.uid.as_ref())
}

/// Brings the number of Machines to what is wanted. What is known may be old, so nothing is created or deleted before a
/// live list says the same.
async fn scale(context: &Context, set: &MachineSet, hold: Option<&str>) -> Result<(), Error> {
    let known: Vec<_> = machines(context, set)
        .iter()
        .map(|machine| Member::of(machine))
        .collect();
    let wanted = usize::try_from(set.spec.replicas.unwrap_or(1)).unwrap_or_default();
    let order = Order::of(set.spec.deletion.order.as_deref());
    match decide(&known, wanted, order) {
        Action::Nothing => return Ok(()),
        Action::Create(_) if hold.is_some() || is_closed(set) => return Ok(()),
        Action::Create(_) | Action::Delete(_) => {}
    }
    let live = list(context, set).await?;
    let members: Vec<_> = live.iter().map(Member::of).collect();
    match decide(&members, wanted, order) {
        Action::Nothing => {}
        Action::Create(_) if hold.is_some() || is_closed(set) => {}
        Action::Create(count) => create(context, set, &live, count).await?,
        Action::Delete(names) => {
            for machine in live.iter().filter(|machine| names.contains(&machine.name_any())) {
                context.machines.delete(machine).await?;
            }
        }
    }
    Ok(())
}

/// Whether the set makes no Machines any more.
fn is_closed(set: &MachineSet) -> bool {
    set.annotations()
        .get(DISABLE_CREATE)
        .is_some_and(|value| value == "true")
}

async fn list(context: &Context, set: &MachineSet) -> Result<Vec<Machine>, Error> {
    let selector = format!(
        "{CLUSTER_NAME_LABEL}={},{SET_NAME_LABEL}={}",
        set.spec.cluster_name,
        set.name_any()
    );
    let api = Api::<Machine>::namespaced(context.client.clone(), &set.namespace().unwrap_or_default());
    let list = api
        .list(&ListParams::default().labels(&selector))
        .await
        .map_err(Error::api("listing Machines"))?;
    Ok(list.items.into_iter().filter(|machine| is_of(machine, set)).collect())
}

async fn create(context: &Context, set: &MachineSet, live: &[Machine], count: usize) -> Result<(), Error> {
    let templates = templates(context, set).await?;
    let existing: Vec<_> = live
        .iter()
        .map(|machine| (machine.uid().unwrap_or_default(), machine.name_any()))
        .collect();
    for name in names::machines(&set.name_any(), &set.metadata, &existing, "", count) {
        let machine = super::writes::apply(&context.client, &build::machine(set, &name)).await?;
        context.machines.observe(machine.clone());
        children::create(context, &machine, &templates).await?;
    }
    Ok(())
}

/// Makes the children that a crash left out.
async fn complete(context: &Context, set: &MachineSet) -> Result<(), Error> {
    let mut incomplete = machines(context, set);
    incomplete.retain(|machine| children::are_missing(context, machine));
    if incomplete.is_empty() {
        return Ok(());
    }
    let templates = templates(context, set).await?;
    for machine in incomplete {
        children::create(context, &machine, &templates).await?;
    }
    Ok(())
}

/// Judged where Machines are about to be made: fewer are always possible.
async fn templates(context: &Context, set: &MachineSet) -> Result<Templates, Error> {
    validate::set(set).map_err(Error::Invalid)?;
    let spec = &set.spec.template.spec;
    let cluster = in_namespace_of(set, &set.spec.cluster_name);
    let config = match &spec.bootstrap.config_ref {
        Some(reference) => {
            let template = children::adopted_template::<KubeadmConfigTemplate>(context, &cluster, reference).await?;
            template.spec.template
        }
        None => {
            return Err(Error::Invalid(
                "spec.template.spec.bootstrap.configRef names nothing".to_owned(),
            ));
        }
    };
    let infrastructure = children::adopted_template(context, &cluster, &spec.infrastructure_ref).await?;
    Ok(Templates {
        config: config.spec,
        config_meta: config.metadata,
        cloned_from: spec
            .bootstrap
            .config_ref
            .as_ref()
            .map(|reference| reference.name.clone()),
        machine_annotations: set.spec.template.metadata.annotations.clone(),
        infrastructure,
    })
}

/// Carries what may change without a new machine to the Machines.
async fn adapt(context: &Context, set: &MachineSet) -> Result<(), Error> {
    for machine in machines(context, set)
        .iter()
        .filter(|machine| !is_deleting(&***machine))
    {
        let mut desired = build::machine(set, &machine.name_any());
        // One that went meanwhile is not made anew by this.
        desired.metadata.uid = machine.uid();
        context.machines.apply(&desired).await?;
    }
    Ok(())
}

async fn delete(context: &Context, set: &MachineSet) -> Result<Next, Error> {
    let machines = machines(context, set);
    for machine in &machines {
        context.machines.delete(machine).await?;
    }
    if machines.is_empty() && list(context, set).await?.is_empty() {
        context.sets.remove_finalizer(set, FINALIZER).await?;
    }
    Ok(Next::Event)
}
