//! What of a MachineDeployment's spec cannot be done, beyond what its schema refuses. Pure.

use crate::machine::machine_set;
use crate::machine::validate::{self, MACHINE_SUFFIX};
use guestcluster_types::upstream::capi::MachineDeployment;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

/// What a set's name has behind its deployment's: a dash and the hash of its template.
const SET_SUFFIX: usize = 11;

/// Why the spec can't be followed, by the field and what is accepted.
pub(super) fn deployment(deployment: &MachineDeployment) -> Result<(), String> {
    let spec = &deployment.spec;
    validate::name(&deployment.name_any(), SET_SUFFIX + MACHINE_SUFFIX)?;
    machine_set::template(&spec.cluster_name, &spec.selector, &spec.template)?;
    validate::amount("spec.remediation.maxInFlight", spec.remediation.max_in_flight.as_ref())?;
    let rolling = &spec.rollout.strategy.rolling_update;
    let (surge, unavailable) = (rolling.max_surge.as_ref(), rolling.max_unavailable.as_ref());
    validate::amount("spec.rollout.strategy.rollingUpdate.maxSurge", surge)?;
    validate::amount("spec.rollout.strategy.rollingUpdate.maxUnavailable", unavailable)?;
    if [surge, unavailable].iter().all(|amount| amount.is_some_and(is_none)) {
        return Err(
            "spec.rollout.strategy.rollingUpdate.maxUnavailable is 0 while maxSurge is: no Machine could ever be replaced; accepted is 1 or more for one of them"
                .to_owned(),
        );
    }
    Ok(())
}

fn is_none(amount: &IntOrString) -> bool {
    match amount {
        IntOrString::Int(count) => *count == 0,
        IntOrString::String(text) => text.trim_start_matches('0') == "%",
    }
}

#[cfg(test)]
mod tests {
    use guestcluster_types::upstream::ContractReference;
    use guestcluster_types::upstream::capv::VSphereMachineTemplate;
    use guestcluster_types::upstream::kubeadm::KubeadmConfigTemplate;
    use serde_json::{Value, json};

    fn refused(change: &Value) -> String {
        let mut spec = json!({
            "clusterName": "dev", "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b", "c": "d"}}, "spec": {
                "clusterName": "dev", "bootstrap": {"configRef": ContractReference::to::<KubeadmConfigTemplate>("a")},
                "infrastructureRef": ContractReference::to::<VSphereMachineTemplate>("a"),
            }},
        });
        for (key, value) in change.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let object = json!({"metadata": {"name": "pool"}, "spec": spec});
        super::deployment(&serde_json::from_value(object).unwrap())
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
                rolling(json!({"maxSurge": 0, "maxUnavailable": "00%"})),
                "while maxSurge is",
            ),
            (rolling(json!({"maxSurge": 0, "maxUnavailable": 1})), ""),
            (
                json!({"remediation": {"maxInFlight": "some"}}),
                "spec.remediation.maxInFlight is \"some\"",
            ),
            (
                json!({"clusterName": "prod"}),
                "spec.template.spec.clusterName is \"dev\": accepted is spec.clusterName, \"prod\"",
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
