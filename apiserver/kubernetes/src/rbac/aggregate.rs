//! Aggregated ClusterRoles: their rules are those of all ClusterRoles that their selectors match.

use serde::Deserialize;
use serde_json::Value;

use super::policy::PolicyRule;

/// One ClusterRole, as far as aggregation needs it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ClusterRole {
    metadata: Metadata,
    #[serde(default)]
    rules: Option<Vec<PolicyRule>>,
    #[serde(default, rename = "aggregationRule")]
    aggregation: Option<AggregationRule>,
}

#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    labels: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Deserialize)]
struct AggregationRule {
    #[serde(default, rename = "clusterRoleSelectors")]
    selectors: Option<Vec<Selector>>,
}

/// `meta/v1 LabelSelector`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    match_labels: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Option<Vec<String>>,
}

/// The aggregated roles whose rules are not what they should be, with the rules that they should have.
pub(crate) fn aggregate(roles: &[ClusterRole]) -> Vec<(String, Vec<PolicyRule>)> {
    let aggregated = roles.iter().filter_map(|role| Some((role, role.aggregation.as_ref()?)));
    aggregated
        .map(|(role, aggregation)| (role, collected(role, aggregation, roles)))
        .filter(|(role, rules)| role.rules.as_deref().unwrap_or_default() != rules)
        .map(|(role, rules)| (role.metadata.name.clone(), rules))
        .collect()
}

fn collected(role: &ClusterRole, aggregation: &AggregationRule, roles: &[ClusterRole]) -> Vec<PolicyRule> {
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in aggregation.selectors.iter().flatten() {
        let matching = roles
            .iter()
            .filter(|other| other.metadata.name != role.metadata.name && selector.matches(other));
        for rule in matching.flat_map(|other| other.rules.iter().flatten()) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    rules
}

impl Selector {
    fn matches(&self, role: &ClusterRole) -> bool {
        let label = |key: &str| role.metadata.labels.as_ref().and_then(|labels| labels.get(key));
        let labels = self
            .match_labels
            .iter()
            .flatten()
            .all(|(key, value)| label(key) == Some(value));
        labels
            && self
                .match_expressions
                .iter()
                .flatten()
                .all(|expression| expression.matches(label(&expression.key)))
    }
}

impl Expression {
    fn matches(&self, value: Option<&String>) -> bool {
        let among = |value: &String| self.values.iter().flatten().any(|accepted| accepted == value);
        match self.operator.as_str() {
            "In" => value.is_some_and(among),
            "NotIn" => !value.is_some_and(among),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

/// A ClusterRole from its JSON; none where it can't be read.
pub(crate) fn cluster_role(encoded: &[u8]) -> Option<ClusterRole> {
    serde_json::from_slice(encoded).ok()
}

/// Sets the rules of a role that [`aggregate`] found.
pub(crate) fn set_rules(role: &mut Value, rules: &[PolicyRule]) {
    role["rules"] = serde_json::to_value(rules).unwrap_or_default();
}
