//! MachineDeployment: a MachineSet for each revision, and how one follows another.

use super::{DeletionOrder, MachineTemplate, VersionCount};
use crate::upstream::{is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// A number of equal Machines that can be rolled over to a new template.
    MachineDeployment { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinedeployments", spec: MachineDeploymentSpec, status: MachineDeploymentStatus, conditions }
}

/// What a MachineDeployment keeps.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// Number of Machines; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How a new template is rolled out.
    #[serde(skip_serializing_if = "is_default")]
    pub rollout: MachineDeploymentRollout,
    /// The Machines it counts.
    pub selector: LabelSelector,
    /// What it makes Machines from.
    pub template: MachineTemplate,
    /// Which Machines go first.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: DeletionOrder,
    /// Stops rollouts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// How unwell Machines are replaced.
    #[serde(skip_serializing_if = "is_default")]
    pub remediation: MachineDeploymentRemediation,
}

/// How unwell Machines of a MachineDeployment are replaced.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentRemediation {
    /// How many may be replaced at a time; rounded up from a percentage; all if absent.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_int_or_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_in_flight: Option<IntOrString>,
}

/// How a MachineDeployment rolls out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentRollout {
    /// Replace everything older than this.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Time>,
    /// The strategy.
    #[serde(skip_serializing_if = "is_default")]
    pub strategy: RolloutStrategy,
}

/// `RollingUpdate` with its bounds, or `OnDelete`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutStrategy {
    /// `RollingUpdate` or `OnDelete`; the former if absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Bounds of a rolling update.
    #[serde(skip_serializing_if = "is_default")]
    pub rolling_update: RollingUpdate,
}

/// Bounds of a rolling update.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdate {
    /// How many may be unavailable; rounded down from a percentage; 0 if absent.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_int_or_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_unavailable: Option<IntOrString>,
    /// How many may exist above the wanted number; rounded up from a percentage; 1 if absent.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_int_or_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_surge: Option<IntOrString>,
}

/// What a MachineDeployment has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineDeploymentStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The selector as a string, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Machines that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Those that are Ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Those that are Available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// Those that match the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to_date_replicas: Option<i32>,
    /// How many run which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionCount>,
    /// `ScalingUp`, `ScalingDown`, `Running`, `Failed` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
