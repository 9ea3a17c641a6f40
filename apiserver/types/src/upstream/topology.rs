//! `topology.tanzu.vmware.com/v1alpha1`: where a supervisor's machines can run, as CAPV 1.16 reads it.

use super::{NoStatus, Unknown, resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Label of VMs and Nodes: the zone that they are in, or are asked to be in.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

resource! {
    Cluster,
    /// A zone: its name is that of a failure domain.
    AvailabilityZone { group: "topology.tanzu.vmware.com", version: "v1alpha1", plural: "availabilityzones", spec: AvailabilityZoneSpec, status: NoStatus }
}

/// What an AvailabilityZone stands for in the infrastructure; only its name counts here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AvailabilityZoneSpec {
    /// As it came.
    #[serde(flatten)]
    pub unknown: Unknown,
}
