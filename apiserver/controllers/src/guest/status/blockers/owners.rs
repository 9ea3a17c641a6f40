//! What keeps the owners of machines from making them.

use guestcluster_types::{
    conditions::reasons,
    upstream::{
        DeprecatedCondition, HasConditions,
        capi::{MachineDeployment, condition},
        kubeadm,
    },
};
use kube::{Resource, ResourceExt as _};

use super::{Blocker, Waits, machine::paused, one_line};
use crate::guest::{dereference::Layers, plan::Object};

/// What is said of machines that can't be made, before the reason.
const BLOCKED: [&str; 2] = [" is blocked because:", " is blocked:"];

/// Why the control plane makes no machine, where waiting will not cure it.
pub(in crate::guest::status) fn control_plane_owner(layers: &Layers) -> Option<Blocker> {
    let live = layers.control_plane.as_deref()?;
    let certificates = live
        .condition(kubeadm::condition::CERTIFICATES_AVAILABLE)
        .filter(|condition| condition.status == "False" && !condition.message.is_empty())
        .map(|condition| Waits::of(condition).severe());
    let waits = paused(live.condition(condition::PAUSED))
        .or(certificates)
        .or_else(|| refused(live, &live.status.deprecated.v1beta1.conditions))?;
    Some(blocker(live, waits))
}

/// Why a pool gets no machine, where waiting will not cure it.
pub(in crate::guest::status) fn pool_owner(layers: &Layers, pool: &MachineDeployment) -> Option<Blocker> {
    if let Some(waits) = paused(pool.condition(condition::PAUSED)) {
        return Some(blocker(pool, waits));
    }
    layers.sets(&pool.name_any()).find_map(|set| {
        let waits = paused(set.condition(condition::PAUSED))
            .or_else(|| refused(set, &set.status.deprecated.v1beta1.conditions))?;
        Some(blocker(set, waits))
    })
}

/// What the API server, or a template that is gone, answers to the making of machines.
fn refused(owner: &impl HasConditions, deprecated: &[DeprecatedCondition]) -> Option<Waits> {
    let failed = deprecated
        .iter()
        .find(|condition| condition.type_ == condition::MACHINES_CREATED && condition.status == "False");
    if let Some(failed) = failed {
        // What is looked at before a machine is made passes by itself.
        let waits = Waits::new(&failed.type_, &failed.reason, one_line(&failed.message));
        return Some(waits).filter(|waits| waits.reason != "PreflightCheckFailed");
    }
    let scaling = owner
        .condition(condition::SCALING_UP)
        .filter(|condition| condition.status == "True")?;
    let said = BLOCKED
        .iter()
        .find_map(|words| scaling.message.split_once(words).map(|(_, said)| one_line(said)))?;
    let waits = Waits::new(condition::MACHINES_CREATED, reasons::MACHINES_NOT_CREATED, said);
    Some(waits).filter(|waits| super::is_refusal(&waits.said) || waits.said.contains("does not exist"))
}

fn blocker<K: Resource<DynamicType = ()>>(owner: &K, waits: Waits) -> Blocker {
    let object = Object::of(owner);
    let what = format!("{} {} to make a machine", object.kind, object.name);
    Blocker::waiting(object, &what, waits.severe())
}
