//! What is true of a KubeadmConfig.

use super::Wait;
use super::dereference::Parts;
use crate::machine::conditions::{Setter, Verdict};
use crate::machine::error::Error;
use guestcluster_types::upstream::capi::condition::READY;
use guestcluster_types::upstream::kubeadm::{KubeadmConfig, KubeadmConfigStatus, condition};
use kube::ResourceExt;

pub(super) fn of(parts: &Parts, outcome: &Result<Option<Wait>, Error>) -> KubeadmConfigStatus {
    let mut status = parts.config.status.clone();
    let verdict = match outcome {
        Ok(None) => {
            status.data_secret_name = Some(parts.config.name_any());
            status.initialization.data_secret_created = Some(true);
            Verdict::yes("Available")
        }
        Ok(Some(wait)) => waiting(*wait),
        Err(error) => Verdict::no("DataSecretNotAvailable", error.to_string()),
    };
    status.observed_generation = parts.config.metadata.generation;
    let mut conditions = Setter::new(&mut status.conditions, parts.config.metadata.generation);
    conditions.set(condition::DATA_SECRET_AVAILABLE, verdict.clone());
    conditions.set_summary(READY, "Ready", [verdict]);
    if matches!(outcome, Ok(None)) {
        // It is made of them.
        conditions.set(condition::CERTIFICATES_AVAILABLE, Verdict::yes("Available"));
    }
    conditions.set_not_paused();
    status
}

/// No Machine has it, or no Cluster has that.
pub(super) fn alone(config: &KubeadmConfig, missing: Verdict) -> KubeadmConfigStatus {
    let mut status = config.status.clone();
    let mut conditions = Setter::new(&mut status.conditions, config.metadata.generation);
    conditions.set(condition::DATA_SECRET_AVAILABLE, missing.clone());
    conditions.set(READY, missing);
    status
}

fn waiting(wait: Wait) -> Verdict {
    match wait {
        Wait::Infrastructure => Verdict::no(
            "WaitingForClusterInfrastructureReady",
            "the cluster's load balancer has no address yet",
        ),
        Wait::ControlPlane => Verdict::no(
            "WaitingForControlPlaneInitialized",
            "the control plane does not accept nodes yet",
        ),
        Wait::Connection => Verdict::no(
            "WaitingForConnection",
            "there is no connection to the guest's API server",
        ),
        Wait::Lock => Verdict::no(
            "WaitingForControlPlaneInitialized",
            "another machine begins the cluster",
        ),
    }
}
