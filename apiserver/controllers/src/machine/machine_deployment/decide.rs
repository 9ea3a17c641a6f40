//! How many Machines each set of a deployment has next. Pure.

use crate::machine::replicas::{amount, sum};
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
    /// Those that exist.
    pub(super) existing: i32,
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
    if bounds.on_delete {
        // What somebody deleted of an old set is made by the new one.
        let kept = |set: &Counts| Counts {
            wanted: set.wanted.min(set.existing),
            ..*set
        };
        let old: Vec<_> = old.iter().map(kept).collect();
        let new_wanted = grow(bounds, new, &old);
        return (new_wanted, shrink_on_delete(bounds, new_wanted, &old));
    }
    let new_wanted = grow(bounds, new, old);
    (new_wanted, shrink(bounds, new, new_wanted, old))
}

/// The numbers while the rollout is paused, in the order given (oldest first): a rollout that is under way stays where it
/// is, and another number wanted is shared out as the sets stand to each other.
pub(super) fn rescale(bounds: Bounds, sets: &[i32]) -> Vec<i32> {
    let total = sum(sets.iter().copied());
    let mixed = sets.iter().filter(|count| **count > 0).count() > 1;
    let (least, most) = if mixed {
        (
            bounds.wanted - bounds.unavailable,
            bounds.wanted.saturating_add(bounds.surge),
        )
    } else {
        (bounds.wanted, bounds.wanted)
    };
    if bounds.wanted > 0 && (least..=most).contains(&total) {
        return sets.to_vec();
    }
    let target = if total > most { most } else { bounds.wanted };
    let target = if bounds.wanted == 0 { 0 } else { target };
    share_out(target, total, sets)
}

/// Shares `target` out as the sets stand to each other; what rounding leaves goes to the youngest that has any.
fn share_out(target: i32, total: i32, sets: &[i32]) -> Vec<i32> {
    let share = |count: &i32| i64::from(*count) * i64::from(target) / i64::from(total.max(1));
    let mut shares: Vec<_> = sets
        .iter()
        .map(|count| i32::try_from(share(count)).unwrap_or(target))
        .collect();
    let left = target - sum(shares.iter().copied());
    let youngest = sets
        .iter()
        .rposition(|count| *count > 0)
        .unwrap_or(sets.len().saturating_sub(1));
    if let Some(share) = shares.get_mut(youngest) {
        *share += left;
    }
    shares
}

/// The new set fills what the old ones leave of the wanted number and the surge.
fn grow(bounds: Bounds, new: Counts, old: &[Counts]) -> i32 {
    let old_total = sum(old.iter().map(|set| set.wanted));
    if new.wanted >= bounds.wanted || old_total == 0 {
        return bounds.wanted;
    }
    let surge = if bounds.on_delete { 0 } else { bounds.surge };
    let room = bounds.wanted.saturating_add(surge) - old_total;
    room.clamp(new.wanted, bounds.wanted)
}

/// The old sets lose as many as can go while enough stay available: first those that are not available anyway.
fn shrink(bounds: Bounds, new: Counts, new_wanted: i32, old: &[Counts]) -> Vec<i32> {
    let enough = bounds.wanted - bounds.unavailable;
    let mut next: Vec<_> = old.iter().map(|set| set.wanted).collect();
    let new_available = new.available.min(new_wanted);
    let all = sum(next.iter().copied().chain([new_available]));
    let mut removable = all.saturating_sub(enough).max(0);
    for (wanted, set) in next.iter_mut().zip(old) {
        let dead = (set.wanted - set.sure()).min(removable);
        *wanted -= dead;
        removable -= dead;
    }
    let available = sum(old.iter().map(|set| set.sure()).chain([new_available]));
    let mut spare = available.saturating_sub(enough).max(0);
    for wanted in &mut next {
        let going = (*wanted).min(spare);
        *wanted -= going;
        spare -= going;
    }
    next
}

/// Only what is above the wanted number goes.
fn shrink_on_delete(bounds: Bounds, new_wanted: i32, old: &[Counts]) -> Vec<i32> {
    let mut room = (bounds.wanted - new_wanted).max(0);
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
