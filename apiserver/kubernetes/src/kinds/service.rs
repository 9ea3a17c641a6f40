//! Service: stored and shown; nothing here balances load or hands out addresses.

mod validate;

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    registry::{Findings, NameRule, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::{Map, Value, json};

use super::{
    builtin,
    cells::{age, column, items, labels, number, or, text, wide},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/services.json");
    builtin::of(("", "v1"), "Service", "services", schema)
        .short(&["svc"])
        .returns_deleted()
        .categories(&["all"])
        .with_status()
        .create_on_update()
        .name_rule(NameRule::Label)
        .columns(vec![
            column("Type", "How the service is reached.", |object| {
                text(object, "/spec/type").into()
            }),
            column("Cluster-IP", "Address inside the cluster.", |object| {
                or(
                    text(object, "/spec/clusterIPs/0"),
                    or(text(object, "/spec/clusterIP"), "<none>"),
                )
                .into()
            }),
            column("External-IP", "Address outside the cluster.", |object| {
                external_address(object).into()
            }),
            column("Port(s)", "The ports that are served.", |object| ports(object).into()),
            age(),
            wide("Selector", "Labels of the pods behind the service.", |object| {
                labels(object, "/spec/selector").into()
            }),
        ])
        .strategy(Service)
        .build()
}

struct Service;

#[async_trait]
impl Strategy for Service {
    fn apply_defaults(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            default(spec);
        }
    }

    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        object["status"] = json!({});
        fill_families(object);
    }

    fn prepare_for_update(&self, _: &StrategyContext<'_>, object: &mut Value, _: &Value) {
        fill_families(object);
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::spec(object),
            warnings: warnings(object),
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, _: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::spec(object),
            warnings: warnings(object),
        })
    }

    async fn validate_status_update(
        &self,
        _: &StrategyContext<'_>,
        object: &Value,
        _: &Value,
    ) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate::status(object).into_iter().collect(),
            ..Findings::default()
        })
    }
}

/// What kube-apiserver fills in for a service without an address of its own. Nothing here hands out addresses.
fn fill_families(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if spec.get("clusterIP").is_some_and(|address| address == "None") {
        let is_everywhere = spec.get("selector").is_none();
        spec.insert("clusterIPs".to_owned(), json!(["None"]));
        let families = if is_everywhere {
            json!(["IPv4", "IPv6"])
        } else {
            json!(["IPv4"])
        };
        spec.entry("ipFamilies").or_insert(families);
        let policy = if is_everywhere {
            "RequireDualStack"
        } else {
            "SingleStack"
        };
        spec.entry("ipFamilyPolicy").or_insert_with(|| policy.into());
    }
}

fn warnings(object: &Value) -> Vec<String> {
    let is_ignored = text(object, "/spec/clusterIP") == "None" && text(object, "/spec/sessionAffinity") != "None";
    let ignored = is_ignored.then(|| "spec.SessionAffinity is ignored for headless services".to_owned());
    ignored.into_iter().collect()
}

fn default(spec: &mut Map<String, Value>) {
    let is_unset = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value == "");
    for (field, value) in [("type", "ClusterIP"), ("sessionAffinity", "None")] {
        if is_unset(spec.get(field)) {
            spec.insert(field.to_owned(), value.into());
        }
    }
    if spec["sessionAffinity"] == "None" {
        spec.remove("sessionAffinityConfig");
    } else {
        let config = json!({"clientIP": {"timeoutSeconds": 10_800}});
        spec.entry("sessionAffinityConfig").or_insert(config);
    }
    let r#type = spec["type"].as_str().unwrap_or_default().to_owned();
    let is_reached_from_outside = matches!(r#type.as_str(), "NodePort" | "LoadBalancer")
        || (r#type == "ClusterIP" && spec.get("externalIPs").is_some());
    if is_reached_from_outside && is_unset(spec.get("externalTrafficPolicy")) {
        spec.insert("externalTrafficPolicy".to_owned(), "Cluster".into());
    }
    if r#type != "ExternalName" && is_unset(spec.get("internalTrafficPolicy")) {
        spec.insert("internalTrafficPolicy".to_owned(), "Cluster".into());
    }
    if r#type == "LoadBalancer" {
        spec.entry("allocateLoadBalancerNodePorts").or_insert(true.into());
    }
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if is_unset(port.get("protocol")) {
            port["protocol"] = "TCP".into();
        }
        if is_unset(port.get("targetPort")) || port["targetPort"] == 0 {
            port["targetPort"] = port["port"].clone();
        }
    }
}

fn external_address(object: &Value) -> String {
    let external: Vec<&str> = items(object, "/spec/externalIPs")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match text(object, "/spec/type") {
        "ExternalName" => text(object, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = items(object, "/status/loadBalancer/ingress").iter();
            let mut addresses: Vec<&str> = ingress
                .map(|ingress| or(text(ingress, "/ip"), text(ingress, "/hostname")))
                .collect();
            addresses.retain(|address| !address.is_empty());
            addresses.extend(external);
            or(&addresses.join(","), "<pending>").to_owned()
        }
        _ => or(&external.join(","), "<none>").to_owned(),
    }
}

fn ports(object: &Value) -> String {
    let ports = items(object, "/spec/ports").iter().map(|port| {
        let protocol = or(text(port, "/protocol"), "TCP");
        match number(port, "/nodePort") {
            0 => format!("{}/{protocol}", number(port, "/port")),
            node_port => format!("{}:{node_port}/{protocol}", number(port, "/port")),
        }
    });
    or(&ports.collect::<Vec<_>>().join(","), "<none>").to_owned()
}
