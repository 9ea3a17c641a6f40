//! KubeadmConfig: what one machine is made into a node by, and what cloud-init does around it.

use crate::upstream::{NoStatus, TemplateMeta, Unknown, is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

resource! {
    /// The bootstrap data of one Machine.
    KubeadmConfig { group: "bootstrap.cluster.x-k8s.io", version: "v1beta2", plural: "kubeadmconfigs", spec: KubeadmConfigSpec, status: KubeadmConfigStatus, conditions }
}

resource! {
    /// What KubeadmConfigs of workers are made from.
    KubeadmConfigTemplate { group: "bootstrap.cluster.x-k8s.io", version: "v1beta2", plural: "kubeadmconfigtemplates", spec: KubeadmConfigTemplateSpec, status: NoStatus }
}

/// A template around a KubeadmConfig.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmConfigTemplateSpec {
    /// The template.
    pub template: KubeadmConfigTemplateResource,
}

/// What is inside the template.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmConfigTemplateResource {
    /// Labels and annotations of the KubeadmConfigs.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata: TemplateMeta,
    /// Their spec.
    #[serde(skip_serializing_if = "is_default")]
    pub spec: KubeadmConfigSpec,
}

/// kubeadm's configuration, and what cloud-init does around it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmConfigSpec {
    /// kubeadm's ClusterConfiguration; for the first control-plane machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_configuration: Option<ClusterConfiguration>,
    /// kubeadm's InitConfiguration; for the first control-plane machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_configuration: Option<InitConfiguration>,
    /// kubeadm's JoinConfiguration; for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_configuration: Option<JoinConfiguration>,
    /// Files to write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Commands before kubeadm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pre_kubeadm_commands: Vec<String>,
    /// Commands after kubeadm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_kubeadm_commands: Vec<String>,
    /// Commands early in each boot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boot_commands: Vec<String>,
    /// `cloud-config` (if absent) or `ignition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// kubeadm's log level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<i32>,
    /// Users to make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User>,
    /// The rest: ntp, mounts, disks.
    #[serde(flatten)]
    pub unknown: Unknown,
}

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

/// A file that cloud-init writes.
#[derive(Clone, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct File {
    /// Absolute path.
    pub path: String,
    /// `user:group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Octal, as in `0640`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
    /// How the content is encoded: `base64`, `gzip` or `gzip+base64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Add to the file instead of replacing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append: Option<bool>,
    /// The content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_from: Option<ContentSource>,
    /// `Raw` (if absent) or `Template`, which is one in Go's language of templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_format: Option<String>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("path", &self.path)
            .field("content_from", &self.content_from)
            .finish_non_exhaustive()
    }
}

/// A user of the machine.
#[derive(Clone, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct User {
    /// Login name.
    pub name: String,
    /// A comment about the user, often the full name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gecos: Option<String>,
    /// Further groups, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
    /// Path of the home directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_dir: Option<String>,
    /// Whether nobody can sign in with a password that has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inactive: Option<bool>,
    /// Path of the shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Hash of the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwd: Option<String>,
    /// Or where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passwd_from: Option<ContentSource>,
    /// The group of the user's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_group: Option<String>,
    /// Whether nobody can sign in with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_password: Option<bool>,
    /// Rule of sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo: Option<String>,
    /// Public keys that may sign in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_authorized_keys: Vec<String>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .field("passwd_from", &self.passwd_from)
            .finish_non_exhaustive()
    }
}

/// Where a file's content or a password comes from.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContentSource {
    /// A key of a Secret in the same namespace.
    pub secret: SecretKey,
}

/// A key of a Secret.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Key in its data.
    pub key: String,
}

/// What a KubeadmConfig has.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeadmConfigStatus {
    /// Standard conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was reached once and never goes back.
    #[serde(skip_serializing_if = "is_default")]
    pub initialization: BootstrapInitialization,
    /// Name of the Secret with the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_secret_name: Option<String>,
    /// The generation that this status describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// `status.initialization` of a bootstrap object.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BootstrapInitialization {
    /// The Secret exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_secret_created: Option<bool>,
}

impl ClusterConfiguration {
    /// Whether etcd runs outside the control-plane machines.
    pub fn has_external_etcd(&self) -> bool {
        self.etcd.as_ref().is_some_and(|etcd| etcd.external.is_some())
    }
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
