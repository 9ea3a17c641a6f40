//! Which control-plane Machine is created or deleted next. Pure.
//!
//! One change at a time, and only while all other Machines are well: a control plane that loses two members at once
//! can lose its quorum.

use super::quorum::survives_one_more;
use jiff::Timestamp;
use std::cmp::Reverse;

/// What counts of a control-plane Machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) deleting: bool,
    /// It is what the spec asks for.
    pub(super) up_to_date: bool,
    /// Its Node is well.
    pub(super) ready: bool,
    /// It has been a Node.
    pub(super) joined: bool,
    /// Somebody asked that it goes first.
    pub(super) marked: bool,
    /// How crowded its failure domain is.
    pub(super) crowd: usize,
    pub(super) created: Timestamp,
}

/// What bounds the control plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bounds {
    /// Machines wanted.
    pub(super) wanted: usize,
    /// How many more may exist in a rollout: 0 or 1.
    pub(super) surge: usize,
    /// Whether the guest accepts requests.
    pub(super) initialized: bool,
    /// An unwell Machine was deleted, and another one is to replace it.
    pub(super) replacing: bool,
}

/// What a control plane does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Everything is as wanted.
    Nothing,
    /// Creates the Machine that begins the cluster.
    Begin,
    /// Creates a Machine that joins.
    Join,
    /// Deletes the Machine of this name.
    Delete(String),
    /// Waits for the Machine of this name.
    Wait(String),
}

/// The next action.
pub(super) fn decide(members: &[Member], bounds: Bounds) -> Action {
    if members.is_empty() {
        return if bounds.wanted == 0 {
            Action::Nothing
        } else {
            Action::Begin
        };
    }
    if let Some(member) = members.iter().find(|member| member.deleting) {
        return Action::Wait(member.name.clone());
    }
    // A Machine that never joined is no member of anything: if it is not wanted as it is, nothing is lost with it.
    if let Some(member) = members.iter().find(|member| !member.up_to_date && !member.joined) {
        return Action::Delete(member.name.clone());
    }
    if !bounds.initialized {
        return Action::Wait(members[0].name.clone());
    }
    let outdated = members.iter().any(|member| !member.up_to_date);
    let most = bounds.wanted + if outdated { bounds.surge } else { 0 };
    if members.len() < most {
        // More than one can be unwell: with the replacement the guest may recover, if it bears that.
        if bounds.replacing && survives_one_more(members) {
            return Action::Join;
        }
        return if_well(members, None, Action::Join);
    }
    if members.len() > bounds.wanted || outdated {
        return match candidate(members) {
            Some(member) => if_well(members, Some(member), Action::Delete(member.name.clone())),
            None => Action::Nothing,
        };
    }
    Action::Nothing
}

/// The action, if all Machines but the one that goes are well; else what it waits for.
fn if_well(members: &[Member], going: Option<&Member>, action: Action) -> Action {
    let unwell = members
        .iter()
        .find(|member| !member.ready && going.is_none_or(|going| going.name != member.name));
    unwell.map_or(action, |member| Action::Wait(member.name.clone()))
}

/// Which Machine goes: one that is marked, else one that is not up to date, else one that is not well, else one of the most
/// crowded failure domain, else the oldest.
fn candidate(members: &[Member]) -> Option<&Member> {
    members.iter().min_by_key(|member| {
        (
            !member.marked,
            member.up_to_date,
            member.ready,
            Reverse(member.crowd),
            member.created,
            member.name.as_str(),
        )
    })
}

#[cfg(test)]
mod tests;
