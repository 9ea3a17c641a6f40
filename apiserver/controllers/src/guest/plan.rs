//! What a guest is to be: a GuestCluster after everything in it has been looked up and judged.

use std::borrow::Cow;

use guestcluster_types::{EtcdMode, GuestClusterSpec, NodePool, version::KubernetesVersion};
use kube::{Resource, ResourceExt as _};

/// Revision of the templates that this program makes. A new one is used when a cluster is created, and from the next rollout
/// that its user asks for; until then its objects stay as they were made.
pub(super) const TEMPLATE_REVISION: u32 = 4;
/// From this revision on, control-plane nodes have the public half of the guest's trust key.
pub(super) const WITH_TRUST_KEY: u32 = 2;
/// From this revision on, kube-apiserver reads from files of its node which tokens count, and holds pods of users to the
/// baseline.
pub(super) const WITH_CONFIGURATIONS: u32 = 3;
/// From this revision on, kube-apiserver keeps an audit log on its node.
pub(super) const WITH_AUDIT_LOG: u32 = 4;

/// Which guest: the place of its GuestCluster and its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) namespace: String,
    pub(super) name: String,
    /// The guest UID: label of everything that belongs to the guest.
    pub(super) uid: String,
}

/// Everything that the objects of a guest are made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) identity: Identity,
    pub(super) spec: GuestClusterSpec,
    /// What the cluster runs; `None` before there is a control plane.
    pub(super) running: Option<KubernetesVersion>,
    /// What it is to run.
    pub(super) target: KubernetesVersion,
    pub(super) etcd: EtcdMode,
    pub(super) control_plane: MachinePlan,
    pub(super) pools: Vec<PoolPlan>,
    /// Whether MachineHealthChecks are served.
    pub(super) health_checks: bool,
    /// Public half of the key that signs what the guest trusts (PEM); none where nothing is made from it.
    pub(super) trust_key: Option<String>,
}

/// What machines are made from, beside their size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MachinePlan {
    pub(super) version: KubernetesVersion,
    /// Name of the VirtualMachineImage.
    pub(super) image: String,
    pub(super) revision: u32,
}

/// One pool. During an upgrade it stays on its version until the control plane is done.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PoolPlan {
    pub(super) pool: NodePool,
    pub(super) machines: MachinePlan,
}

/// An object that something is said of, in the namespace of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Cow<'static, str>,
    pub(super) name: String,
}

impl Object {
    pub(super) fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
        }
    }

    pub(super) fn of<K: Resource<DynamicType = ()>>(object: &K) -> Self {
        Self {
            kind: K::kind(&()),
            name: object.name_any(),
        }
    }
}

/// Why nothing, or nothing more, is written for a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// The condition that says it, beside Ready.
    pub(super) condition: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What it is about, if not the GuestCluster itself.
    pub(super) object: Option<Object>,
    /// Whether somebody has to change something first.
    pub(super) terminal: bool,
}
