//! Which pods count, and in which scopes. Pure.

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use super::resource_quota::Scope;
use crate::quantity::Quantity;

/// Whether a pod does not run any more, or should not.
pub(super) fn has_ended(pod: &Value, now: Timestamp) -> bool {
    if matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded")) {
        return true;
    }
    let metadata = &pod["metadata"];
    let deleted = metadata["deletionTimestamp"]
        .as_str()
        .and_then(|time| time.parse::<Timestamp>().ok());
    let grace = metadata["deletionGracePeriodSeconds"].as_i64();
    let (Some(deleted), Some(grace)) = (deleted, grace) else {
        return false;
    };
    // A grace that leads out of time never ends.
    let span = grace.clamp(0, i64::from(u32::MAX)).seconds();
    deleted.checked_add(span).is_ok_and(|end| now > end)
}

/// Whether a pod is in a scope.
pub(super) fn is_in(scope: &Scope, pod: &Value) -> bool {
    let spec = &pod["spec"];
    let terminating = spec["activeDeadlineSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds >= 0);
    match scope.name.as_str() {
        "Terminating" => terminating,
        "NotTerminating" => !terminating,
        "BestEffort" => is_best_effort(spec),
        "NotBestEffort" => !is_best_effort(spec),
        "PriorityClass" => has_priority(scope, spec["priorityClassName"].as_str().unwrap_or_default()),
        "CrossNamespacePodAffinity" => looks_into_other_namespaces(&spec["affinity"]),
        _ => false,
    }
}

fn has_priority(scope: &Scope, class: &str) -> bool {
    let listed = scope.values.iter().any(|value| value == class);
    match scope.operator.as_str() {
        "Exists" => !class.is_empty(),
        "DoesNotExist" => class.is_empty(),
        "In" => !class.is_empty() && listed,
        "NotIn" => class.is_empty() || !listed,
        _ => false,
    }
}

/// Whether no container asks for, or is limited in, CPU or memory.
fn is_best_effort(spec: &Value) -> bool {
    let containers = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|field| items(&spec[field]));
    containers.map(|container| &container["resources"]).all(|resources| {
        let amounts = ["requests", "limits"].map(|field| [&resources[field]["cpu"], &resources[field]["memory"]]);
        amounts
            .iter()
            .flatten()
            .all(|amount| Quantity::read(amount).is_ok_and(Quantity::is_zero) || amount.is_null())
    })
}

fn looks_into_other_namespaces(affinity: &Value) -> bool {
    ["podAffinity", "podAntiAffinity"].into_iter().any(|field| {
        let required = items(&affinity[field]["requiredDuringSchedulingIgnoredDuringExecution"]);
        let preferred = items(&affinity[field]["preferredDuringSchedulingIgnoredDuringExecution"]);
        required
            .chain(preferred.map(|weighted| &weighted["podAffinityTerm"]))
            .any(|term| items(&term["namespaces"]).next().is_some() || !term["namespaceSelector"].is_null())
    })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(name: &str, operator: &str, values: &[&str]) -> Scope {
        Scope {
            name: name.to_owned(),
            operator: operator.to_owned(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    #[test]
    fn scopes() {
        let job = json!({"spec": {"activeDeadlineSeconds": 10, "priorityClassName": "high", "containers": [
            {"resources": {"requests": {"cpu": "100m"}}},
        ]}});
        let plain = json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "0", "gpu": "1"}}}, {}]}});
        let cases = [
            (scope("Terminating", "Exists", &[]), true, false),
            (scope("NotTerminating", "Exists", &[]), false, true),
            (scope("BestEffort", "Exists", &[]), false, true),
            (scope("NotBestEffort", "Exists", &[]), true, false),
            (scope("PriorityClass", "Exists", &[]), true, false),
            (scope("PriorityClass", "DoesNotExist", &[]), false, true),
            (scope("PriorityClass", "In", &["high"]), true, false),
            (scope("PriorityClass", "NotIn", &["high"]), false, true),
            (scope("PriorityClass", "In", &["low"]), false, false),
            (scope("CrossNamespacePodAffinity", "Exists", &[]), false, false),
            (scope("Unheard", "Exists", &[]), false, false),
        ];
        for (scope, of_job, of_plain) in cases {
            assert_eq!(
                (is_in(&scope, &job), is_in(&scope, &plain)),
                (of_job, of_plain),
                "{scope:?}"
            );
        }
        let elsewhere = json!({"podAffinityTerm": {"namespaceSelector": {}}});
        let affine = json!({"spec": {"affinity": {"podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [elsewhere],
        }}}});
        assert!(is_in(&scope("CrossNamespacePodAffinity", "Exists", &[]), &affine));
    }

    #[test]
    fn a_pod_that_should_be_gone_has_ended() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let deleted = |seconds: i64| json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": seconds}});
        assert!(has_ended(&deleted(30), now));
        assert!(!has_ended(&deleted(90), now));
        assert!(!has_ended(&deleted(i64::MAX), now));
        assert!(!has_ended(&json!({}), now));
    }
}
