//! MachineHealthCheck: which Machines count as unwell.

use crate::upstream::{is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// Finds Machines that are not well and has them replaced.
    MachineHealthCheck { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinehealthchecks", spec: MachineHealthCheckSpec, status: MachineHealthCheckStatus, conditions }
}

/// What a MachineHealthCheck watches.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineHealthCheckSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// The Machines it watches.
    pub selector: LabelSelector,
    /// What counts as unwell.
    #[serde(skip_serializing_if = "is_default")]
    pub checks: HealthChecks,
    /// When replacing is allowed.
    #[serde(skip_serializing_if = "is_default")]
    pub remediation: HealthRemediation,
}

/// What counts as unwell.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthChecks {
    /// How long a Node may take to appear; 0 never gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_startup_timeout_seconds: Option<i32>,
    /// Conditions of the Node.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_node_conditions: Vec<UnhealthyCondition>,
    /// Conditions of the Machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy_machine_conditions: Vec<UnhealthyCondition>,
}

/// A condition that must not last.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UnhealthyCondition {
    /// Condition type.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// How long it may last.
    pub timeout_seconds: i32,
}

/// When replacing is allowed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthRemediation {
    /// Bounds on how many are unwell.
    #[serde(skip_serializing_if = "is_default")]
    pub trigger_if: RemediationTrigger,
    /// A template of requests to somebody else, who replaces or mends in place of the Machines' owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_ref: Option<RemediationTemplate>,
}

/// Where requests for somebody else's remediation are made from.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemediationTemplate {
    /// Group and version of the template.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Bounds on how many are unwell.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemediationTrigger {
    /// At most so many.
    #[serde(
        deserialize_with = "crate::upstream::lenient::optional_int_or_string",
        skip_serializing_if = "Option::is_none"
    )]
    pub unhealthy_less_than_or_equal_to: Option<IntOrString>,
    /// Within `[min-max]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_in_range: Option<String>,
}

/// What a MachineHealthCheck found.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineHealthCheckStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Machines that it watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_machines: Option<i32>,
    /// Those that are well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_healthy: Option<i32>,
    /// How many more may be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediations_allowed: Option<i32>,
    /// Names of the Machines that it watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
