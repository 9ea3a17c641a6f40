//! How many Machines each set of a deployment has next. Pure.

use crate::machine::replicas::amount;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What bounds a rollout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bounds {
    /// Machines wanted.
    pub(super) wanted: i32,
    /// How many more may exist.
    pub(super) surge: i32,
    /// How many may be missing.
    pub(super) unavailable: i32,
    /// Old Machines stay until somebody deletes them.
    pub(super) on_delete: bool,
}

impl Bounds {
    /// Bounds of a deployment; a percentage counts from `wanted`, rounded up for surge and down for unavailable.
    pub(super) fn new(
        wanted: i32,
        surge: Option<&IntOrString>,
        unavailable: Option<&IntOrString>,
        on_delete: bool,
    ) -> Self {
        let surge = surge.map_or(1, |bound| amount(bound, wanted, true));
        let unavailable = unavailable.map_or(0, |bound| amount(bound, wanted, false));
        // With neither there would be no way to begin.
        let unavailable = if surge == 0 { unavailable.max(1) } else { unavailable };
        Self {
            wanted,
            surge,
            unavailable,
            on_delete,
        }
    }
}

/// What counts of a MachineSet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Counts {
    /// Machines it keeps.
    pub(super) wanted: i32,
    /// Those that can be counted on.
    pub(super) available: i32,
}

impl Counts {
    /// A count of available Machines may be older than the last change of `wanted`; no more than that are sure to stay.
    fn sure(self) -> i32 {
        self.available.min(self.wanted)
    }
}

/// The next numbers: of the new set, and of the old ones in the order given (oldest first).
pub(super) fn decide(bounds: Bounds, new: Counts, old: &[Counts]) -> (i32, Vec<i32>) {
    let new_wanted = grow(bounds, new, old);
    if bounds.on_delete {
        return (new_wanted, shrink_on_delete(bounds, old));
    }
    (new_wanted, shrink(bounds, new, new_wanted, old))
}

/// The new set fills what the old ones leave of the wanted number and the surge.
fn grow(bounds: Bounds, new: Counts, old: &[Counts]) -> i32 {
    let old_total: i32 = old.iter().map(|set| set.wanted).sum();
    if new.wanted >= bounds.wanted || old_total == 0 {
        return bounds.wanted;
    }
    let surge = if bounds.on_delete { 0 } else { bounds.surge };
    let room = bounds.wanted + surge - old_total;
    room.clamp(new.wanted, bounds.wanted)
}

/// The old sets lose as many as can go while enough stay available: first those that are not available anyway.
fn shrink(bounds: Bounds, new: Counts, new_wanted: i32, old: &[Counts]) -> Vec<i32> {
    let enough = bounds.wanted - bounds.unavailable;
    let mut next: Vec<_> = old.iter().map(|set| set.wanted).collect();
    let new_available = new.available.min(new_wanted);
    let mut removable = (next.iter().sum::<i32>() + new_available - enough).max(0);
    for (wanted, set) in next.iter_mut().zip(old) {
        let dead = (set.wanted - set.sure()).min(removable);
        *wanted -= dead;
        removable -= dead;
    }
    let available: i32 = new_available + old.iter().map(|set| set.sure()).sum::<i32>();
    let mut spare = (available - enough).max(0);
    for wanted in &mut next {
        let going = (*wanted).min(spare);
        *wanted -= going;
        spare -= going;
    }
    next
}

/// Only what is above the wanted number goes.
fn shrink_on_delete(bounds: Bounds, old: &[Counts]) -> Vec<i32> {
    let mut room = bounds.wanted;
    let kept = old.iter().rev().map(|set| {
        let kept = set.wanted.min(room);
        room -= kept;
        kept
    });
    let mut kept: Vec<_> = kept.collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests;
