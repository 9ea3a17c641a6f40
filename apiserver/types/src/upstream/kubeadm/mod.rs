//! The kubeadm providers: `controlplane.cluster.x-k8s.io/v1beta2` and `bootstrap.cluster.x-k8s.io/v1beta2`.

mod config;
mod control_plane;

pub use config::{
    ApiServer, Arg, BootstrapInitialization, BootstrapTokenDiscovery, ClusterConfiguration, ContentSource,
    ControlPlaneComponent, Discovery, Etcd, ExternalEtcd, File, HostPathMount, InitConfiguration, JoinConfiguration,
    JoinControlPlane, KubeadmConfig, KubeadmConfigSpec, KubeadmConfigStatus, KubeadmConfigTemplate,
    KubeadmConfigTemplateResource, KubeadmConfigTemplateSpec, LocalApiEndpoint, NodeRegistration, NodeTaint, SecretKey,
    User,
};
pub use control_plane::{
    ControlPlaneInitialization, ControlPlaneMachineSpec, ControlPlaneMachineTemplate, ControlPlaneRemediation,
    ControlPlaneRollingUpdate, ControlPlaneRollout, ControlPlaneRolloutStrategy, KubeadmControlPlane,
    KubeadmControlPlaneSpec, KubeadmControlPlaneStatus, LastRemediation,
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
