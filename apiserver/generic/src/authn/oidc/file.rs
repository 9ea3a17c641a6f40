//! The file as it is written, `apiserver.config.k8s.io`; unknown fields are refused.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) anonymous: Option<Value>,
    #[serde(default)]
    pub(super) jwt: Vec<Jwt>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Jwt {
    pub(super) issuer: Issuer,
    #[serde(default)]
    pub(super) claim_validation_rules: Vec<ClaimValidationRule>,
    pub(super) claim_mappings: ClaimMappings,
    #[serde(default)]
    pub(super) user_validation_rules: Vec<UserValidationRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Issuer {
    #[serde(default)]
    pub(super) url: String,
    #[serde(rename = "discoveryURL")]
    pub(super) discovery_url: Option<String>,
    pub(super) certificate_authority: Option<String>,
    #[serde(default)]
    pub(super) audiences: Vec<String>,
    pub(super) audience_match_policy: Option<String>,
    pub(super) egress_selector_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClaimValidationRule {
    #[serde(default)]
    pub(super) claim: String,
    #[serde(default)]
    pub(super) required_value: String,
    pub(super) expression: Option<String>,
    /// Goes with an expression.
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClaimMappings {
    #[serde(default)]
    pub(super) username: Prefixed,
    #[serde(default)]
    pub(super) groups: Prefixed,
    #[serde(default)]
    pub(super) uid: Uid,
    #[serde(default)]
    pub(super) extra: Vec<Extra>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Prefixed {
    #[serde(default)]
    pub(super) claim: String,
    pub(super) prefix: Option<String>,
    pub(super) expression: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Uid {
    #[serde(default)]
    pub(super) claim: String,
    pub(super) expression: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Extra {
    #[serde(default)]
    pub(super) key: String,
    #[serde(default)]
    pub(super) value_expression: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UserValidationRule {
    #[serde(default)]
    pub(super) expression: String,
    #[serde(default)]
    pub(super) message: String,
}
