//! Counts of Machines, for the status of whatever owns them.

use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{Machine, MachineSet, ReplicaCounts, VersionCount, condition};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use std::collections::BTreeMap;

/// Counts Machines; `wanted` is what the owner asks for.
pub(crate) fn count<'a>(machines: impl IntoIterator<Item = &'a Machine>, wanted: i32) -> ReplicaCounts {
    let (mut all, mut up_to_date, mut ready, mut available) = (0, 0, 0, 0);
    let mut versions = BTreeMap::<&str, i32>::new();
    for machine in machines {
        all += 1;
        up_to_date += i32::from(machine.is_true(condition::UP_TO_DATE));
        ready += i32::from(machine.is_true(condition::READY));
        available += i32::from(is_available(machine));
        if let Some(version) = &machine.spec.version {
            *versions.entry(version).or_default() += 1;
        }
    }
    ReplicaCounts {
        desired_replicas: Some(wanted),
        replicas: Some(all),
        up_to_date_replicas: Some(up_to_date),
        ready_replicas: Some(ready),
        available_replicas: Some(available),
        versions: version_counts(versions),
    }
}

/// Whether a Machine can be counted on: a Machine that is being deleted can't.
pub(crate) fn is_available(machine: &Machine) -> bool {
    machine.is_true(condition::AVAILABLE) && !is_deleting(machine)
}

/// Whether deletion was asked for.
pub(crate) fn is_deleting<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// A bound that may be a percentage of `wanted`; text that is none counts as 0.
pub(crate) fn amount(bound: &IntOrString, wanted: i32, round_up: bool) -> i32 {
    match bound {
        IntOrString::Int(number) => (*number).max(0),
        IntOrString::String(text) => {
            let percent = text
                .strip_suffix('%')
                .and_then(|number| number.parse::<i64>().ok())
                .unwrap_or(0)
                .clamp(0, 100);
            let share = i64::from(wanted) * percent + if round_up { 99 } else { 0 };
            i32::try_from(share / 100).unwrap_or(wanted)
        }
    }
}

/// A sum of numbers that users may choose: one that is too large stays the largest there is.
pub(crate) fn sum(numbers: impl IntoIterator<Item = i32>) -> i32 {
    numbers.into_iter().fold(0, i32::saturating_add)
}

/// Sums what MachineSets count.
pub(crate) fn sum_versions<'a>(sets: impl IntoIterator<Item = &'a MachineSet>) -> Vec<VersionCount> {
    let mut versions = BTreeMap::<&str, i32>::new();
    for count in sets.into_iter().flat_map(|set| &set.status.versions) {
        *versions.entry(&count.version).or_default() += count.replicas.unwrap_or_default();
    }
    version_counts(versions)
}

fn version_counts(versions: BTreeMap<&str, i32>) -> Vec<VersionCount> {
    let counts = versions.into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(version, count)| VersionCount {
            version: version.to_owned(),
            replicas: Some(count),
        })
        .collect()
}
