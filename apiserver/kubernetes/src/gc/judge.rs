//! What is to be done with one object. Pure.

use generic_apiserver::registry::Propagation;

use crate::metadata::{FOREGROUND, Metadata, ORPHAN, OwnerReference};

/// How an owner that a reference names is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// There, or of a kind that nobody here can look up.
    Solid,
    /// Being deleted, waiting for its dependents.
    WaitsForDependents,
    /// Absent, or another object with its name.
    Dangling,
}

/// How an owner with these metadata is, seen from a reference to it.
pub(super) fn owner(reference: &OwnerReference, found: Option<&Metadata>) -> Owner {
    match found {
        Some(metadata) if metadata.uid == reference.uid => {
            if metadata.is_terminating() && metadata.has_finalizer(FOREGROUND) {
                Owner::WaitsForDependents
            } else {
                Owner::Solid
            }
        }
        _ => Owner::Dangling,
    }
}

/// A dependent, seen from its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dependent {
    /// Its reference says `blockOwnerDeletion`.
    pub(super) blocks: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Keep,
    /// Delete it, by this policy.
    Delete(Propagation),
    /// Take away the references to these owners (UIDs): others keep it alive.
    Release(Vec<Box<str>>),
    /// All its dependents lose it as an owner, then it loses its finalizer `orphan`.
    OrphanDependents,
    /// No dependent blocks it any more: it loses its finalizer `foregroundDeletion`.
    FinishForeground,
    /// Its dependents must be looked at: they block its deletion.
    DeleteDependents,
}

/// Judges an object by its own metadata, its owners (one for each of its references) and its dependents (those whose
/// reference means this very object).
pub(super) fn judge(metadata: &Metadata, owners: &[Owner], dependents: &[Dependent]) -> Verdict {
    if metadata.is_terminating() {
        return judge_terminating(metadata, dependents);
    }
    if owners.is_empty() {
        return Verdict::Keep;
    }
    let is = |wanted: Owner| owners.contains(&wanted);
    if is(Owner::Solid) {
        let others = metadata
            .owners()
            .iter()
            .zip(owners)
            .filter(|(_, owner)| **owner != Owner::Solid);
        let others: Vec<_> = others.map(|(reference, _)| reference.uid.clone()).collect();
        return if others.is_empty() {
            Verdict::Keep
        } else {
            Verdict::Release(others)
        };
    }
    if is(Owner::WaitsForDependents) && !dependents.is_empty() {
        return Verdict::Delete(Propagation::Foreground);
    }
    Verdict::Delete(if metadata.has_finalizer(ORPHAN) {
        Propagation::Orphan
    } else if metadata.has_finalizer(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    })
}

fn judge_terminating(metadata: &Metadata, dependents: &[Dependent]) -> Verdict {
    if metadata.has_finalizer(ORPHAN) {
        return Verdict::OrphanDependents;
    }
    if !metadata.has_finalizer(FOREGROUND) {
        return Verdict::Keep;
    }
    if dependents.iter().any(|dependent| dependent.blocks) {
        Verdict::DeleteDependents
    } else {
        Verdict::FinishForeground
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(value: serde_json::Value) -> Metadata {
        serde_json::from_value(value).unwrap()
    }

    fn owned_by(uids: &[&str]) -> Metadata {
        let references: Vec<_> = uids
            .iter()
            .map(|uid| json!({"apiVersion": "v1", "kind": "Pod", "name": uid, "uid": uid}))
            .collect();
        metadata(json!({"uid": "me", "ownerReferences": references}))
    }

    #[test]
    fn an_object_goes_with_its_last_owner() {
        assert_eq!(judge(&owned_by(&[]), &[], &[]), Verdict::Keep);
        assert_eq!(judge(&owned_by(&["a"]), &[Owner::Solid], &[]), Verdict::Keep);
        assert_eq!(
            judge(&owned_by(&["a"]), &[Owner::Dangling], &[]),
            Verdict::Delete(Propagation::Background)
        );
        assert_eq!(
            judge(&owned_by(&["a", "b"]), &[Owner::Dangling, Owner::Solid], &[]),
            Verdict::Release(vec!["a".into()])
        );
    }

    #[test]
    fn an_owner_of_another_uid_is_no_owner() {
        let dependent = owned_by(&["a"]);
        let reference = &dependent.owners()[0];
        assert_eq!(owner(reference, None), Owner::Dangling);
        assert_eq!(owner(reference, Some(&metadata(json!({"uid": "b"})))), Owner::Dangling);
        assert_eq!(owner(reference, Some(&metadata(json!({"uid": "a"})))), Owner::Solid);
        let waiting = metadata(json!({
            "uid": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FOREGROUND],
        }));
        assert_eq!(owner(reference, Some(&waiting)), Owner::WaitsForDependents);
    }

    #[test]
    fn foreground_waits_for_blocking_dependents_only() {
        let owner = metadata(json!({
            "uid": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [FOREGROUND],
        }));
        assert_eq!(
            judge(&owner, &[], &[Dependent { blocks: true }]),
            Verdict::DeleteDependents
        );
        assert_eq!(
            judge(&owner, &[], &[Dependent { blocks: false }]),
            Verdict::FinishForeground
        );
        // A dependent with dependents of its own goes the same way.
        let middle = owned_by(&["a"]);
        assert_eq!(
            judge(&middle, &[Owner::WaitsForDependents], &[Dependent { blocks: false }]),
            Verdict::Delete(Propagation::Foreground)
        );
    }

    #[test]
    fn a_deletion_that_orphans_lets_its_dependents_go_first() {
        let owner = metadata(json!({
            "uid": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [ORPHAN],
        }));
        assert_eq!(
            judge(&owner, &[], &[Dependent { blocks: true }]),
            Verdict::OrphanDependents
        );
    }
}
