//! What Endpoints may say.

use generic_apiserver::{
    FieldError,
    registry::naming::{label_problems, qualified_name_problems, subdomain_problems},
};
use serde_json::Value;

use crate::kinds::{
    cells::{items, some_text, text},
    network,
};

pub(super) fn subsets(object: &Value) -> Vec<FieldError> {
    let subsets = items(object, "/subsets").iter().enumerate();
    subsets
        .flat_map(|(position, one)| subset(&format!("subsets[{position}]"), position, one))
        .collect()
}

fn subset(path: &str, position: usize, subset: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let addresses: Vec<_> = super::addresses(subset, position).collect();
    if addresses.is_empty() {
        let detail = "must specify `addresses` or `notReadyAddresses`";
        errors.push(FieldError::required(path, detail));
    }
    errors.extend(addresses.iter().flat_map(|(path, one)| address(path, one)));
    let ports = items(subset, "/ports");
    let each = ports.iter().enumerate();
    errors.extend(each.flat_map(|(at, one)| port(&format!("{path}.ports[{at}]"), one, ports.len() > 1)));
    errors
}

fn address(path: &str, address: &Value) -> Vec<FieldError> {
    let ip = text(address, "/ip");
    let field = format!("{path}.ip");
    let mut errors: Vec<_> = network::address(&field, ip).into_iter().collect();
    if let Some(hostname) = some_text(address, "/hostname") {
        let problems = label_problems(&hostname).into_iter();
        errors.extend(
            problems.map(|problem| FieldError::invalid(format!("{path}.hostname"), hostname.as_str(), problem)),
        );
    }
    if let Some(node) = address["nodeName"].as_str() {
        let problems = subdomain_problems(node).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.nodeName"), node, problem)));
    }
    errors.extend(network::reachable_address(&field, ip));
    errors
}

fn port(path: &str, port: &Value, needs_name: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    match some_text(port, "/name") {
        None if needs_name => errors.push(FieldError::required(format!("{path}.name"), "")),
        None => {}
        Some(name) => {
            let problems = label_problems(&name).into_iter();
            errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.name"), name.as_str(), problem)));
        }
    }
    errors.extend(network::port(&format!("{path}.port"), &port["port"]));
    errors.extend(network::protocol(&format!("{path}.protocol"), text(port, "/protocol")));
    if let Some(protocol) = port["appProtocol"].as_str() {
        let problems = qualified_name_problems(protocol).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.appProtocol"), protocol, problem)));
    }
    errors
}
