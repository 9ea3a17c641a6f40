//! What a health check is about: its Cluster, and the cluster's Machines with their Nodes.

use crate::machine::context::{Context, in_namespace_of};
use crate::machine::guests::Link;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{Cluster, Machine, MachineHealthCheck, condition};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use std::sync::Arc;

/// Everything that a health check's verdicts are derived from.
pub(super) struct Parts {
    pub(super) check: Arc<MachineHealthCheck>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) since: Since,
    pub(super) targets: Vec<Target>,
    /// The guest accepted requests once, and can't be asked now.
    pub(super) is_cut_off: bool,
}

/// Since when the cluster has what its nodes need; none if it has not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Since {
    pub(super) infrastructure: Option<Timestamp>,
    pub(super) initialized: Option<Timestamp>,
}

/// A Machine of the cluster, and what is known of its Node.
pub(super) struct Target {
    pub(super) machine: Arc<Machine>,
    pub(super) node: NodeState,
}

/// What is known of a Machine's Node.
pub(super) enum NodeState {
    /// It has not been seen yet.
    NotYet,
    /// It was seen and is gone.
    Gone,
    /// As the guest shows it.
    There(Arc<Node>),
}

/// None while the Cluster does not exist.
pub(super) fn of(context: &Context, check: Arc<MachineHealthCheck>) -> Option<Parts> {
    let key = in_namespace_of(&*check, &check.spec.cluster_name);
    let cluster = context.clusters.get(&key)?;
    let since = Since {
        infrastructure: true_since(&*cluster, condition::INFRASTRUCTURE_READY),
        initialized: true_since(&*cluster, condition::CONTROL_PLANE_INITIALIZED),
    };
    // Before a guest answers for the first time nobody looks for Nodes.
    let asked = since.initialized.is_some();
    let node = |machine: &Machine| match machine.status.node_ref.as_ref().filter(|_| asked) {
        None => NodeState::NotYet,
        Some(node) => (context.guests.node_named(&key, &node.name)).map_or(NodeState::Gone, NodeState::There),
    };
    let machines = context.machines.of_cluster(&key).into_iter();
    let targets = machines.map(|machine| Target {
        node: node(&machine),
        machine,
    });
    Some(Parts {
        targets: targets.collect(),
        is_cut_off: asked && !matches!(context.guests.link(&key), Link::Up(_)),
        since,
        cluster,
        check,
    })
}

/// Since when a condition is true, if it is.
pub(super) fn true_since(object: &impl HasConditions, type_: &str) -> Option<Timestamp> {
    let condition = object.condition(type_)?;
    (condition.status == "True").then_some(condition.last_transition_time.0)
}
