//! Why nobody replaces a machine whose node is unwell.

use guestcluster_types::upstream::{
    HasConditions as _,
    capi::{Machine, condition},
};
use kube::ResourceExt as _;

use super::one_line;
use crate::guest::dereference::Layers;

/// What keeps health checks from having a machine replaced, in words that follow what is wrong with it. Nothing of a machine
/// that is not a node yet: it is on its way.
pub(super) fn kept_from(layers: &Layers, machine: &Machine) -> Option<String> {
    machine.status.node_ref.as_ref()?;
    no_check_looks(layers).or_else(|| too_many(layers, machine))
}

/// Cluster API's health checks look at no node while the infrastructure of its Cluster is not ready, also where it was once.
fn no_check_looks(layers: &Layers) -> Option<String> {
    let cluster = layers.cluster.as_deref()?;
    let infrastructure = cluster.condition(condition::INFRASTRUCTURE_READY)?;
    (infrastructure.status == "False").then(|| {
        format!(
            "no health check looks at it while Cluster {} is not {}: {}",
            cluster.name_any(),
            condition::INFRASTRUCTURE_READY,
            one_line(&infrastructure.message)
        )
    })
}

/// A health check that found this machine unwell, and too many others.
fn too_many(layers: &Layers, machine: &Machine) -> Option<String> {
    let found = machine.condition(condition::HEALTH_CHECK_SUCCEEDED)?;
    if found.status != "False" {
        return None;
    }
    let name = machine.name_any();
    let mut checks = layers.health_checks.iter();
    let check = checks.find(|check| check.status.targets.contains(&name))?;
    let allowed = check.condition(condition::REMEDIATION_ALLOWED)?;
    (allowed.status == "False").then(|| {
        format!(
            "MachineHealthCheck {} does not have it replaced: {}",
            check.name_any(),
            one_line(&allowed.message)
        )
    })
}
