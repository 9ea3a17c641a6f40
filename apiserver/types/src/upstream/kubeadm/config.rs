//! KubeadmConfig: what one machine is made into a node by, and what cloud-init does around it.

use super::{ClusterConfiguration, File, InitConfiguration, JoinConfiguration, User};
use crate::upstream::{NoStatus, TemplateMeta, Unknown, is_default, resource};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
