//! Conditions of a GuestCluster: their types and reasons in one place, and how they are set.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The cluster is created, as the spec asks, and can be used. False with the reason of whatever blocks, down to the VM.
pub const READY: &str = "Ready";
/// The version is found among the releases.
pub const DISTRIBUTION_RESOLVED: &str = "DistributionResolved";
/// The network exists and the API has an address.
pub const NETWORK_READY: &str = "NetworkReady";
/// The API has answered once.
pub const CONTROL_PLANE_INITIALIZED: &str = "ControlPlaneInitialized";
/// All control-plane nodes are there and Ready.
pub const CONTROL_PLANE_READY: &str = "ControlPlaneReady";
/// All nodes of all pools are there and Ready.
pub const NODE_POOLS_READY: &str = "NodePoolsReady";
/// Credentials for the cluster work.
pub const CREDENTIALS_READY: &str = "CredentialsReady";
/// All nodes have the version and machines that the spec asks for.
pub const UP_TO_DATE: &str = "UpToDate";
/// The cluster is being deleted.
pub const DELETING: &str = "Deleting";

/// Reasons of our own; reasons of lower layers are carried up as they are.
pub mod reasons {
    /// It holds.
    pub const OK: &str = "AsExpected";
    /// Nothing is known yet.
    pub const UNKNOWN: &str = "NotYetKnown";
    /// A name is taken by an object that does not belong to the guest.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// The adoption names a guest that can't be adopted here.
    pub const ADOPTION_REFUSED: &str = "AdoptionRefused";
    /// No release fits the version.
    pub const NO_RELEASE: &str = "NoMatchingRelease";
    /// The release of the version is not in the catalogue any more.
    pub const RELEASE_GONE: &str = "ReleaseGone";
    /// A kind that the layer needs is not served.
    pub const KIND_MISSING: &str = "KindNotServed";
    /// The controller lacks a right to read a kind that the layer needs.
    pub const RIGHT_MISSING: &str = "RightMissing";
    /// The API server refused one of the guest's objects.
    pub const APPLY_REFUSED: &str = "ObjectRefused";
    /// The keys that the guest was made with are gone.
    pub const KEYS_LOST: &str = "KeysLost";
    /// The objects were made by a newer version of this program.
    pub const REVISION_UNKNOWN: &str = "TemplateRevisionUnknown";
    /// Nothing is changed while `spec.paused` is true.
    pub const PAUSED: &str = "Paused";
    /// The Cluster API objects are being written.
    pub const CREATING: &str = "CreatingObjects";
    /// The network or load balancer has no address yet.
    pub const WAITING_FOR_NETWORK: &str = "WaitingForNetwork";
    /// The API of the cluster has not answered yet.
    pub const WAITING_FOR_API: &str = "WaitingForAPIServer";
    /// Machines are on their way.
    pub const WAITING_FOR_MACHINES: &str = "WaitingForMachines";
    /// Nodes are on their way, or not Ready.
    pub const WAITING_FOR_NODES: &str = "WaitingForNodes";
    /// Machines are being removed.
    pub const REMOVING_MACHINES: &str = "RemovingMachines";
    /// A node's pods have not moved yet.
    pub const DRAINING: &str = "DrainBlocked";
    /// The VM layer is at work on a VM.
    pub const PROVISIONING: &str = "Provisioning";
    /// A VM is being switched on.
    pub const POWERING_ON: &str = "PoweringOn";
    /// A VM is switched off, though its node is needed.
    pub const POWERED_OFF: &str = "PoweredOff";
    /// A VM is switched on and has no address yet.
    pub const WAITING_FOR_ADDRESS: &str = "WaitingForNetworkAddress";
    /// A VM has no identity yet that its node could be told by.
    pub const WAITING_FOR_IDENTITY: &str = "WaitingForBIOSUUID";
    /// A load balancer has no address yet.
    pub const WAITING_FOR_IP: &str = "WaitingForIP";
    /// Somebody deletes an object that the cluster needs.
    pub const BEING_DELETED: &str = "BeingDeleted";
    /// A finalizer that none of the layers sets keeps an object from going.
    pub const KEPT_BY_FINALIZER: &str = "KeptByFinalizer";
    /// The owner of machines can't make one.
    pub const MACHINES_NOT_CREATED: &str = "MachinesNotCreated";
    /// Somebody has stopped the work on one of the cluster's objects.
    pub const OBJECT_PAUSED: &str = "ObjectPaused";
    /// Machines are being replaced.
    pub const ROLLING_OUT: &str = "RollingOut";
    /// Credentials do not work yet.
    pub const WAITING_FOR_CREDENTIALS: &str = "WaitingForCredentials";
    /// No control-plane node has reported yet that it accepts credentials.
    pub const WAITING_FOR_REPORT: &str = "WaitingForReport";
    /// None has for so long that it may never come: the agent may not run there.
    pub const NOT_REPORTED: &str = "NotReported";
    /// The cluster is being deleted.
    pub const DELETING: &str = "Deleting";
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can say.
    Unknown,
}

impl Holds {
    /// The word in `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Sets a condition. The time of its last transition stays unless the status changes.
pub fn set(conditions: &mut Vec<Condition>, new: Condition) {
    match conditions.iter_mut().find(|condition| condition.type_ == new.type_) {
        Some(old) if old.status == new.status => {
            let since = old.last_transition_time.clone();
            *old = Condition {
                last_transition_time: since,
                ..new
            };
        }
        Some(old) => *old = new,
        None => conditions.push(new),
    }
}

/// A condition as of `now`; `reason` must not be empty.
pub fn condition(
    kind: &str,
    holds: Holds,
    reason: &str,
    message: impl Into<String>,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: holds.as_str().to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        observed_generation: generation,
        last_transition_time: Time(whole_seconds(now)),
    }
}

/// The condition of a type, if there is one.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of a type is there and True.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == "True")
}

/// Time as objects carry it: without fractions of a second.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, holds: Holds, reason: &str) -> Condition {
        condition(
            READY,
            holds,
            reason,
            "",
            Some(1),
            Timestamp::from_millisecond(second * 1000 + 17).unwrap(),
        )
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let mut all = vec![];
        set(&mut all, at(10, Holds::False, "A"));
        set(&mut all, at(20, Holds::False, "B"));
        assert_eq!(
            (all[0].last_transition_time.0.as_second(), all[0].reason.as_str()),
            (10, "B")
        );
        set(&mut all, at(30, Holds::True, "C"));
        assert_eq!((all[0].last_transition_time.0.as_second(), all.len()), (30, 1));
        assert!(is_true(&all, READY));
    }
}
