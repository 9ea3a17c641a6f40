//! `GuestCredential`: the record of a credential that was minted, never the credential; and the request for one.

use k8s_openapi::{
    ByteString,
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Level,
    schema::{conditions, list_map, plain, timestamp},
};

/// What was minted: for whom, for which guest, until when.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "guestclusters.dev",
    version = "v1alpha1",
    kind = "GuestCredential",
    plural = "guestcredentials",
    namespaced,
    status = "GuestCredentialStatus",
    selectable = ".spec.user",
    selectable = ".spec.clusterRef.name",
    selectable = ".spec.clusterRef.uid",
    selectable = ".spec.level",
    derive = "PartialEq",
    doc = "A credential for one guest cluster that was minted for somebody; the credential itself is not kept. Deleting the record revokes it: the record goes when the guest refuses the credential."
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = plain)]
pub struct GuestCredentialSpec {
    /// The guest cluster that it is for.
    pub cluster_ref: ClusterRef,
    /// Who it is for, as the guest knows them, without the guest's prefix.
    pub user: String,
    /// What it adds to the person's own rights.
    pub level: Level,
    /// When it was minted.
    #[schemars(schema_with = "timestamp")]
    pub issued_at: Time,
    /// When it ends by itself.
    #[schemars(schema_with = "timestamp")]
    pub expiration_timestamp: Time,
    /// Where the request came from, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,
    /// Why it was asked for; required for break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A guest cluster, by its name and the identity that outlives the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = plain)]
pub struct ClusterRef {
    /// Name of the GuestCluster in this namespace.
    pub name: String,
    /// The guest UID: the UID of the first GuestCluster of this guest.
    pub uid: String,
}

/// How far a revocation has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = plain)]
pub struct GuestCredentialStatus {
    /// The guest's control-plane nodes, and what each refuses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = list_map(&["name"]))]
    pub nodes: Vec<NodeTrust>,
    /// What holds and what does not, with reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions")]
    pub conditions: Vec<Condition>,
}

/// What a control-plane node of a guest goes by when it judges credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = plain)]
pub struct NodeTrust {
    /// Name of the node.
    pub name: String,
    /// Generation of the trust data that is in force there.
    pub generation: i64,
    /// Whether it refuses what this object revokes.
    pub in_force: bool,
}

/// A request for a credential: POSTed to `guestclusters/NAME/credential`, answered at once, never stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = plain)]
pub struct GuestCredentialRequest {
    /// What is asked for.
    pub spec: GuestCredentialRequestSpec,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GuestCredentialRequestStatus>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = plain)]
pub struct GuestCredentialRequestSpec {
    /// What the credential shall add to the person's own rights.
    pub level: Level,
    /// How long it shall last, in seconds, from 60 to 3600; 600 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 60, max = 3600))]
    pub expiration_seconds: Option<i64>,
    /// Why; required for break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// For break-glass: a certificate signing request (PKCS #10, PEM) for an ECDSA P-256 key that stays with the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16384))]
    pub certificate_signing_request: Option<String>,
    /// The SSO token of whoever asks, where the supervisor requires it (`--require-subject-token`). Never stored, shown or
    /// passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", length(max = 65536))]
    pub subject_token: Option<SubjectToken>,
}

/// A token that `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectToken(String);

impl SubjectToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SubjectToken {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl std::fmt::Debug for SubjectToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SubjectToken")
    }
}

/// The credential, and how to reach its guest.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = plain)]
pub struct GuestCredentialRequestStatus {
    /// Name of the GuestCredential that records it.
    pub credential_name: String,
    /// The credential: a bearer token; absent for break-glass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The credential of break-glass: a client certificate, PEM, for the key of the signing request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bytes")]
    pub client_certificate_data: Option<ByteString>,
    /// When it ends.
    #[schemars(schema_with = "timestamp")]
    pub expiration_timestamp: Time,
    /// The guest UID: which of the guests that had this name it is for.
    #[serde(rename = "guestUID")]
    pub guest_uid: String,
    /// URL of the guest's API.
    pub server: String,
    /// Certificate authority of the guest's API, PEM.
    #[schemars(schema_with = "bytes")]
    pub certificate_authority_data: ByteString,
}

// Nothing that prints a request may print the token.
impl std::fmt::Debug for GuestCredentialRequestStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("GuestCredentialRequestStatus")
            .field("credential_name", &self.credential_name)
            .field("expiration_timestamp", &self.expiration_timestamp)
            .field("guest_uid", &self.guest_uid)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn bytes(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "string", "format": "byte"})
}
