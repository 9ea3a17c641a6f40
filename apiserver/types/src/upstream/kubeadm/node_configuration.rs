//! How a node begins a cluster or joins one, and registers there.

use super::Arg;
use crate::upstream::{Unknown, is_default};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// kubeadm's InitConfiguration, as Cluster API takes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InitConfiguration {
    /// How the node registers.
    #[serde(skip_serializing_if = "is_default")]
    pub node_registration: NodeRegistration,
    /// Where this machine's API server listens.
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "is_default")]
    pub local_api_endpoint: LocalApiEndpoint,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// kubeadm's JoinConfiguration, as Cluster API takes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JoinConfiguration {
    /// How the node registers.
    #[serde(skip_serializing_if = "is_default")]
    pub node_registration: NodeRegistration,
    /// How it finds the cluster.
    #[serde(skip_serializing_if = "is_default")]
    pub discovery: Discovery,
    /// Present on control-plane machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<JoinControlPlane>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Marks a control-plane join.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JoinControlPlane {
    /// Where this machine's API server listens.
    #[serde(rename = "localAPIEndpoint", skip_serializing_if = "is_default")]
    pub local_api_endpoint: LocalApiEndpoint,
}

/// Where one machine's API server listens.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LocalApiEndpoint {
    /// Address; the machine's default one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise_address: Option<String>,
    /// Port; 6443 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bind_port: Option<i32>,
}

/// How a joining node finds the cluster.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Discovery {
    /// By a bootstrap token.
    #[serde(skip_serializing_if = "is_default")]
    pub bootstrap_token: BootstrapTokenDiscovery,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Discovery by a bootstrap token.
#[derive(Clone, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BootstrapTokenDiscovery {
    /// The token, `<id>.<secret>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Host and port of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server_endpoint: Option<String>,
    /// `sha256:<hex of the CA's public key>`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ca_cert_hashes: Vec<String>,
    /// Trust whoever answers.
    #[serde(rename = "unsafeSkipCAVerification", skip_serializing_if = "Option::is_none")]
    pub unsafe_skip_ca_verification: Option<bool>,
}

impl std::fmt::Debug for BootstrapTokenDiscovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BootstrapTokenDiscovery")
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("api_server_endpoint", &self.api_server_endpoint)
            .field("ca_cert_hashes", &self.ca_cert_hashes)
            .finish_non_exhaustive()
    }
}

/// How a node registers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeRegistration {
    /// Name of the Node; the host name if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The container runtime's socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cri_socket: Option<String>,
    /// Flags of the kubelet, `node-labels` among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kubelet_extra_args: Vec<Arg>,
    /// Taints; absent gives control-plane nodes kubeadm's, an empty list gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taints: Option<Vec<NodeTaint>>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl NodeRegistration {
    /// The labels that the kubelet's `node-labels` flag gives the Node.
    pub fn node_labels(&self) -> BTreeMap<String, String> {
        let flags = self.kubelet_extra_args.iter().filter(|arg| arg.name == "node-labels");
        let pairs = flags
            .flat_map(|arg| arg.value.split(','))
            .filter(|pair| !pair.trim().is_empty());
        pairs
            .map(|pair| pair.trim().split_once('=').unwrap_or((pair.trim(), "")))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }
}

/// A taint of a Node.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeTaint {
    /// Taint key.
    pub key: String,
    /// Taint value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}
