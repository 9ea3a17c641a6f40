//! What the spec of a Service may say, but for addresses, which nothing here hands out.

use std::collections::BTreeSet;

use generic_apiserver::{
    FieldError,
    registry::naming::{label_problems, label_value_problems, qualified_name_problems},
};
use serde_json::Value;

use crate::kinds::{
    cells::{items, text},
    network::{address, port as port_number, protocol},
};

pub(super) fn spec(object: &Value) -> Vec<FieldError> {
    const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    const AFFINITIES: [&str; 2] = ["ClientIP", "None"];
    let mut errors = ports(object);
    errors.extend(selector(object));
    let r#type = text(object, "/spec/type");
    if !TYPES.contains(&r#type) {
        errors.push(FieldError::not_supported("spec.type", r#type, &TYPES));
    }
    let affinity = text(object, "/spec/sessionAffinity");
    if !AFFINITIES.contains(&affinity) {
        errors.push(FieldError::not_supported("spec.sessionAffinity", affinity, &AFFINITIES));
    }
    if r#type == "ExternalName" {
        if !text(object, "/spec/clusterIP").is_empty() {
            let detail = "may not be set for ExternalName services";
            errors.push(FieldError::forbidden("spec.clusterIPs", detail));
        }
        if text(object, "/spec/externalName").is_empty() {
            errors.push(FieldError::required("spec.externalName", ""));
        }
    }
    let own = text(object, "/spec/clusterIP");
    if !matches!(own, "" | "None") {
        errors.extend(address("spec.clusterIPs[0]", own));
    }
    for (position, external) in items(object, "/spec/externalIPs").iter().enumerate() {
        let external = external.as_str().unwrap_or_default();
        errors.extend(address(&format!("spec.externalIPs[{position}]"), external));
    }
    errors
}

/// Only a load balancer has addresses outside.
pub(super) fn status(object: &Value) -> Option<FieldError> {
    let has_none =
        items(object, "/status/loadBalancer/ingress").is_empty() || text(object, "/spec/type") == "LoadBalancer";
    let detail = "may only be used when `spec.type` is 'LoadBalancer'";
    (!has_none).then(|| FieldError::forbidden("status.loadBalancer.ingress", detail))
}

fn ports(object: &Value) -> Vec<FieldError> {
    let ports = items(object, "/spec/ports");
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    for (position, port) in ports.iter().enumerate() {
        let path = |field: &str| format!("spec.ports[{position}].{field}");
        let name = text(port, "/name");
        if name.is_empty() && ports.len() > 1 {
            errors.push(FieldError::required(path("name"), ""));
        } else if !name.is_empty() {
            let problems = label_problems(name).into_iter();
            errors.extend(problems.map(|problem| FieldError::invalid(path("name"), name, problem)));
            if !names.insert(name) {
                errors.push(FieldError::duplicate(path("name"), name));
            }
        }
        errors.extend(port_number(&path("port"), &port["port"]));
        errors.extend(protocol(&path("protocol"), text(port, "/protocol")));
        match &port["targetPort"] {
            Value::String(target) => {
                let problems = port_name_problems(target).into_iter();
                errors
                    .extend(problems.map(|problem| FieldError::invalid(path("targetPort"), target.as_str(), problem)));
            }
            target => errors.extend(port_number(&path("targetPort"), target)),
        }
    }
    errors
}

fn port_name_problems(name: &str) -> Vec<&'static str> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let rules = [
        (name.len() <= 15, "must be no more than 15 characters"),
        (
            name.chars().all(is_allowed) && !name.is_empty(),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            name.chars().any(|c| c.is_ascii_lowercase()),
            "must contain at least one letter (a-z)",
        ),
        (!name.contains("--"), "must not contain consecutive hyphens"),
        (
            !name.starts_with('-') && !name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ];
    let broken = rules.into_iter().filter(|(holds, _)| !holds);
    broken.map(|(_, problem)| problem).collect()
}

fn selector(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "spec.selector";
    let mut errors = Vec::new();
    for (key, value) in object["spec"]["selector"].as_object().into_iter().flatten() {
        let problems = qualified_name_problems(key).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(FIELD, key.as_str(), problem)));
        let value = value.as_str().unwrap_or_default();
        let problems = label_value_problems(value).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(FIELD, value, problem)));
    }
    errors
}
