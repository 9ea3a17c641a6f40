//! What several kinds of this layer have in common that cannot be done, beyond what their schemas refuse. Pure. Each message
//! names the field, the value, and what is accepted.

use guestcluster_types::upstream::capi::{Bootstrap, MachineTaint};
use guestcluster_types::upstream::{ContractReference, TemplateMeta};
use guestcluster_types::validation::{LABEL_KEY, LABEL_VALUE, is_dns_subdomain, is_label_key, is_label_value};
use guestcluster_types::version::KubernetesVersion;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Resource;
use kube::core::{Selector, SelectorExt};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Machines' names are host names and labels.
pub(crate) const MACHINE_NAME: usize = 63;
/// What a Machine's name has behind its owner's: a dash and five characters.
pub(crate) const MACHINE_SUFFIX: usize = 6;
/// Taint that kubeadm gives to control-plane nodes alone.
const CONTROL_PLANE_TAINT: &str = "node-role.kubernetes.io/control-plane";

/// A name that has `suffix` characters added by the time a Machine has it.
pub(crate) fn name(name: &str, suffix: usize) -> Result<(), String> {
    let most = MACHINE_NAME - suffix;
    if name.len() > most {
        return Err(format!(
            "metadata.name has {} characters: accepted are {most}, as Machines are named after it",
            name.len()
        ));
    }
    Ok(())
}

/// What is said where `spec.clusterName` names nothing.
pub(crate) fn missing_cluster(name: &str) -> String {
    format!("spec.clusterName: Cluster {name} does not exist")
}

/// A Kubernetes version.
pub(crate) fn version(field: &str, version: Option<&str>) -> Result<(), String> {
    let Some(version) = version else { return Ok(()) };
    let parsed = version.parse::<KubernetesVersion>();
    parsed
        .map(drop)
        .map_err(|_| format!("{field} is \"{version}\": accepted is a version such as v1.34.2"))
}

/// A reference that this layer follows only to objects of kind `K`.
pub(crate) fn reference<K: Resource<DynamicType = ()>>(
    field: &str,
    reference: &ContractReference,
) -> Result<(), String> {
    if reference.is::<K>() {
        return Ok(());
    }
    let (kind, group, name) = (&reference.kind, &reference.api_group, &reference.name);
    Err(format!(
        "{field} names {kind} {name} of {group}: accepted is a {} of {}",
        K::kind(&()),
        K::group(&())
    ))
}

/// Where bootstrap data comes from.
pub(crate) fn bootstrap<K: Resource<DynamicType = ()>>(field: &str, bootstrap: &Bootstrap) -> Result<(), String> {
    match &bootstrap.config_ref {
        Some(config) => reference::<K>(&format!("{field}.configRef"), config),
        None if bootstrap.data_secret_name.is_some() => Ok(()),
        None => Err(format!(
            "{field} names nothing: give configRef, a {}, or dataSecretName, a Secret",
            K::kind(&())
        )),
    }
}

/// A selector that finds what is made with `labels`, which stand in `template`.
pub(crate) fn selector(
    field: &str,
    selector: &LabelSelector,
    template: &str,
    labels: &BTreeMap<String, String>,
) -> Result<(), String> {
    for (key, value) in selector.match_labels.iter().flatten() {
        if labels.get(key) != Some(value) {
            return Err(format!(
                "{field}.matchLabels asks for {key}={value}, which {template}.labels does not have: add it there"
            ));
        }
    }
    if parsed(field, selector)?.matches(labels) {
        return Ok(());
    }
    Err(format!(
        "{field}.matchExpressions does not find what {template}.labels has: change one of them"
    ))
}

/// A selector, if it makes sense.
pub(crate) fn parsed(field: &str, selector: &LabelSelector) -> Result<Selector, String> {
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let (key, operator) = (&expression.key, expression.operator.as_str());
        let values = expression.values.as_deref().unwrap_or_default();
        let at = format!("{field}.matchExpressions[{index}]");
        if !is_label_key(key) {
            return Err(format!("{at}.key is \"{key}\": accepted is {LABEL_KEY}"));
        }
        let wants_values = match operator {
            "In" | "NotIn" => true,
            "Exists" | "DoesNotExist" => false,
            _ => {
                return Err(format!(
                    "{at}.operator is \"{operator}\": accepted are In, NotIn, Exists and DoesNotExist"
                ));
            }
        };
        if wants_values == values.is_empty() {
            let accepted = if wants_values { "at least one" } else { "none" };
            return Err(format!(
                "{at}.values has {} values: with {operator} accepted is {accepted}",
                values.len()
            ));
        }
    }
    for (key, value) in selector.match_labels.iter().flatten() {
        label(&format!("{field}.matchLabels"), key, value)?;
    }
    Selector::try_from(selector.clone()).map_err(|error| format!("{field}: {error}"))
}

/// Labels and annotations of what is made from a template.
pub(crate) fn meta(field: &str, meta: &TemplateMeta) -> Result<(), String> {
    for (key, value) in &meta.labels {
        label(&format!("{field}.labels"), key, value)?;
    }
    for key in meta.annotations.keys() {
        // Unlike a label's, upper case counts as lower case here.
        if !is_label_key(&key.to_lowercase()) {
            return Err(format!(
                "{field}.annotations has the key \"{key}\": accepted is {LABEL_KEY}"
            ));
        }
    }
    Ok(())
}

/// A label, or a taint, that is of the same form.
pub(crate) fn label(field: &str, key: &str, value: &str) -> Result<(), String> {
    if !is_label_key(key) {
        return Err(format!("{field} has the key \"{key}\": accepted is {LABEL_KEY}"));
    }
    if !is_label_value(value) {
        return Err(format!("{field}[{key}] is \"{value}\": accepted is {LABEL_VALUE}"));
    }
    Ok(())
}

/// A failure domain, which VMs have as a label.
pub(crate) fn failure_domain(field: &str, domain: Option<&str>) -> Result<(), String> {
    match domain.filter(|domain| !is_label_value(domain)) {
        None => Ok(()),
        Some(domain) => Err(format!("{field} is \"{domain}\": accepted is {LABEL_VALUE}")),
    }
}

/// Taints of workers' nodes.
pub(crate) fn worker_taints(field: &str, taints: &[MachineTaint]) -> Result<(), String> {
    let found = taints.iter().position(|taint| taint.key == CONTROL_PLANE_TAINT);
    found.map_or(Ok(()), |index| {
        Err(format!(
            "{field}[{index}].key is \"{CONTROL_PLANE_TAINT}\": control-plane nodes alone have it; leave it out"
        ))
    })
}

/// A number of Machines, or a percentage.
pub(crate) fn amount(field: &str, amount: Option<&IntOrString>) -> Result<(), String> {
    let shown = match amount {
        None => return Ok(()),
        Some(IntOrString::Int(count)) if *count >= 0 => return Ok(()),
        Some(IntOrString::String(text)) if is_percentage(text) => return Ok(()),
        Some(IntOrString::Int(count)) => count.to_string(),
        Some(IntOrString::String(text)) => format!("\"{text}\""),
    };
    Err(format!(
        "{field} is {shown}: accepted is a number of machines or a percentage, such as 25%"
    ))
}

fn is_percentage(text: &str) -> bool {
    let digits = text.strip_suffix('%').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u32>().is_ok()
}

/// A host that kubeconfigs and nodes can use.
pub(crate) fn host(field: &str, host: &str) -> Result<(), String> {
    if host.is_empty() || host.parse::<IpAddr>().is_ok() || is_dns_subdomain(host) {
        return Ok(());
    }
    Err(format!(
        "{field} is \"{host}\": accepted is an IP address or a DNS name in lower case"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_types::upstream::capv::VSphereMachine;
    use guestcluster_types::upstream::kubeadm::KubeadmConfig;
    use serde_json::{Value, json};

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn of_selector(value: Value) -> String {
        let labels = [("a".to_owned(), "b".to_owned())].into();
        selector("spec.selector", &read(value), "spec.template.metadata", &labels)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_selector_finds_what_is_made_or_says_why_not() {
        let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        for (value, told) in [
            (json!({}), ""),
            (json!({"matchLabels": {"a": "b"}}), ""),
            (expression("In", json!(["b", "c"])), ""),
            (
                json!({"matchLabels": {"a": "c"}}),
                "spec.selector.matchLabels asks for a=c, which spec.template.metadata.labels does not have",
            ),
            (json!({"matchLabels": {"tier": "web"}}), "matchLabels asks for tier=web"),
            (
                expression("Near", json!(["b"])),
                "spec.selector.matchExpressions[0].operator is \"Near\": accepted are In, NotIn, Exists and DoesNotExist",
            ),
            (
                expression("In", json!([])),
                "matchExpressions[0].values has 0 values: with In accepted is at least one",
            ),
            (
                expression("Exists", json!(["b"])),
                "values has 1 values: with Exists accepted is none",
            ),
            (
                expression("NotIn", json!(["b"])),
                "spec.selector.matchExpressions does not find what spec.template.metadata.labels has",
            ),
            (
                json!({"matchExpressions": [{"key": "a b", "operator": "Exists"}]}),
                "matchExpressions[0].key is \"a b\": accepted is a label key",
            ),
        ] {
            let found = of_selector(value);
            assert!(
                found.contains(told) && found.is_empty() == told.is_empty(),
                "{told}: {found}"
            );
        }
    }

    #[test]
    fn labels_annotations_and_taints_are_named() {
        let of = |value: Value| meta("spec.template.metadata", &read(value)).err().unwrap_or_default();
        assert_eq!(
            of(json!({"labels": {"a.example.com/b": "c"}, "annotations": {"A.Example.com/b": "c d"}})),
            ""
        );
        assert!(
            of(json!({"labels": {"a": "b c"}})).starts_with("spec.template.metadata.labels[a] is \"b c\": accepted is")
        );
        assert!(of(json!({"labels": {"a b": "c"}})).starts_with("spec.template.metadata.labels has the key \"a b\""));
        assert!(of(json!({"annotations": {"a b": "c"}})).starts_with("spec.template.metadata.annotations has the key"));
        let taints = read::<Vec<MachineTaint>>(json!([{"key": "a"}, {"key": CONTROL_PLANE_TAINT}]));
        let found = worker_taints("spec.taints", &taints).unwrap_err();
        assert!(found.starts_with("spec.taints[1].key is "), "{found}");
        assert_eq!(worker_taints("spec.taints", &taints[..1]), Ok(()));
    }

    #[test]
    fn amounts_versions_names_and_hosts_are_parsed() {
        let of = |value: Value| amount("f", Some(&read(value)));
        for value in [json!(0), json!(7), json!("0%"), json!("250%")] {
            assert_eq!(of(value), Ok(()));
        }
        for value in [
            json!(-1),
            json!("3"),
            json!("+3%"),
            json!("%"),
            json!(""),
            json!("9999999999%"),
        ] {
            let found = of(value.clone()).unwrap_err();
            assert!(found.starts_with(&format!("f is {value}: accepted is")), "{found}");
        }
        assert!(version("f", Some("v1.34.2+a.1")).is_ok() && version("f", None).is_ok());
        assert!(version("f", Some("1.34.2")).is_err() && version("f", Some("v1.34")).is_err());
        assert!(name(&"a".repeat(57), MACHINE_SUFFIX).is_ok() && name(&"a".repeat(58), MACHINE_SUFFIX).is_err());
        assert!(host("f", "10.0.0.1").is_ok() && host("f", "fd00::1").is_ok() && host("f", "api.example.com").is_ok());
        assert!(host("f", "not a host").is_err() && host("f", "https://a").is_err() && host("f", "").is_ok());
    }

    #[test]
    fn references_are_of_one_kind() {
        let other = ContractReference {
            api_group: "infrastructure.cluster.x-k8s.io".to_owned(),
            kind: "DockerMachine".to_owned(),
            name: "a".to_owned(),
        };
        assert_eq!(
            reference::<VSphereMachine>("spec.infrastructureRef", &other).unwrap_err(),
            "spec.infrastructureRef names DockerMachine a of infrastructure.cluster.x-k8s.io: accepted is a VSphereMachine of vmware.infrastructure.cluster.x-k8s.io"
        );
        let of = |value: Value| bootstrap::<KubeadmConfig>("spec.bootstrap", &read(value));
        assert!(of(json!({})).unwrap_err().starts_with("spec.bootstrap names nothing"));
        assert_eq!(of(json!({"dataSecretName": "a"})), Ok(()));
        let reference = ContractReference::to::<KubeadmConfig>("a");
        assert_eq!(of(json!({"configRef": reference})), Ok(()));
        assert!(
            of(json!({"configRef": other}))
                .unwrap_err()
                .starts_with("spec.bootstrap.configRef names DockerMachine")
        );
    }
}
