//! The kinds of guestclusters.dev, and the part of the upstream kinds that we write or read. No IO.

pub mod columns;
pub mod conditions;
mod credential;
mod guest_cluster;
pub mod labels;
mod level;
pub mod names;
mod refusal;
mod release;
mod revocation;
mod schema;
pub mod upstream;
pub mod validation;
pub mod version;

pub use credential::{
    ClusterRef, GuestCredential, GuestCredentialRequest, GuestCredentialRequestSpec, GuestCredentialRequestStatus,
    GuestCredentialSpec, GuestCredentialStatus, NodeTrust, SubjectToken,
};
pub use guest_cluster::{
    Cni, ControlPlane, ControlPlaneRollout, Distribution, GuestCluster, GuestClusterSpec, IpBlocks, Network, NodePool,
    NodePoolRollout, Settings, Storage, Taint, TaintEffect, Topology,
    status::{
        ApiEndpoint, BlockedBy, ControlPlaneStatus, DistributionStatus, GuestClusterStatus, NodePoolStatus, Operation,
        OperationKind, Phase,
    },
};
pub use level::{Level, UnknownLevel};
pub use refusal::{AUDIT_ID_CAUSE, Refusal, UnknownRefusal};
pub use release::{Component, EtcdMode, GuestClusterRelease, GuestClusterReleaseSpec, Image, Support};
pub use revocation::{GuestRevocation, GuestRevocationSpec, GuestRevocationStatus, RevokedClusterRef, RevokedSubject};

/// API group of our kinds.
pub const GROUP: &str = "guestclusters.dev";
/// Served version of our kinds.
pub const VERSION: &str = "v1alpha1";
