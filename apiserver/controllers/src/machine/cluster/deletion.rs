//! The order of a Cluster's deletion.

use super::{FINALIZER, Parts};
use crate::machine::context::Context;
use crate::machine::engine::Next;
use crate::machine::error::Error;
use crate::machine::replicas::is_deleting;
use guestcluster_types::upstream::capi::{CONTROL_PLANE_LABEL, Machine};
use kube::ResourceExt;

/// What a deletion does next, and waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Workers,
    ControlPlane,
    Infrastructure,
    Finish,
}

/// The first step that is not done.
pub(super) fn step(parts: &Parts, sets: usize) -> Step {
    if !parts.deployments.is_empty() || sets > 0 || parts.machines.iter().any(|machine| !is_control_plane(machine)) {
        return Step::Workers;
    }
    if parts.control_plane.is_some() || !parts.machines.is_empty() {
        return Step::ControlPlane;
    }
    if parts.infrastructure.is_some() {
        Step::Infrastructure
    } else {
        Step::Finish
    }
}

/// Does the next step.
pub(super) async fn proceed(context: &Context, parts: &Parts) -> Result<Next, Error> {
    let key = crate::machine::engine::Key::of(&*parts.cluster);
    let sets = context.sets.of_cluster(&key);
    match step(parts, sets.len()) {
        Step::Workers => {
            for deployment in &parts.deployments {
                context.deployments.delete(deployment).await?;
            }
            // Those that no owner deletes.
            for set in sets.iter().filter(|set| {
                set.owner_references()
                    .iter()
                    .all(|owner| owner.controller != Some(true))
            }) {
                context.sets.delete(set).await?;
            }
            for machine in parts
                .machines
                .iter()
                .filter(|machine| !is_control_plane(machine) && !is_deleting(&***machine))
            {
                if machine
                    .owner_references()
                    .iter()
                    .all(|owner| owner.controller != Some(true))
                {
                    context.machines.delete(machine).await?;
                }
            }
        }
        Step::ControlPlane => match &parts.control_plane {
            Some(control_plane) => context.control_planes.delete(control_plane).await?,
            None => {
                for machine in &parts.machines {
                    context.machines.delete(machine).await?;
                }
            }
        },
        Step::Infrastructure => {
            if let Some(infrastructure) = &parts.infrastructure {
                context.vsphere_clusters.delete(infrastructure).await?;
            }
        }
        Step::Finish => {
            context.guests.close(&key);
            context.clusters.remove_finalizer(&parts.cluster, FINALIZER).await?;
        }
    }
    Ok(Next::Event)
}

pub(super) fn is_control_plane(machine: &Machine) -> bool {
    machine.labels().contains_key(CONTROL_PLANE_LABEL)
}
