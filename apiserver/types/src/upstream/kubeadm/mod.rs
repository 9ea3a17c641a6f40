//! The kubeadm providers: `controlplane.cluster.x-k8s.io/v1beta2` and `bootstrap.cluster.x-k8s.io/v1beta2`.

mod cluster_configuration;
mod config;
mod control_plane;
mod files;
mod node_configuration;

pub use cluster_configuration::{
    ApiServer, Arg, ClusterConfiguration, ControlPlaneComponent, Etcd, ExternalEtcd, HostPathMount,
};
pub use config::{
    BootstrapInitialization, KubeadmConfig, KubeadmConfigSpec, KubeadmConfigStatus, KubeadmConfigTemplate,
    KubeadmConfigTemplateResource, KubeadmConfigTemplateSpec,
};
pub use control_plane::{
    ControlPlaneInitialization, ControlPlaneMachineSpec, ControlPlaneMachineTemplate, ControlPlaneRemediation,
    ControlPlaneRollingUpdate, ControlPlaneRollout, ControlPlaneRolloutStrategy, KubeadmControlPlane,
    KubeadmControlPlaneSpec, KubeadmControlPlaneStatus, LastRemediation,
};
pub use files::{ContentSource, File, SecretKey, User};
pub use node_configuration::{
    BootstrapTokenDiscovery, Discovery, InitConfiguration, JoinConfiguration, JoinControlPlane, LocalApiEndpoint,
    NodeRegistration, NodeTaint,
};

/// Annotation of a control-plane Machine's KubeadmConfig: when the serving certificate ends (RFC 3339). Its presence
/// spares a port-forward to the API server's pod.
pub const CERTIFICATES_EXPIRY_ANNOTATION: &str = "machine.cluster.x-k8s.io/certificates-expiry";

/// Annotation of a KubeadmControlPlane while an unwell Machine is being replaced: a record of it, as JSON.
pub const REMEDIATION_IN_PROGRESS_ANNOTATION: &str = "controlplane.cluster.x-k8s.io/remediation-in-progress";
/// Annotation of the Machine that replaces an unwell one: the record of it.
pub const REMEDIATION_FOR_ANNOTATION: &str = "controlplane.cluster.x-k8s.io/remediation-for";

/// Conditions of these groups' kinds, beside those of [`super::capi::condition`].
pub mod condition {
    /// The guest answered once.
    pub const INITIALIZED: &str = "Initialized";
    /// The Secrets of the certificate authorities exist.
    pub const CERTIFICATES_AVAILABLE: &str = "CertificatesAvailable";
    /// The components of all control-plane nodes are well.
    pub const CONTROL_PLANE_COMPONENTS_HEALTHY: &str = "ControlPlaneComponentsHealthy";
    /// etcd has a quorum and no alarms.
    pub const ETCD_CLUSTER_HEALTHY: &str = "EtcdClusterHealthy";
    /// The bootstrap Secret exists.
    pub const DATA_SECRET_AVAILABLE: &str = "DataSecretAvailable";
}
