//! `GuestRevocation`: ends the credentials of a person, or of everybody, in one guest.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    credential::{ClusterRef, NodeTrust},
    schema::{conditions, list_map, plain, timestamp},
};

/// Whose credentials end, and whether new ones may be minted.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "guestclusters.dev",
    version = "v1alpha1",
    kind = "GuestRevocation",
    plural = "guestrevocations",
    namespaced,
    status = "GuestRevocationStatus",
    derive = "PartialEq",
    doc = "Ends the credentials of a person, or of everybody, in one guest cluster. It can't be changed; deleting it lifts the block on new ones, and nothing else."
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = plain)]
pub struct GuestRevocationSpec {
    /// The guest cluster; its `uid` is filled in when absent.
    pub cluster_ref: RevokedClusterRef,
    /// Whose credentials end. Either this or `all`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<RevokedSubject>,
    /// Everybody's credentials end. Either this or `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Credentials that were minted at or before this moment are refused; set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub issued_before: Option<Time>,
    /// Until then no new credentials are minted for them; 24 hours at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "timestamp")]
    pub block_until: Option<Time>,
}

/// The guest cluster whose credentials end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = plain)]
pub struct RevokedClusterRef {
    /// Name of the GuestCluster in this namespace.
    pub name: String,
    /// The guest UID; set by the server when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl RevokedClusterRef {
    /// The guest, once the server has set its UID.
    pub fn resolved(&self) -> Option<ClusterRef> {
        let uid = self.uid.clone()?;
        Some(ClusterRef {
            name: self.name.clone(),
            uid,
        })
    }
}

/// Whose credentials end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = plain)]
pub struct RevokedSubject {
    /// The person, as `spec.user` of their GuestCredentials has it.
    #[schemars(length(min = 1, max = 512))]
    pub user: String,
}

/// How far the revocation has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = plain)]
pub struct GuestRevocationStatus {
    /// The guest's control-plane nodes, and whether each refuses what is revoked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_map(&["name"]))]
    pub nodes: Vec<NodeTrust>,
    /// What holds and what does not: `InForce`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
}
