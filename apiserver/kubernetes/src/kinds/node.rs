//! Node.

mod validate;

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::{Map, Value, json};

use super::{
    builtin,
    cells::{age, column, items, or, text, wide},
};

const ROLE_LABEL: &str = "node-role.kubernetes.io/";
const OLD_ROLE_LABEL: &str = "kubernetes.io/role";

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/nodes.json");
    builtin::of(("", "v1"), "Node", "nodes", schema)
        .cluster_scoped()
        .short(&["no"])
        .with_status()
        .columns(vec![
            column("Status", "Whether the node is ready and takes pods.", |object| {
                status(object).into()
            }),
            column("Roles", "The node's roles.", |object| roles(object).into()),
            age(),
            column("Version", "The kubelet's version.", |object| {
                text(object, "/status/nodeInfo/kubeletVersion").into()
            }),
            wide("Internal-IP", "Address inside the cluster.", |object| {
                address(object, "InternalIP").into()
            }),
            wide("External-IP", "Address outside the cluster.", |object| {
                address(object, "ExternalIP").into()
            }),
            wide("OS-Image", "Operating system.", |object| {
                or(text(object, "/status/nodeInfo/osImage"), "<unknown>").into()
            }),
            wide("Kernel-Version", "Kernel and architecture.", |object| {
                kernel(object).into()
            }),
            wide("Container-Runtime", "Container runtime.", |object| {
                or(text(object, "/status/nodeInfo/containerRuntimeVersion"), "<unknown>").into()
            }),
        ])
        .selectable(&[("spec.unschedulable", |object| {
            Some(
                object
                    .pointer("/spec/unschedulable")
                    .and_then(Value::as_bool)
                    .unwrap_or_default()
                    .to_string(),
            )
        })])
        .strategy(Node)
        .build()
}

struct Node;

#[async_trait]
impl Strategy for Node {
    fn apply_defaults(&self, object: &mut Value) {
        let capacity = object.pointer("/status/capacity").cloned();
        if let (Some(capacity), Some(status)) = (capacity, object.get_mut("status"))
            && status["allocatable"].is_null()
        {
            status["allocatable"] = capacity;
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            align_networks(spec);
        }
    }

    fn keeps_status_on_create(&self) -> bool {
        true
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::new(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::changed(object, old),
            ..Findings::default()
        })
    }
}

/// The older field for one network says the same as the first of the list.
fn align_networks(spec: &mut Map<String, Value>) {
    let older = spec.get("podCIDR").cloned().filter(|network| network != "");
    let first = spec.get("podCIDRs").and_then(|networks| networks.get(0)).cloned();
    match (older, first) {
        (Some(older), first) if first.as_ref() != Some(&older) => {
            spec.insert("podCIDRs".to_owned(), json!([older]));
        }
        (None, Some(first)) => {
            spec.insert("podCIDR".to_owned(), first);
        }
        _ => {}
    }
}

fn status(object: &Value) -> String {
    let ready = items(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == "Ready");
    let ready = match ready {
        Some(condition) if condition["status"] == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if object.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        format!("{ready},SchedulingDisabled")
    } else {
        ready.to_owned()
    }
}

fn roles(object: &Value) -> String {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let mut roles: Vec<&str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix(ROLE_LABEL) {
            Some(role) => Some(role),
            None if key == OLD_ROLE_LABEL => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or(&roles.join(","), "<none>").to_owned()
}

fn address<'a>(object: &'a Value, r#type: &str) -> &'a str {
    let found = items(object, "/status/addresses")
        .iter()
        .find(|address| address["type"] == r#type);
    found
        .and_then(|address| address["address"].as_str())
        .unwrap_or("<none>")
}

fn kernel(object: &Value) -> String {
    let kernel = or(text(object, "/status/nodeInfo/kernelVersion"), "<unknown>");
    match text(object, "/status/nodeInfo/architecture") {
        "" => kernel.to_owned(),
        architecture => format!("{kernel} ({architecture})"),
    }
}
