//! What kubeadm sets a cluster up by.

use crate::upstream::Unknown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// kubeadm's ClusterConfiguration, as Cluster API takes it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterConfiguration {
    /// Where etcd runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd: Option<Etcd>,
    /// Host and port that all nodes use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    /// The API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ApiServer>,
    /// The controller manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_manager: Option<ControlPlaneComponent>,
    /// The scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<ControlPlaneComponent>,
    /// Where images come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_repository: Option<String>,
    /// Life of the certificates that kubeadm makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_validity_period_days: Option<i32>,
    /// Life of the authorities that kubeadm makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_certificate_validity_period_days: Option<i32>,
    /// The keys that kubeadm and Cluster API make: `ECDSA-P256`, `ECDSA-P384`, `RSA-2048`, `RSA-3072` or `RSA-4096`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_algorithm: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Where etcd runs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Etcd {
    /// A member on each control-plane machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<Value>,
    /// Somewhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalEtcd>,
}

/// An etcd that kubeadm does not run.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExternalEtcd {
    /// Client URLs.
    pub endpoints: Vec<String>,
    /// Path of the CA certificate.
    pub ca_file: String,
    /// Path of the client certificate.
    pub cert_file: String,
    /// Path of the client key.
    pub key_file: String,
}

/// The API server in kubeadm's ClusterConfiguration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiServer {
    /// Further names and addresses of the serving certificate.
    #[serde(rename = "certSANs", skip_serializing_if = "Vec::is_empty")]
    pub cert_sans: Vec<String>,
    /// Flags, volumes and environment.
    #[serde(flatten)]
    pub component: ControlPlaneComponent,
}

/// A component in kubeadm's ClusterConfiguration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ControlPlaneComponent {
    /// Flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<Arg>,
    /// Host paths to mount.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_volumes: Vec<HostPathMount>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A flag.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Arg {
    /// Name without dashes.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A host path in a component's pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HostPathMount {
    /// Volume name.
    pub name: String,
    /// Path on the machine.
    pub host_path: String,
    /// Path in the pod.
    pub mount_path: String,
    /// Whether the pod may not write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// As in a Pod's hostPath volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_type: Option<String>,
}

impl ClusterConfiguration {
    /// Whether etcd runs outside the control-plane machines.
    pub fn has_external_etcd(&self) -> bool {
        self.etcd.as_ref().is_some_and(|etcd| etcd.external.is_some())
    }
}
