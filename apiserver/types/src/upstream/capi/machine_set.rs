//! MachineSet: equal Machines, a number of them.

use super::{DeletionOrder, MachineTemplate, VersionCount};
use crate::upstream::{Deprecated, is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

resource! {
    /// A number of equal Machines.
    MachineSet { group: "cluster.x-k8s.io", version: "v1beta2", plural: "machinesets", spec: MachineSetSpec, status: MachineSetStatus, conditions }
}

/// What a MachineSet keeps.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSetSpec {
    /// The Cluster it belongs to.
    pub cluster_name: String,
    /// Number of Machines; 1 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The Machines it counts.
    pub selector: LabelSelector,
    /// What it makes Machines from.
    pub template: MachineTemplate,
    /// Which Machines go first.
    #[serde(skip_serializing_if = "is_default")]
    pub deletion: DeletionOrder,
}

/// What a MachineSet has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineSetStatus {
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
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What only the older contract says.
    #[serde(skip_serializing_if = "is_default")]
    pub deprecated: Deprecated,
}
