//! Endpoints: stored and shown; nothing here looks for the pods behind a Service.

mod validate;

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin,
    cells::{age, column, items, number, text},
    network::address_warning,
};

/// How many addresses are shown.
const SHOWN: usize = 3;
const DEPRECATION: &str = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
/// Who writes what it has checked by itself.
const MANAGED_BY: &str = "/metadata/labels/endpoints.kubernetes.io~1managed-by";
const CONTROLLER: &str = "endpoint-controller";

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/endpoints.json");
    builtin::of(("", "v1"), "Endpoints", "endpoints", schema)
        .short(&["ep"])
        .create_on_update()
        .columns(vec![
            column("Endpoints", "Where it is served.", |object| shown(object).into()),
            age(),
        ])
        .strategy(Endpoints)
        .change(|definition| definition.deprecation = Some(DEPRECATION.into()))
        .build()
}

struct Endpoints;

#[async_trait]
impl Strategy for Endpoints {
    fn apply_defaults(&self, object: &mut Value) {
        let subsets = object.get_mut("subsets").and_then(Value::as_array_mut);
        for subset in subsets.into_iter().flatten() {
            let ports = subset.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                let is_unset = port
                    .get("protocol")
                    .is_none_or(|protocol| protocol.is_null() || protocol == "");
                if is_unset {
                    port.insert("protocol".to_owned(), "TCP".into());
                }
            }
        }
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::subsets(object),
            warnings: warnings(object),
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let is_as_before = object["subsets"] == old["subsets"];
        Ok(Findings {
            errors: if is_as_before {
                Vec::new()
            } else {
                validate::subsets(object)
            },
            warnings: warnings(object),
        })
    }
}

/// Addresses of a subset, and the path of each.
fn addresses(subset: &Value, position: usize) -> impl Iterator<Item = (String, &Value)> {
    let kinds = ["addresses", "notReadyAddresses"].into_iter();
    kinds.flat_map(move |kind| {
        let all = items(subset, &format!("/{kind}")).iter().enumerate();
        all.map(move |(at, address)| (format!("subsets[{position}].{kind}[{at}]"), address))
    })
}

fn warnings(object: &Value) -> Vec<String> {
    if text(object, MANAGED_BY) == CONTROLLER {
        return Vec::new();
    }
    let subsets = items(object, "/subsets").iter().enumerate();
    let all = subsets.flat_map(|(position, subset)| addresses(subset, position));
    all.filter_map(|(path, address)| address_warning(&format!("{path}.ip"), text(address, "/ip")))
        .collect()
}

fn shown(object: &Value) -> String {
    let subsets = items(object, "/subsets");
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let all: Vec<_> = subsets.iter().flat_map(served).collect();
    let first = all[..all.len().min(SHOWN)].join(",");
    match all.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} + {more} more..."),
    }
}

/// Each address with each port.
fn served(subset: &Value) -> Vec<String> {
    let addresses = items(subset, "/addresses").iter().map(|address| text(address, "/ip"));
    let ports = items(subset, "/ports");
    if ports.is_empty() {
        return addresses.map(str::to_owned).collect();
    }
    let with = |port: i64| {
        move |address: &str| {
            if address.contains(':') {
                format!("[{address}]:{port}")
            } else {
                format!("{address}:{port}")
            }
        }
    };
    let ports = ports.iter().map(|port| number(port, "/port"));
    ports.flat_map(|port| addresses.clone().map(with(port))).collect()
}
