//! What of a MachineDeployment's spec cannot be done, beyond what its schema refuses. Pure.

use guestcluster_types::upstream::capi::MachineDeploymentSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Why the spec can't be followed, by the field and what is accepted.
pub(super) fn spec(spec: &MachineDeploymentSpec) -> Result<(), String> {
    let rolling = &spec.rollout.strategy.rolling_update;
    bound("maxSurge", rolling.max_surge.as_ref())?;
    bound("maxUnavailable", rolling.max_unavailable.as_ref())?;
    selector(spec)
}

fn bound(field: &str, bound: Option<&IntOrString>) -> Result<(), String> {
    let is_known = match bound {
        None => true,
        Some(IntOrString::Int(count)) => *count >= 0,
        Some(IntOrString::String(text)) => {
            let number = text.strip_suffix('%').unwrap_or(text);
            number.parse::<u32>().is_ok()
        }
    };
    let shown = match bound {
        Some(IntOrString::Int(count)) => count.to_string(),
        Some(IntOrString::String(text)) => format!("\"{text}\""),
        None => String::new(),
    };
    is_known.then_some(()).ok_or_else(|| {
        format!("spec.rollout.strategy.rollingUpdate.{field} is {shown}: accepted is a number of machines or a percentage, such as 25%")
    })
}

/// Machines that the selector does not find would be made for ever.
fn selector(spec: &MachineDeploymentSpec) -> Result<(), String> {
    let labels = &spec.template.metadata.labels;
    let wanted = spec.selector.match_labels.iter().flatten();
    let missing = wanted.into_iter().find(|(key, value)| labels.get(*key) != Some(value));
    missing.map_or(Ok(()), |(key, value)| {
        Err(format!(
            "spec.selector.matchLabels asks for {key}={value}, which spec.template.metadata.labels does not have: add it there"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn refused(change: &Value) -> String {
        let mut object = json!({
            "clusterName": "dev", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": {"clusterName": "dev"}},
        });
        for (key, value) in change.as_object().unwrap() {
            object[key] = value.clone();
        }
        super::spec(&serde_json::from_value(object).unwrap())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_done_is_named_with_what_can() {
        let rolling = |bounds: Value| json!({"rollout": {"strategy": {"rollingUpdate": bounds}}});
        for (change, told) in [
            (json!({}), ""),
            (rolling(json!({"maxSurge": "25%", "maxUnavailable": 0})), ""),
            (
                rolling(json!({"maxSurge": "a few"})),
                "maxSurge is \"a few\": accepted is",
            ),
            (
                rolling(json!({"maxUnavailable": -1})),
                "maxUnavailable is -1: accepted is",
            ),
            (
                json!({"selector": {"matchLabels": {"a": "c"}}}),
                "matchLabels asks for a=c",
            ),
        ] {
            let message = refused(&change);
            assert!(
                message.contains(told) && message.is_empty() == told.is_empty(),
                "{change}: {message}"
            );
        }
    }
}
