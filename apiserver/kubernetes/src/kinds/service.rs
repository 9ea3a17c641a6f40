//! Service: stored and shown; nothing here balances load or hands out addresses.

use generic_apiserver::registry::{NameRule, ResourceDefinition, Strategy, StrategyContext};
use serde_json::{Value, json};

use super::{
    builtin,
    cells::{age, column, items, labels, number, or, text, wide},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/services.json");
    builtin::of(("", "v1"), "Service", "services", schema)
        .short(&["svc"])
        .categories(&["all"])
        .with_status()
        .create_on_update()
        .name_rule(NameRule::Label1035 { max: 63 })
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

impl Strategy for Service {
    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        object["status"] = json!({"loadBalancer": {}});
        default(object);
    }

    fn prepare_for_update(&self, _: &StrategyContext<'_>, object: &mut Value, _old: &Value) {
        default(object);
    }
}

fn default(object: &mut Value) {
    let Some(spec) = object["spec"].as_object_mut() else {
        return;
    };
    spec.entry("type").or_insert_with(|| "ClusterIP".into());
    spec.entry("sessionAffinity").or_insert_with(|| "None".into());
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        if port["targetPort"].is_null() {
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
