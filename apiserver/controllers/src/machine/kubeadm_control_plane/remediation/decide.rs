//! Which unwell control-plane Machine is replaced now, or why none is. Pure.

use super::super::decide::Member;
use super::super::quorum::survives_without;
use super::record::Record;
use crate::machine::conditions::Verdict;
use crate::machine::remediation::{deferred, refused};
use guestcluster_types::upstream::kubeadm::ControlPlaneRemediation;
use jiff::Timestamp;
use std::time::Duration;

/// So long after a replacement a fault counts as a new one, if the control plane does not say; in seconds.
const MIN_HEALTHY_SECONDS: i32 = 3600;

/// What counts of a control-plane Machine that may be unwell.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    pub(super) member: Member,
    /// A health check found it unwell.
    pub(super) is_unwell: bool,
    /// It is to be replaced.
    pub(super) is_due: bool,
    /// Somebody asked for it by hand.
    pub(super) is_asked: bool,
    /// The replacement that it came from.
    pub(super) record: Option<Record>,
}

/// What bounds the replacements of a control plane.
#[derive(Clone, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) spec: &'a ControlPlaneRemediation,
    /// Whether the guest accepted requests once.
    pub(super) initialized: bool,
    /// The replacement that goes on.
    pub(super) in_progress: Option<Record>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing is due, or what is due goes on.
    Nothing,
    /// The Machine of this name waits, for this reason; it is looked at again after the time, if there is one.
    Hold(String, Verdict, Option<Duration>),
    /// The record is kept, and its Machine deleted.
    Replace(Record),
}

pub(super) fn decide(patients: &[Patient], bounds: &Bounds<'_>, now: Timestamp) -> Step {
    let Some(patient) = worst(patients) else {
        return Step::Nothing;
    };
    let name = &patient.member.name;
    if patient.member.deleting {
        return Step::Nothing;
    }
    if let Some(record) = &bounds.in_progress {
        // A crash came between record and deletion.
        return match record.machine == *name {
            true => Step::Replace(record.clone()),
            false => Step::Nothing,
        };
    }
    let hold = |verdict, pause| Step::Hold(name.clone(), verdict, pause);
    let retries = match retries(patient.record.as_ref(), bounds.spec, now) {
        Ok(retries) => retries,
        Err((verdict, pause)) => return hold(verdict, Some(pause)),
    };
    if bounds.initialized
        && let Some(verdict) = unsafe_now(patients, name)
    {
        return hold(verdict, None);
    }
    Step::Replace(Record::new(name, now, retries))
}

/// Of those that are due the one with the least to lose: asked for, never joined, not serving, the oldest.
fn worst(patients: &[Patient]) -> Option<&Patient> {
    patients.iter().filter(|patient| patient.is_due).min_by_key(|patient| {
        let member = &patient.member;
        (
            !patient.is_asked,
            member.joined,
            member.ready,
            member.created,
            member.name.as_str(),
        )
    })
}

/// What the record of the new replacement says of earlier ones, or why there is none yet and for how long.
fn retries(last: Option<&Record>, spec: &ControlPlaneRemediation, now: Timestamp) -> Result<i32, (Verdict, Duration)> {
    let Some(last) = last else { return Ok(0) };
    let left = |seconds: i32| {
        let left = last.timestamp.0.as_second() + i64::from(seconds) - now.as_second();
        u64::try_from(left)
            .ok()
            .filter(|left| *left > 0)
            .map(Duration::from_secs)
    };
    let min_healthy = spec.min_healthy_period_seconds.unwrap_or(MIN_HEALTHY_SECONDS);
    let Some(related) = left(min_healthy) else {
        return Ok(0);
    };
    let period = spec.retry_period_seconds.unwrap_or_default();
    if let Some(left) = left(period) {
        let message = format!(
            "it replaced {}, less than spec.remediation.retryPeriodSeconds ({period}) ago",
            last.machine
        );
        return Err((deferred(message), left));
    }
    if let Some(most) = spec.max_retry.filter(|most| last.retry_count >= *most) {
        let message = format!(
            "{} replacements were unwell too; spec.remediation.maxRetry allows {most}",
            last.retry_count
        );
        return Err((refused(message), related));
    }
    Ok(last.retry_count.saturating_add(1))
}

/// Why the control plane could suffer if the Machine went now.
fn unsafe_now(patients: &[Patient], name: &str) -> Option<Verdict> {
    if patients.len() <= 1 {
        return Some(refused(
            "it is the only control-plane Machine: without it nothing of the guest is left",
        ));
    }
    let named = |is_such: &dyn Fn(&&Patient) -> bool| {
        let found = patients.iter().find(is_such)?;
        Some(found.member.name.clone())
    };
    if let Some(other) = named(&|patient| !patient.is_unwell && !patient.member.joined) {
        return Some(deferred(format!("Machine {other} is being made")));
    }
    if let Some(other) = named(&|patient| patient.member.deleting) {
        return Some(deferred(format!("Machine {other} is being deleted")));
    }
    let members: Vec<_> = patients.iter().map(|patient| patient.member.clone()).collect();
    (!survives_without(&members, name))
        .then(|| refused("without it too few members are well for etcd's quorum or for an API server that answers"))
}

#[cfg(test)]
mod tests;
