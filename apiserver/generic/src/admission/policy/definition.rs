//! The objects as they are written.

use serde::Deserialize;

use super::super::matching::{LabelSelector, MatchResources};

/// A `ValidatingAdmissionPolicy`.
#[derive(Debug, Deserialize)]
pub(super) struct PolicyObject {
    pub(super) metadata: Named,
    pub(super) spec: PolicySpec,
}

/// A `ValidatingAdmissionPolicyBinding`.
#[derive(Debug, Deserialize)]
pub(super) struct BindingObject {
    pub(super) metadata: Named,
    pub(super) spec: BindingSpec,
}

/// The part of metadata that counts.
#[derive(Debug, Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PolicySpec {
    pub(super) param_kind: Option<ParamKind>,
    pub(super) match_constraints: Option<MatchResources>,
    pub(super) validations: Vec<ValidationSpec>,
    pub(super) failure_policy: Option<String>,
    pub(super) audit_annotations: Vec<AuditAnnotationSpec>,
    pub(super) match_conditions: Vec<NamedExpression>,
    pub(super) variables: Vec<NamedExpression>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ValidationSpec {
    pub(super) expression: String,
    pub(super) message: String,
    pub(super) reason: String,
    pub(super) message_expression: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditAnnotationSpec {
    pub(super) key: String,
    pub(super) value_expression: String,
}

/// A match condition, or a variable.
#[derive(Debug, Deserialize)]
pub(crate) struct NamedExpression {
    pub(crate) name: String,
    pub(crate) expression: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BindingSpec {
    pub(super) policy_name: String,
    pub(super) param_ref: Option<ParamRef>,
    pub(super) match_resources: Option<MatchResources>,
    pub(super) validation_actions: Vec<String>,
}

/// The kind of a policy's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParamKind {
    /// Group and version, such as `v1` or `rules.example.io/v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
}

/// Which objects a binding takes as parameters: one by name, or those with such labels.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ParamRef {
    /// Name, or empty.
    pub name: String,
    /// Namespace; where it is empty, that of the write.
    pub namespace: String,
    /// Labels; the empty selector takes all.
    pub selector: Option<LabelSelector>,
    /// `Allow` or `Deny`: what becomes of a write without any parameters.
    pub parameter_not_found_action: Option<String>,
}
