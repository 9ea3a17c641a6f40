//! ResourceQuota: what one may say, and what it refuses. No controller counts on either side: what is used is written by hand.

use serde_json::{Value, json};

use super::config_map;
use crate::{
    request::{Request, delete, get, merge, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("limits", limits),
    ("scopes", scopes),
    ("changes", changes),
    ("refusals", refusals),
    ("services", services),
];

/// Makes a quota of this spec, without storing it.
fn quota(talk: &mut Talk<'_>, spec: Value) {
    let body = json!({"metadata": {"name": "q"}, "spec": spec});
    talk.send(post("$core/resourcequotas?dryRun=All", body));
}

fn limits(talk: &mut Talk<'_>) {
    for (name, amount) in [
        ("count/widgets.demo.example.io", json!("3")),
        ("count/configmaps", json!(3)),
        ("count/configmaps", json!("1.5")),
        ("configmaps", json!("1000")),
        ("secrets", json!("-1")),
        ("secrets", json!("500m")),
        ("services", json!("many")),
        ("services", json!("1Kx")),
        ("pods", json!("")),
        ("pods", json!(null)),
        ("pods", json!([1])),
        ("pods", json!(".5")),
        ("cpu", json!("1500m")),
        ("cpu", json!("0.5")),
        ("memory", json!("1024Mi")),
        ("memory", json!("1.5Gi")),
        ("limits.memory", json!("2e3")),
        ("requests.storage", json!("100Ki")),
        ("storage", json!("1")),
        ("widgets", json!("1")),
        ("Not a name", json!("1")),
        ("a/b/c", json!("1")),
        ("hugepages-2Mi", json!("2Mi")),
        ("requests.nvidia.com/gpu", json!("1")),
        ("requests.nvidia.com/gpu", json!("1.5")),
        ("gold.storageclass.storage.k8s.io/requests.storage", json!("1.5")),
        ("example.com/own", json!("1.5")),
    ] {
        quota(talk, json!({"hard": {name: amount}}));
    }
    quota(talk, json!({"hard": {}}));
    quota(talk, json!({}));
    quota(talk, json!({"hard": {"requests.cpu": "2", "limits.cpu": "1500m"}}));
    quota(talk, json!({"hard": {"cpu": "1", "limits.cpu": "1"}}));
    talk.send(post(
        "$core/resourcequotas",
        json!({"metadata": {"name": "A_"}, "spec": {"hard": {"pods": "1"}}}),
    ));
}

fn scopes(talk: &mut Talk<'_>) {
    for scopes in [
        json!(["Terminating"]),
        json!(["NotTerminating", "Terminating"]),
        json!(["BestEffort", "NotBestEffort"]),
        json!(["Odd"]),
        json!(["PriorityClass"]),
        json!(["VolumeAttributesClass"]),
    ] {
        for name in ["pods", "configmaps", "count/configmaps"] {
            quota(talk, json!({"scopes": scopes, "hard": {name: "1"}}));
        }
    }
    for (scope, operator, values) in [
        ("PriorityClass", "In", json!(["high"])),
        ("PriorityClass", "In", json!([])),
        ("PriorityClass", "Exists", json!(["high"])),
        ("PriorityClass", "Is", json!(["high"])),
        ("Terminating", "In", json!(["a"])),
        ("Odd", "Exists", json!(null)),
    ] {
        let expression = json!({"scopeName": scope, "operator": operator, "values": values});
        let selector = json!({"matchExpressions": [expression]});
        quota(talk, json!({"scopeSelector": selector, "hard": {"pods": "1"}}));
    }
}

fn changes(talk: &mut Talk<'_>) {
    let path = "$core/resourcequotas/few";
    let spec = json!({"hard": {"pods": "1000"}, "scopes": ["Terminating"]});
    talk.send_all([
        post(
            "$core/resourcequotas",
            json!({"metadata": {"name": "few"}, "spec": spec, "status": {"used": {"pods": "1"}}}),
        ),
        merge(path, json!({"spec": {"scopes": ["NotTerminating"]}})),
        merge(path, json!({"spec": {"scopes": null}})),
        merge(path, json!({"spec": {"hard": {"pods": "-1"}}})),
        merge(path, json!({"spec": {"hard": {"pods": "2", "memory": "2048Ki"}}})),
        put(
            path,
            json!({"metadata": {"name": "few"}, "spec": {"hard": {"pods": "3"}, "scopes": ["Terminating"]}}),
        ),
        get(path),
        delete(path),
    ]);
}

/// Makes a quota whose status says that this is used.
fn used(talk: &mut Talk<'_>, name: &str, hard: &Value, used: &Value) {
    talk.quietly(post(
        "$core/resourcequotas",
        json!({"metadata": {"name": name}, "spec": {"hard": hard}}),
    ));
    let status = json!({"status": {"hard": hard, "used": used}});
    talk.send(merge(&format!("$core/resourcequotas/{name}/status"), status));
}

fn refusals(talk: &mut Talk<'_>) {
    let hard = json!({"configmaps": "2", "count/configmaps": "5", "count/widgets.demo.example.io": "0"});
    used(
        talk,
        "few",
        &hard,
        &json!({"configmaps": "1", "count/configmaps": "1", "count/widgets.demo.example.io": "0"}),
    );
    let widget = super::widget("a", json!({}));
    // kube-apiserver learns of quotas by a watch.
    talk.until_forbidden(post("$widgets?dryRun=All", widget.clone()));
    talk.send_all([
        post("$widgets", widget.clone()),
        post("$widgets?dryRun=All", widget),
        post("$core/configmaps?dryRun=All", config_map("dry", json!({}))),
        post("$core/configmaps", config_map("a", json!({}))),
        post("$core/configmaps", config_map("b", json!({}))),
        post("$core/configmaps", json!({"metadata": {"name": "Bad Name"}})),
        merge("$core/configmaps/a", json!({"data": {"a": "b"}})),
        delete("$core/configmaps/a"),
    ]);
}

fn services(talk: &mut Talk<'_>) {
    let hard = json!({"services": "2", "services.nodeports": "1", "services.loadbalancers": "0"});
    used(
        talk,
        "ports",
        &hard,
        &json!({"services": "0", "services.nodeports": "0", "services.loadbalancers": "0"}),
    );
    let service = |name: &str, r#type: &str, ports: u16| {
        let ports: Vec<Value> = (1..=ports)
            .map(|port| json!({"port": port, "name": format!("p{port}")}))
            .collect();
        json!({"metadata": {"name": name}, "spec": {"type": r#type, "ports": ports}})
    };
    let refused = |request: Request| request.view(|body| *body = body["message"].clone());
    talk.until_forbidden(post("$core/services?dryRun=All", service("a", "LoadBalancer", 1)));
    talk.send_all([
        refused(post("$core/services", service("a", "LoadBalancer", 1))),
        refused(post("$core/services", service("a", "NodePort", 2))),
    ]);
    talk.quietly(post("$core/services", service("a", "ClusterIP", 2)));
    talk.send_all([
        refused(merge("$core/services/a", json!({"spec": {"type": "NodePort"}}))),
        refused(merge("$core/services/a", json!({"spec": {"type": "LoadBalancer"}}))),
    ]);
}
