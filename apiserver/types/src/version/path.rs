//! Which way an upgrade may go: never down, and one minor at a time.

use super::{Candidate, KubernetesVersion};
use crate::Support;

/// Why a cluster can't go from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Down.
    #[error("{wanted} is below {running}, which the cluster runs; versions only go up")]
    Decrease {
        /// The version the cluster runs.
        running: KubernetesVersion,
        /// The version wanted.
        wanted: KubernetesVersion,
    },
    /// Up, but too far.
    #[error("{wanted} is {} above {running}, which the cluster runs; go through v{}.{} first", minors(*by), running.major(), running.minor() + 1)]
    TooFar {
        /// The version the cluster runs.
        running: KubernetesVersion,
        /// The version wanted.
        wanted: KubernetesVersion,
        /// How many minors lie between.
        by: u64,
    },
    /// Another major version.
    #[error("{wanted} has another major version than {running}, which the cluster runs")]
    OtherMajor {
        /// The version the cluster runs.
        running: KubernetesVersion,
        /// The version wanted.
        wanted: KubernetesVersion,
    },
}

fn minors(by: u64) -> String {
    match by {
        2 => "two minors".to_owned(),
        3 => "three minors".to_owned(),
        by => format!("{by} minors"),
    }
}

/// Whether a cluster that runs `running` may go to `wanted`.
pub fn check_path(running: &KubernetesVersion, wanted: &KubernetesVersion) -> Result<(), PathProblem> {
    let (running, wanted) = (running.clone(), wanted.clone());
    if wanted < running {
        return Err(PathProblem::Decrease { running, wanted });
    }
    if wanted.major() != running.major() {
        return Err(PathProblem::OtherMajor { running, wanted });
    }
    let by = wanted.minor() - running.minor();
    if by > 1 {
        return Err(PathProblem::TooFar { running, wanted, by });
    }
    Ok(())
}

/// The supported versions that a cluster could go to next, oldest first.
pub fn updates(running: &KubernetesVersion, candidates: &[Candidate]) -> Vec<KubernetesVersion> {
    let mut versions: Vec<_> = candidates
        .iter()
        .filter(|candidate| candidate.support == Support::Supported && candidate.version > *running)
        .filter(|candidate| check_path(running, &candidate.version).is_ok())
        .map(|candidate| candidate.version.clone())
        .collect();
    versions.sort();
    versions.dedup();
    versions
}
