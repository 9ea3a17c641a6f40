//! Pod: stored and shown; nothing here runs it.

mod defaults;

use generic_apiserver::registry::{ResourceDefinition, Strategy, StrategyContext};
use serde_json::{Value, json};

use super::{
    builtin,
    cells::{age, column, items, number, or, some_text, text, wide},
};

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/pods.json");
    builtin::of(("", "v1"), "Pod", "pods", schema)
        .short(&["po"])
        .returns_deleted()
        .categories(&["all"])
        .with_status()
        .with_generation()
        .columns(vec![
            column("Ready", "Ready containers of all.", |object| ready(object).into()),
            column("Status", "The pod's phase, or why it is not in one.", |object| {
                status(object).into()
            }),
            column("Restarts", "How often containers were restarted.", |object| {
                restarts(object).to_string().into()
            }),
            age(),
            wide("IP", "The pod's address.", |object| {
                or(text(object, "/status/podIP"), "<none>").into()
            }),
            wide("Node", "The node that it runs on.", |object| {
                or(text(object, "/spec/nodeName"), "<none>").into()
            }),
            wide("Nominated Node", "The node that is being freed for it.", |object| {
                or(text(object, "/status/nominatedNodeName"), "<none>").into()
            }),
            wide("Readiness Gates", "Fulfilled gates of all.", |object| {
                readiness_gates(object).into()
            }),
        ])
        .selectable(&[
            ("spec.nodeName", |object| some_text(object, "/spec/nodeName")),
            ("spec.restartPolicy", |object| some_text(object, "/spec/restartPolicy")),
            ("spec.schedulerName", |object| some_text(object, "/spec/schedulerName")),
            ("spec.serviceAccountName", |object| {
                some_text(object, "/spec/serviceAccountName")
            }),
            ("spec.hostNetwork", |object| {
                Some((object["spec"]["hostNetwork"] == true).to_string())
            }),
            ("status.phase", |object| some_text(object, "/status/phase")),
            ("status.podIP", |object| some_text(object, "/status/podIP")),
            ("status.nominatedNodeName", |object| {
                some_text(object, "/status/nominatedNodeName")
            }),
        ])
        .strategy(Pod)
        .build()
}

struct Pod;

impl Strategy for Pod {
    fn apply_defaults(&self, object: &mut Value) {
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            defaults::fill(spec);
        }
        if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
            defaults::align_addresses(status);
        }
    }

    fn prepare_for_create(&self, _: &StrategyContext<'_>, object: &mut Value) {
        object["status"] = json!({"phase": "Pending", "qosClass": defaults::class_of(object)});
    }
}

fn ready(object: &Value) -> String {
    let ready = items(object, "/status/containerStatuses")
        .iter()
        .filter(|status| status["ready"] == true)
        .count();
    format!("{ready}/{}", items(object, "/spec/containers").len())
}

fn status(object: &Value) -> &str {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return "Terminating";
    }
    let waiting = items(object, "/status/containerStatuses")
        .iter()
        .map(|status| {
            or(
                text(status, "/state/waiting/reason"),
                text(status, "/state/terminated/reason"),
            )
        })
        .find(|reason| !reason.is_empty());
    waiting.unwrap_or_else(|| or(text(object, "/status/reason"), text(object, "/status/phase")))
}

fn restarts(object: &Value) -> i64 {
    items(object, "/status/containerStatuses")
        .iter()
        .map(|status| number(status, "/restartCount"))
        .sum()
}

fn readiness_gates(object: &Value) -> String {
    let gates = items(object, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let conditions = items(object, "/status/conditions");
    let is_true = |gate: &&Value| {
        conditions
            .iter()
            .any(|condition| condition["type"] == gate["conditionType"] && condition["status"] == "True")
    };
    format!("{}/{}", gates.iter().filter(is_true).count(), gates.len())
}
