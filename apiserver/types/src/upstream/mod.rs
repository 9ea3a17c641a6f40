//! The kinds of the layers below: Cluster API (v1beta2 contract), its kubeadm providers, CAPV's supervisor mode,
//! VM Operator and the supervisor's zones. Only the fields that we read or write; what is absent is not serialized, so a value of these types can
//! be applied server-side and owns nothing that it does not say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub mod capi;
pub mod capv;
pub mod crds;
pub mod kubeadm;
mod lenient;
mod resource;
pub mod topology;
pub mod vmoperator;

pub(crate) use resource::{is_default, resource};

/// Fields that we do not know, kept as they came so that a clone of the object loses nothing.
pub type Unknown = BTreeMap<String, serde_json::Value>;

/// A reference of the v1beta2 contract: the version is looked up from the kind's definition, the namespace is the
/// referrer's.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContractReference {
    /// API group, without version.
    pub api_group: String,
    /// Kind of the referent.
    pub kind: String,
    /// Name of the referent.
    pub name: String,
}

impl ContractReference {
    /// A reference to the object `name` of kind `K`.
    pub fn to<K: kube::Resource<DynamicType = ()>>(name: &str) -> Self {
        Self {
            api_group: K::group(&()).into_owned(),
            kind: K::kind(&()).into_owned(),
            name: name.to_owned(),
        }
    }

    /// Whether the referent is of kind `K`.
    pub fn is<K: kube::Resource<DynamicType = ()>>(&self) -> bool {
        self.api_group == K::group(&()) && self.kind == K::kind(&())
    }
}

/// Labels and annotations that a template gives to what is made from it.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TemplateMeta {
    /// Labels of the created object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the created object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Where a control plane answers.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiEndpoint {
    /// IP address or DNS name; empty means not known yet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// TCP port; 0 means not known yet.
    #[serde(skip_serializing_if = "is_default")]
    pub port: i32,
}

impl ApiEndpoint {
    /// Whether both host and port are known.
    pub fn is_known(&self) -> bool {
        !self.host.is_empty() && self.port != 0
    }
}

impl std::fmt::Display for ApiEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// An address of a machine.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MachineAddress {
    /// `Hostname`, `InternalIP`, `ExternalIP`, `InternalDNS` or `ExternalDNS`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The address itself.
    pub address: String,
}

/// `status.deprecated`: what only the conditions of the older contract say, such as why Machines can't be made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deprecated {
    /// Of the v1beta1 contract.
    #[serde(skip_serializing_if = "is_default")]
    pub v1beta1: DeprecatedV1Beta1,
}

/// What the v1beta1 contract had in `status`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeprecatedV1Beta1 {
    /// Its conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<DeprecatedCondition>,
    /// The rest.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A condition of the v1beta1 contract.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeprecatedCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word; empty where it holds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// A sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When it became so, and how bad it is.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// A failure domain that an infrastructure provider offers.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FailureDomain {
    /// Name, unique in the list.
    pub name: String,
    /// Whether control-plane machines may run in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<bool>,
    /// Whatever else the provider says about it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// `status.initialization` of an infrastructure object.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InfrastructureInitialization {
    /// Whether the infrastructure is complete; it never becomes false again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned: Option<bool>,
}

/// What every kind with conditions offers, so that one function can look for what blocks.
pub trait HasConditions {
    /// `status.conditions`.
    fn conditions(&self) -> &[Condition];

    /// The condition of type `type_`.
    fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions().iter().find(|condition| condition.type_ == type_)
    }

    /// Whether the condition `type_` is `True`.
    fn is_true(&self, type_: &str) -> bool {
        self.condition(type_)
            .is_some_and(|condition| condition.status == "True")
    }
}

/// The status of kinds that have none that we read.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct NoStatus {}
