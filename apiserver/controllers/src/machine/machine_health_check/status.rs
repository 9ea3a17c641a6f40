//! What is true of a MachineHealthCheck.

use super::decide::Plan;
use super::dereference::Parts;
use super::validate::Rules;
use crate::machine::conditions::{self, Setter, Verdict};
use crate::machine::validate::missing_cluster;
use guestcluster_types::upstream::capi::{MachineHealthCheck, MachineHealthCheckStatus, condition};

pub(super) fn of(parts: &Parts, rules: &Rules, plan: &Plan) -> MachineHealthCheckStatus {
    let (all, well) = (plan.findings.len(), plan.well());
    let mut status = with(parts, Verdict::no("NotPaused", ""), Some(allowed(rules, plan)));
    status.expected_machines = i32::try_from(all).ok();
    status.current_healthy = i32::try_from(well).ok();
    status.remediations_allowed = i32::try_from(plan.allowed.unwrap_or_default()).ok();
    status.targets = plan.findings.iter().map(|(name, _)| name.clone()).collect();
    status
}

fn allowed(rules: &Rules, plan: &Plan) -> Verdict {
    if plan.allowed.is_some() && plan.findings.is_empty() {
        // Those that it is for may come yet.
        return Verdict {
            message: "spec.selector finds no Machine of the Cluster".to_owned(),
            ..Verdict::yes("RemediationAllowed")
        };
    }
    if plan.allowed.is_some() {
        return Verdict::yes("RemediationAllowed");
    }
    let (all, limit) = (plan.findings.len(), rules.limit);
    let unwell = all - plan.well();
    let message =
        format!("{unwell} of {all} Machines are unwell or not Nodes yet; they are replaced while it is {limit}");
    Verdict::no("TooManyUnhealthy", message)
}

/// While it is paused nothing else is said anew.
pub(super) fn paused(parts: &Parts) -> MachineHealthCheckStatus {
    with(parts, conditions::paused(&parts.cluster), None)
}

/// A health check that makes no sense replaces nothing.
pub(super) fn invalid(parts: &Parts, message: &str) -> MachineHealthCheckStatus {
    let mut status = with(
        parts,
        Verdict::no("NotPaused", ""),
        Some(Verdict::no("InvalidSpec", message)),
    );
    status.remediations_allowed = Some(0);
    status
}

/// Nothing is looked after for a Cluster that is not there, which may come yet.
pub(super) fn without_cluster(check: &MachineHealthCheck) -> MachineHealthCheckStatus {
    let mut status = check.status.clone();
    let verdict = Verdict::no("ClusterDoesNotExist", missing_cluster(&check.spec.cluster_name));
    let mut set = Setter::new(&mut status.conditions, check.metadata.generation);
    set.set(condition::REMEDIATION_ALLOWED, verdict);
    status
}

fn with(parts: &Parts, paused: Verdict, allowed: Option<Verdict>) -> MachineHealthCheckStatus {
    let mut status = parts.check.status.clone();
    status.observed_generation = parts.check.metadata.generation;
    let mut set = Setter::new(&mut status.conditions, parts.check.metadata.generation);
    set.set(condition::PAUSED, paused);
    if let Some(allowed) = allowed {
        set.set(condition::REMEDIATION_ALLOWED, allowed);
    }
    status
}
