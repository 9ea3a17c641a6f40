//! KubeadmControlPlane: the machines of a control plane.

use super::KubeadmConfigSpec;
use crate::upstream::capi::{MachineDeletionSpec, MachineTaint, VersionCount};
use crate::upstream::{ContractReference, Deprecated, TemplateMeta, is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// A control plane made with kubeadm.
    KubeadmControlPlane { group: "controlplane.cluster.x-k8s.io", version: "v1beta2", plural: "kubeadmcontrolplanes", spec: KubeadmControlPlaneSpec, status: KubeadmControlPlaneStatus, conditions }
}

/// What a KubeadmControlPlane keeps.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmControlPlaneSpec {
    /// Number of control-plane Machines; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Kubernetes version, with the leading v.
    pub version: String,
    /// What Machines are made from.
    pub machine_template: ControlPlaneMachineTemplate,
    /// What their KubeadmConfigs say.
    #[serde(skip_serializing_if = "is_default")]
    pub kubeadm_config_spec: KubeadmConfigSpec,
    /// How changes are rolled out.
    #[serde(skip_serializing_if = "is_default")]
    pub rollout: ControlPlaneRollout,
    /// How unwell Machines are replaced.
    #[serde(skip_serializing_if = "is_default")]
    pub remediation: ControlPlaneRemediation,
}

/// How unwell Machines of a control plane are replaced.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneRemediation {
    /// How often a replacement that is unwell too is replaced; for ever if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retry: Option<i32>,
    /// Seconds between two such replacements; 0 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_period_seconds: Option<i32>,
    /// So many seconds after a replacement a fault counts as a new one; an hour if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_healthy_period_seconds: Option<i32>,
}

/// What control-plane Machines are made from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneMachineTemplate {
    /// Labels and annotations of the Machines.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: TemplateMeta,
    /// Their spec.
    pub spec: ControlPlaneMachineSpec,
}

/// The part of a Machine's spec that a control plane can set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneMachineSpec {
    /// The template of the infrastructure object.
    pub infrastructure_ref: ContractReference,
    /// Bounds of a deletion.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: MachineDeletionSpec,
    /// Taints for the Nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<MachineTaint>,
}

/// How a control plane rolls out.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneRollout {
    /// Replace everything older than this.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Time>,
    /// The strategy.
    #[serde(skip_serializing_if = "is_default")]
    pub strategy: ControlPlaneRolloutStrategy,
}

/// Always `RollingUpdate`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneRolloutStrategy {
    /// `RollingUpdate`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Bounds of a rolling update.
    #[serde(skip_serializing_if = "is_default")]
    pub rolling_update: ControlPlaneRollingUpdate,
}

/// Bounds of a rolling update.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneRollingUpdate {
    /// 1 adds a machine before one is removed, 0 removes first; 1 if absent.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_int_or_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_surge: Option<IntOrString>,
}

/// What a KubeadmControlPlane has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmControlPlaneStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: ControlPlaneInitialization,
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
    /// The lowest version that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many run which version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionCount>,
    /// The last time that an unwell Machine was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_remediation: Option<LastRemediation>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What only the older contract says.
    #[serde(skip_serializing_if = "is_default")]
    pub deprecated: Deprecated,
}

/// The last time that an unwell Machine was replaced.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRemediation {
    /// Name of the Machine.
    pub machine: String,
    /// When it was deleted.
    pub time: Time,
    /// How often it had been tried before.
    #[serde(default)]
    pub retry_count: i32,
}

/// `status.initialization` of a control plane.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneInitialization {
    /// The guest's API server accepts requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_initialized: Option<bool>,
}
