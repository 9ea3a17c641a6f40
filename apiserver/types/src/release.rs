//! `GuestClusterRelease`: one Kubernetes distribution version that guests may run.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::{list_map, plain};

/// One Kubernetes version that guest clusters may run.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "guestclusters.dev",
    version = "v1alpha1",
    kind = "GuestClusterRelease",
    plural = "guestclusterreleases",
    shortname = "gcr",
    derive = "PartialEq",
    doc = "One Kubernetes version that guest clusters may run: its images, the versions of its components, and how far it is supported. Only the support can be changed."
)]
#[schemars(transform = plain)]
pub struct GuestClusterReleaseSpec {
    /// The full version, such as `v1.34.2` or `v1.34.2+vendor.1`; not below v1.32.
    #[schemars(length(min = 1))]
    pub version: String,
    /// Images of the nodes, one for each operating system; the first is the default.
    #[schemars(length(min = 1, max = 16), transform = list_map(&["os"]))]
    pub images: Vec<Image>,
    /// Versions of what the release contains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), transform = list_map(&["name"]))]
    pub components: Vec<Component>,
    /// How far the release is supported.
    #[serde(default)]
    pub support: Support,
    /// Where etcd runs; fixed for a cluster when it is created.
    #[serde(default)]
    pub etcd: EtcdMode,
}

/// An image of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// The operating system, such as `photon-5`.
    #[schemars(length(min = 1))]
    pub os: String,
    /// Name of the VirtualMachineImage.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// The version of one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Name, such as `etcd`.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Version.
    #[schemars(length(min = 1))]
    pub version: String,
}

/// How far a release is supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Support {
    /// To be tried out: chosen only where its full version is given.
    Preview,
    /// Chosen for new clusters and offered as an update.
    #[default]
    Supported,
    /// Chosen only where nothing supported matches.
    Deprecated,
    /// Never chosen; clusters that run it go on.
    Expired,
}

impl std::fmt::Display for Support {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Preview => "preview",
            Self::Supported => "supported",
            Self::Deprecated => "deprecated",
            Self::Expired => "expired",
        })
    }
}

/// Where the etcd of a cluster runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EtcdMode {
    /// As a static pod on the control-plane nodes, managed by the control-plane controller.
    #[default]
    Stacked,
    /// Beside each control-plane node, managed by the VM driver.
    External,
}
