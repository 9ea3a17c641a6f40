//! What a node may say of itself.

use std::net::IpAddr;

use generic_apiserver::{
    FieldError,
    registry::naming::{label_value_problems, qualified_name_problems},
};
use serde_json::Value;

use crate::kinds::cells::{items, text};

/// Of a new node.
pub(super) fn new(object: &Value) -> Vec<FieldError> {
    let mut errors = taints(object);
    errors.extend(networks(object));
    errors
}

/// Of a changed one.
pub(super) fn changed(object: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = taints(object);
    let before = items(old, "/spec/podCIDRs");
    if !before.is_empty() && before != items(object, "/spec/podCIDRs") {
        let detail = "node updates may not change podCIDR except from \"\" to valid";
        errors.push(FieldError::forbidden("spec.podCIDRs", detail));
    }
    let (was, is) = (text(old, "/spec/providerID"), text(object, "/spec/providerID"));
    if !was.is_empty() && was != is {
        let detail = if is.is_empty() {
            "field cannot be cleared once set"
        } else {
            "field cannot be modified once set"
        };
        errors.push(FieldError::invalid_absent("spec.providerID", detail));
    }
    errors
}

fn taints(object: &Value) -> Vec<FieldError> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let taints = items(object, "/spec/taints");
    let mut errors = Vec::new();
    for (position, taint) in taints.iter().enumerate() {
        let path = format!("metadata.taints[{position}]");
        let (key, value, effect) = (text(taint, "/key"), text(taint, "/value"), text(taint, "/effect"));
        let problems = qualified_name_problems(key).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.key"), key, problem)));
        let problems = label_value_problems(value);
        if !problems.is_empty() {
            errors.push(FieldError::invalid(format!("{path}.value"), value, problems.join(";")));
        }
        if effect.is_empty() {
            errors.push(FieldError::required(format!("{path}.effect"), ""));
        } else if !EFFECTS.contains(&effect) {
            errors.push(FieldError::not_supported(format!("{path}.effect"), effect, &EFFECTS));
        }
        let is_same = |other: &Value| text(other, "/key") == key && text(other, "/effect") == effect;
        if taints.iter().take(position).any(is_same) {
            errors.push(repeated(path, taint));
        }
    }
    errors
}

/// A second taint of a key and effect, shown with the names that its fields have in Go.
fn repeated(path: String, taint: &Value) -> FieldError {
    let shown = |field: &str| Value::from(text(taint, field)).to_string();
    let value = format!(
        "{{\"Key\":{},\"Value\":{},\"Effect\":{},\"TimeAdded\":{}}}",
        shown("/key"),
        shown("/value"),
        shown("/effect"),
        taint["timeAdded"],
    );
    let error = FieldError {
        detail: "taints must be unique by key and effect pair".to_owned(),
        ..FieldError::duplicate(path, "")
    };
    error.showing(&value)
}

fn networks(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "spec.podCIDRs";
    let networks = items(object, "/spec/podCIDRs");
    let mut errors = Vec::new();
    let mut families = Vec::new();
    for (position, network) in networks.iter().enumerate() {
        match network.as_str().and_then(family) {
            Some(family) => families.push(family),
            None => {
                let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
                errors.push(FieldError::invalid(
                    format!("{FIELD}[{position}]"),
                    network.clone(),
                    detail,
                ));
            }
        }
    }
    let is_dual = matches!(families[..], [a, b] if a != b);
    if networks.len() > 1 && !is_dual {
        let detail = "may specify no more than one CIDR for each IP family";
        errors.push(FieldError::invalid(FIELD, networks.to_vec(), detail));
    }
    errors
}

/// Whether a network is one of IPv6; none for what is no network.
fn family(network: &str) -> Option<bool> {
    let (address, length) = network.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let length: u8 = length.parse().ok()?;
    (length <= most).then_some(address.is_ipv6())
}
