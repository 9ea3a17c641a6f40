//! What a health check asks for, parsed. The only source of errors that a user can mend.

use crate::machine::validate;
use guestcluster_types::upstream::capi::{
    CLUSTER_NAME_LABEL, MachineHealthCheckSpec, RemediationTrigger, UnhealthyCondition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeMap;
use std::fmt;

/// How long a Node may take to appear if the health check does not say, in seconds.
const NODE_STARTUP_SECONDS: i64 = 600;

/// A health check's rules.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) selector: Selector,
    /// How long a Node may take to appear, in seconds; none waits for ever.
    pub(super) startup_seconds: Option<i64>,
    pub(super) node_conditions: Vec<UnhealthyCondition>,
    pub(super) machine_conditions: Vec<UnhealthyCondition>,
    pub(super) limit: Limit,
}

/// How many may be unwell for any to be replaced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Limit {
    /// So many.
    Count(i64),
    /// This part of all, in percent.
    Percent(i64),
    /// From the first to the second number.
    Range(i64, i64),
}

impl Limit {
    /// How many more may become unwell of `all`, if replacing is allowed with `unwell`.
    pub(super) fn left(self, all: usize, unwell: usize) -> Option<i64> {
        let (all, unwell) = (i64::try_from(all).ok()?, i64::try_from(unwell).ok()?);
        let (least, most) = match self {
            Self::Count(most) => (0, most),
            Self::Percent(percent) => (0, all.saturating_mul(percent) / 100),
            Self::Range(least, most) => (least, most),
        };
        (least..=most).contains(&unwell).then(|| most - unwell)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(most) => write!(f, "at most {most}"),
            Self::Percent(percent) => write!(f, "at most {percent}%"),
            Self::Range(least, most) => write!(f, "from {least} to {most}"),
        }
    }
}

/// The rules, or what is wrong with them.
pub(super) fn of(spec: &MachineHealthCheckSpec) -> Result<Rules, String> {
    if let Some(template) = &spec.remediation.template_ref {
        return Err(format!(
            "spec.remediation.templateRef names {} {}: Machines are replaced by their owners here, by nobody else; remove the field",
            template.kind, template.name
        ));
    }
    let selector = validate::parsed("spec.selector", &spec.selector)?;
    if selector.selects_all() {
        return Err("spec.selector is empty: give matchLabels or matchExpressions of the Machines".to_owned());
    }
    let labels = spec.selector.match_labels.iter().flatten();
    let mut clusters = labels.filter(|(key, _)| *key == CLUSTER_NAME_LABEL);
    if let Some((key, cluster)) = clusters.find(|(_, cluster)| **cluster != spec.cluster_name) {
        return Err(format!(
            "spec.selector.matchLabels[{key}] is \"{cluster}\": accepted is spec.clusterName, \"{}\"",
            spec.cluster_name
        ));
    }
    conditions("unhealthyNodeConditions", &spec.checks.unhealthy_node_conditions)?;
    conditions("unhealthyMachineConditions", &spec.checks.unhealthy_machine_conditions)?;
    Ok(Rules {
        selector,
        startup_seconds: match spec.checks.node_startup_timeout_seconds.map(i64::from) {
            Some(0) => None,
            seconds => Some(seconds.unwrap_or(NODE_STARTUP_SECONDS)),
        },
        node_conditions: spec.checks.unhealthy_node_conditions.clone(),
        machine_conditions: spec.checks.unhealthy_machine_conditions.clone(),
        limit: limit(&spec.remediation.trigger_if)?,
    })
}

/// Whether the labels of a Machine are selected; nothing is by a selector that makes no sense.
pub(crate) fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
}

/// No condition is ever of another status.
fn conditions(list: &str, conditions: &[UnhealthyCondition]) -> Result<(), String> {
    for (index, condition) in conditions.iter().enumerate() {
        if !["True", "False", "Unknown"].contains(&condition.status.as_str()) {
            let status = &condition.status;
            return Err(format!(
                "spec.checks.{list}[{index}].status is \"{status}\": accepted are True, False and Unknown"
            ));
        }
    }
    Ok(())
}

fn limit(trigger: &RemediationTrigger) -> Result<Limit, String> {
    const COUNT: &str = "spec.remediation.triggerIf.unhealthyLessThanOrEqualTo";
    validate::amount(COUNT, trigger.unhealthy_less_than_or_equal_to.as_ref())?;
    if let Some(range) = trigger.unhealthy_in_range.as_deref().filter(|range| !range.is_empty()) {
        return parse_range(range).ok_or_else(|| {
            format!(
                "spec.remediation.triggerIf.unhealthyInRange is \"{range}\": accepted is [LEAST-MOST], such as [1-3]"
            )
        });
    }
    match &trigger.unhealthy_less_than_or_equal_to {
        None => Ok(Limit::Percent(100)),
        Some(IntOrString::Int(count)) => Ok(Limit::Count((*count).into())),
        Some(IntOrString::String(text)) => {
            let percent = text
                .strip_suffix('%')
                .and_then(|number| number.parse().ok())
                .filter(|percent| *percent >= 0);
            percent
                .map(Limit::Percent)
                .ok_or_else(|| format!("{COUNT} is \"{text}\": accepted is a percentage, such as 40%"))
        }
    }
}

fn parse_range(text: &str) -> Option<Limit> {
    let (least, most) = text.strip_prefix('[')?.strip_suffix(']')?.split_once('-')?;
    let (least, most) = (least.parse::<u32>().ok()?, most.parse::<u32>().ok()?);
    (least <= most).then_some(Limit::Range(least.into(), most.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn spec(change: Value) -> MachineHealthCheckSpec {
        let mut spec = json!({"clusterName": "dev", "selector": {"matchLabels": {"pool": "a"}}});
        let change = change.as_object().cloned().unwrap_or_default();
        spec.as_object_mut().unwrap().extend(change);
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn what_is_absent_has_upstreams_defaults_and_zero_waits_for_ever() {
        let rules = of(&spec(json!({}))).unwrap();
        assert_eq!((rules.startup_seconds, rules.limit), (Some(600), Limit::Percent(100)));
        let rules = of(&spec(json!({"checks": {"nodeStartupTimeoutSeconds": 0}}))).unwrap();
        assert_eq!(rules.startup_seconds, None);
    }

    #[test]
    fn what_makes_no_sense_names_the_field_and_what_is_accepted() {
        let trigger = |trigger: Value| json!({"remediation": {"triggerIf": trigger}});
        let cases = [
            (json!({"selector": {}}), "spec.selector is empty"),
            (
                json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
                "spec.selector.matchExpressions[0].operator is \"Near\": ",
            ),
            (
                trigger(json!({"unhealthyInRange": "1-3"})),
                "is \"1-3\": accepted is [LEAST-MOST]",
            ),
            (trigger(json!({"unhealthyInRange": "[3-1]"})), "is \"[3-1]\""),
            (trigger(json!({"unhealthyInRange": "["})), "is \"[\""),
            (
                trigger(json!({"unhealthyLessThanOrEqualTo": "many"})),
                "is \"many\": accepted is a number",
            ),
            (trigger(json!({"unhealthyLessThanOrEqualTo": "-3%"})), "is \"-3%\""),
            (
                trigger(json!({"unhealthyLessThanOrEqualTo": -1})),
                "is -1: accepted is a number",
            ),
            (
                json!({"selector": {"matchLabels": {"cluster.x-k8s.io/cluster-name": "prod"}}}),
                "is \"prod\": accepted is spec.clusterName, \"dev\"",
            ),
            (
                json!({"checks": {"unhealthyNodeConditions": [{"type": "Ready", "status": "Maybe", "timeoutSeconds": 1}]}}),
                "spec.checks.unhealthyNodeConditions[0].status is \"Maybe\": accepted are",
            ),
            (
                json!({"remediation": {"templateRef": {"apiVersion": "a/v1", "kind": "RebootTemplate", "name": "r"}}}),
                "templateRef names RebootTemplate r",
            ),
        ];
        for (change, expected) in cases {
            let error = of(&spec(change.clone())).unwrap_err();
            assert!(error.contains(expected), "{change}: {error}");
        }
    }

    #[test]
    fn limits_say_how_many_more_may_be_unwell() {
        let left = |limit: Limit| (0..5).map(|unwell| limit.left(4, unwell)).collect::<Vec<_>>();
        assert_eq!(left(Limit::Count(1)), [Some(1), Some(0), None, None, None]);
        assert_eq!(left(Limit::Percent(60)), [Some(2), Some(1), Some(0), None, None]);
        assert_eq!(left(Limit::Percent(100)), [Some(4), Some(3), Some(2), Some(1), Some(0)]);
        assert_eq!(left(Limit::Range(2, 3)), [None, None, Some(1), Some(0), None]);
        assert_eq!(Limit::Percent(40).left(2, 1), None, "rounded down");
    }
}
