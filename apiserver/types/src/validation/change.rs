//! What may change in an existing cluster.

use serde_json::json;

use super::Problem;
use crate::{
    GuestCluster, GuestClusterSpec,
    version::{KubernetesVersion, VersionHint, check_path},
};

const VERSION: &str = "spec.distribution.version";

pub(super) fn network(new: &GuestClusterSpec, old: &GuestClusterSpec) -> Option<Problem> {
    if new.settings.network == old.settings.network {
        return None;
    }
    let fixed = json!(old.settings.network);
    let detail = format!("is fixed when the cluster is created; only {fixed} is accepted");
    Some(Problem::invalid(
        "spec.settings.network",
        json!(new.settings.network),
        detail,
    ))
}

/// A version may go up by one minor, and not while an upgrade runs; back is possible until a new control-plane node is Ready.
pub(super) fn version(new: &GuestClusterSpec, old: &GuestCluster) -> Option<Problem> {
    let asked = &new.distribution.version;
    if *asked == old.spec.distribution.version {
        return None;
    }
    let hint: VersionHint = asked.parse().ok()?;
    let distribution = old.status.as_ref()?.distribution.as_ref()?;
    let running: KubernetesVersion = distribution.version.as_ref()?.parse().ok()?;
    match distribution.target.as_ref().and_then(|target| target.parse().ok()) {
        Some(target) => during_upgrade(&hint, &running, &target, old),
        None => from_running(&hint, &running),
    }
}

fn during_upgrade(
    hint: &VersionHint,
    running: &KubernetesVersion,
    target: &KubernetesVersion,
    old: &GuestCluster,
) -> Option<Problem> {
    if hint.matches(target) {
        return None;
    }
    let new_nodes = old
        .status
        .as_ref()?
        .control_plane
        .as_ref()
        .map_or(0, |control_plane| control_plane.up_to_date);
    if new_nodes > 0 {
        let detail = format!(
            "the upgrade from {running} to {target} runs, and control-plane nodes of {target} are Ready; only {target} is accepted until it is done"
        );
        return Some(Problem::forbidden(VERSION, detail));
    }
    if hint.matches(running) {
        return None;
    }
    let detail = format!(
        "the upgrade from {running} to {target} runs; only {target}, or {running} to go back, is accepted until it is done"
    );
    Some(Problem::forbidden(VERSION, detail))
}

fn from_running(hint: &VersionHint, running: &KubernetesVersion) -> Option<Problem> {
    if hint.matches(running) {
        return None;
    }
    let wanted = match hint {
        VersionHint::Exact(exact) => exact.clone(),
        // The highest patch there could be: a minor is judged by itself, its patches when it is resolved.
        VersionHint::Minor { major, minor } => format!("v{major}.{minor}.{}", u64::MAX).parse().ok()?,
    };
    let problem = check_path(running, &wanted).err()?;
    let detail = problem.to_string().replace(&wanted.to_string(), &hint.to_string());
    Some(Problem::invalid(VERSION, hint.to_string(), detail))
}
