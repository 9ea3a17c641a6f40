//! Who is told of what: which reconcilers a change concerns. A change that nobody needs to act on wakes nobody.

use super::context::{Context, SecretMeta, has_infrastructure, in_namespace_of, is_initialized};
use super::engine::{Key, cluster_of};
use super::guests::Change;
use super::machine_health_check;
use super::writes::controller_of;
use guestcluster_types::upstream::capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet};
use guestcluster_types::upstream::capv::{VSphereCluster, VSphereMachine};
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmControlPlane};
use guestcluster_types::upstream::topology::AvailabilityZone;
use guestcluster_types::upstream::vmoperator::VirtualMachine;
use kube::{Resource, ResourceExt};
use std::time::Duration;

/// Whoever only sums up waits this long for further changes: a step of one Machine rarely comes alone.
const MORE: Duration = Duration::from_millis(10);
/// A Cluster sums up everything, and nothing waits for its sums.
const MANY_MORE: Duration = Duration::from_millis(50);

pub(crate) fn cluster(context: &Context, old: Option<&Cluster>, new: Option<&Cluster>) {
    let Some(cluster) = new.or(old) else { return };
    let key = Key::of(cluster);
    if new.is_none() {
        context.guests.close(&key);
    }
    context.queues.clusters.add(key.clone());
    if old.map(gates) != new.map(gates) {
        all_of_cluster(context, &key, cluster);
    }
}

/// What the objects of a cluster wait for in the Cluster.
fn gates(cluster: &Cluster) -> impl PartialEq {
    (
        has_infrastructure(cluster),
        is_initialized(cluster),
        cluster.spec.paused == Some(true),
        cluster.meta().deletion_timestamp.is_some(),
        cluster.meta().uid.clone(),
        cluster.spec.control_plane_endpoint.clone(),
    )
}

fn all_of_cluster(context: &Context, key: &Key, cluster: &Cluster) {
    if let Some(reference) = &cluster.spec.infrastructure_ref {
        context.queues.vsphere_clusters.add(key.sibling(&reference.name));
    }
    if let Some(reference) = &cluster.spec.control_plane_ref {
        context.queues.control_planes.add(key.sibling(&reference.name));
    }
    context
        .deployments
        .of_cluster(key)
        .iter()
        .for_each(|object| context.queues.deployments.add(Key::of(&**object)));
    context
        .sets
        .of_cluster(key)
        .iter()
        .for_each(|object| context.queues.sets.add(Key::of(&**object)));
    for machine in context.machines.of_cluster(key) {
        context.queues.machines.add(Key::of(&*machine));
        children(context, &machine);
    }
    health_checks(context, key);
}

fn health_checks(context: &Context, cluster: &Key) {
    for check in context.health_checks.of_cluster(cluster) {
        check_soon(context, &check);
    }
}

fn check_soon(context: &Context, check: &MachineHealthCheck) {
    let queue = &context.queues.health_checks;
    queue.add_after(Key::of(check), machine_health_check::PAUSE);
}

/// The health checks that watch a Machine.
fn health_checks_of(context: &Context, machine: &Machine) {
    let cluster = in_namespace_of(machine, &machine.spec.cluster_name);
    for check in context.health_checks.of_cluster(&cluster) {
        if machine_health_check::selects(&check.spec.selector, machine.labels()) {
            check_soon(context, &check);
        }
    }
}

pub(crate) fn health_check(context: &Context, old: Option<&MachineHealthCheck>, new: Option<&MachineHealthCheck>) {
    let Some(object) = new else { return };
    // Its own status wakes nobody.
    let asks = |check: &MachineHealthCheck| (check.spec.clone(), check.metadata.annotations.clone());
    if old.map(asks) != new.map(asks) {
        check_soon(context, object);
    }
}

pub(crate) fn control_plane(context: &Context, old: Option<&KubeadmControlPlane>, new: Option<&KubeadmControlPlane>) {
    let Some(object) = new.or(old) else { return };
    context.queues.control_planes.add(Key::of(object));
    let initialized = |object: &KubeadmControlPlane| object.status.initialization.control_plane_initialized;
    if new.is_some() && old.and_then(initialized) == new.and_then(initialized) {
        add_later(&context.queues.clusters, cluster_of(object));
    } else {
        add(&context.queues.clusters, cluster_of(object));
    }
    if is_other_spec(old, new) {
        machines_of(context, object);
    }
    // Workers wait for its version.
    let versions = |object: &KubeadmControlPlane| (object.spec.version.clone(), object.status.versions.clone());
    if old.map(versions) != new.map(versions)
        && let Some(cluster) = cluster_of(object)
    {
        for set in context.sets.of_cluster(&cluster) {
            context.queues.sets.add(Key::of(&*set));
        }
    }
}

/// Whether the spec changed, by which Machines may no longer be up to date.
fn is_other_spec<K: Resource>(old: Option<&K>, new: Option<&K>) -> bool {
    matches!((old, new), (Some(old), Some(new)) if old.meta().generation != new.meta().generation)
}

fn machines_of<K: Resource>(context: &Context, owner: &K) {
    for machine in context
        .machines
        .owned_by(owner.meta().uid.as_deref().unwrap_or_default())
    {
        context.queues.machines.add(Key::of(&*machine));
    }
}

pub(crate) fn deployment(context: &Context, old: Option<&MachineDeployment>, new: Option<&MachineDeployment>) {
    let Some(object) = new.or(old) else { return };
    context.queues.deployments.add(Key::of(object));
    let cluster = in_namespace_of(object, &object.spec.cluster_name);
    if new.is_none() {
        context.queues.clusters.add(cluster);
    } else {
        context.queues.clusters.add_after(cluster, MANY_MORE);
    }
    if is_other_spec(old, new) {
        for set in context.sets.owned_by(object.meta().uid.as_deref().unwrap_or_default()) {
            machines_of(context, &*set);
        }
    }
}

pub(crate) fn set(context: &Context, old: Option<&MachineSet>, new: Option<&MachineSet>) {
    let Some(object) = new.or(old) else { return };
    context.queues.sets.add(Key::of(object));
    add_soon(&context.queues.deployments, controller::<_, MachineDeployment>(object));
}

pub(crate) fn machine(context: &Context, old: Option<&Machine>, new: Option<&Machine>) {
    let Some(object) = new.or(old) else { return };
    context.queues.machines.add(Key::of(object));
    context
        .queues
        .clusters
        .add(in_namespace_of(object, &object.spec.cluster_name));
    owner(context, object);
    let goes = |machine: &Machine| machine.meta().deletion_timestamp.is_some();
    if new.is_none() || old.is_some_and(goes) != new.is_some_and(goes) {
        deployment_of(context, object);
    }
    let judged = |machine: &Machine| {
        (
            machine.metadata.labels.clone(),
            machine.metadata.annotations.clone(),
            machine.status.node_ref.clone(),
            machine.status.conditions.clone(),
        )
    };
    if old.map(judged) != new.map(judged) {
        for state in [old, new].into_iter().flatten() {
            health_checks_of(context, state);
        }
    }
    let needs = |machine: &Machine| {
        let deleting = machine.meta().deletion_timestamp.is_some();
        (
            machine.spec.bootstrap.data_secret_name.clone(),
            deleting,
            machine.status.node_ref.is_some(),
        )
    };
    if old.map(needs) != new.map(needs) {
        children(context, object);
    }
}

/// An old MachineSet goes when its last Machine is gone, which its own status does not tell; one whose Machines are replaced
/// as somebody deletes them shrinks with each.
fn deployment_of(context: &Context, machine: &Machine) {
    let set = controller::<_, MachineSet>(machine).and_then(|key| context.sets.get(&key));
    add(
        &context.queues.deployments,
        set.and_then(|set| controller::<_, MachineDeployment>(&*set)),
    );
}

fn owner(context: &Context, machine: &Machine) {
    add(&context.queues.sets, controller::<_, MachineSet>(machine));
    add(
        &context.queues.control_planes,
        controller::<_, KubeadmControlPlane>(machine),
    );
}

fn children(context: &Context, machine: &Machine) {
    if let Some(reference) = &machine.spec.bootstrap.config_ref {
        context.queues.configs.add(in_namespace_of(machine, &reference.name));
    }
    context
        .queues
        .vsphere_machines
        .add(in_namespace_of(machine, &machine.spec.infrastructure_ref.name));
}

pub(crate) fn config(context: &Context, old: Option<&KubeadmConfig>, new: Option<&KubeadmConfig>) {
    child(context, old, new);
    if let Some(object) = new.or(old) {
        context.queues.configs.add(Key::of(object));
    }
}

pub(crate) fn vsphere_machine(context: &Context, old: Option<&VSphereMachine>, new: Option<&VSphereMachine>) {
    child(context, old, new);
    if let Some(object) = new.or(old) {
        context.queues.vsphere_machines.add(Key::of(object));
    }
}

/// A Machine's bootstrap or infrastructure object: the Machine follows it, and the Machine's owner makes it.
fn child<K: Resource>(context: &Context, old: Option<&K>, new: Option<&K>) {
    let Some(key) = new.or(old).and_then(controller::<_, Machine>) else {
        return;
    };
    if old.is_none() != new.is_none()
        && let Some(machine) = context.machines.get(&key)
    {
        owner(context, &machine);
    }
    context.queues.machines.add(key);
}

pub(crate) fn vsphere_cluster(context: &Context, old: Option<&VSphereCluster>, new: Option<&VSphereCluster>) {
    let Some(object) = new.or(old) else { return };
    context.queues.vsphere_clusters.add(Key::of(object));
    // Before it has its label it is found by the name, which the guest layer makes that of the Cluster.
    context
        .queues
        .clusters
        .add(cluster_of(object).unwrap_or_else(|| Key::of(object)));
}

pub(crate) fn virtual_machine(context: &Context, old: Option<&VirtualMachine>, new: Option<&VirtualMachine>) {
    add(
        &context.queues.vsphere_machines,
        new.or(old).and_then(controller::<_, VSphereMachine>),
    );
}

pub(crate) fn owned_by_vsphere_cluster<K: Resource>(context: &Context, old: Option<&K>, new: Option<&K>) {
    let Some(object) = new.or(old) else { return };
    // These carry an owner that does not control them.
    for owner in object
        .owner_references()
        .iter()
        .filter(|owner| owner.kind == VSphereCluster::kind(&()))
    {
        context
            .queues
            .vsphere_clusters
            .add(in_namespace_of(object, &owner.name));
    }
}

/// Whatever happens to a zone, only which ones there are counts.
pub(crate) fn zone(context: &Context, old: Option<&AvailabilityZone>, new: Option<&AvailabilityZone>) {
    if old.is_none() || new.is_none() {
        for object in context.vsphere_clusters.all() {
            context.queues.vsphere_clusters.add(Key::of(&*object));
        }
    }
}

pub(crate) fn secret(context: &Context, old: Option<&SecretMeta>, new: Option<&SecretMeta>) {
    if old.is_none() == new.is_none() {
        return;
    }
    let Some(key) = new.or(old).and_then(cluster_of) else {
        return;
    };
    let Some(cluster) = context.clusters.get(&key) else {
        return;
    };
    if let Some(reference) = &cluster.spec.control_plane_ref {
        context.queues.control_planes.add(key.sibling(&reference.name));
    }
    for config in context
        .configs
        .of_cluster(&key)
        .iter()
        .filter(|config| config.status.data_secret_name.is_none())
    {
        context.queues.configs.add(Key::of(&**config));
    }
}

pub(crate) fn guest(context: &Context, cluster: &Key, change: &Change) {
    let control_plane = context
        .clusters
        .get(cluster)
        .and_then(|cluster| cluster.spec.control_plane_ref.clone());
    match change {
        Change::Link => {
            context.queues.clusters.add(cluster.clone());
            health_checks(context, cluster);
            add(
                &context.queues.control_planes,
                control_plane.map(|reference| cluster.sibling(&reference.name)),
            );
            for machine in context.machines.of_cluster(cluster) {
                context.queues.machines.add(Key::of(&*machine));
                if machine.status.node_ref.is_none() {
                    children(context, &machine);
                }
            }
        }
        Change::Node(change) => {
            let ids = [&change.before, &change.after];
            let concerned = |id: &Option<String>| id.is_some() && ids.contains(&id);
            for machine in context.machines.of_cluster(cluster) {
                if concerned(&machine.spec.provider_id) {
                    context.queues.machines.add(Key::of(&*machine));
                    if change.conditions {
                        health_checks_of(context, &machine);
                    }
                }
            }
        }
    }
}

fn add(queue: &super::engine::Queue, key: Option<Key>) {
    if let Some(key) = key {
        queue.add(key);
    }
}

fn add_later(queue: &super::engine::Queue, key: Option<Key>) {
    if let Some(key) = key {
        queue.add_after(key, MANY_MORE);
    }
}

fn add_soon(queue: &super::engine::Queue, key: Option<Key>) {
    if let Some(key) = key {
        queue.add_after(key, MORE);
    }
}

/// The key of an object's controller, if that is of kind `O`.
fn controller<K: Resource, O: Resource<DynamicType = ()>>(object: &K) -> Option<Key> {
    Some(in_namespace_of(object, &controller_of::<O>(object.meta())?.name))
}
