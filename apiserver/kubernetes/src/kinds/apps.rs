//! DaemonSet and Deployment: stored and shown; nothing here runs them.

use std::sync::Arc;

use generic_apiserver::{
    registry::{ResourceDefinition, Scale},
    schema::Schema,
};
use serde_json::json;

use super::{
    builtin,
    cells::{age, column, integer, labels, number},
};

/// The definitions; their templates have the structure of pods, whose schema they share.
pub(super) fn definitions(pods: &Schema) -> [ResourceDefinition; 2] {
    let template = template(pods);
    [daemon_set(), deployment()].map(|mut definition| {
        if let Some(schema) = definition.schema.with_field(&["spec", "template"], &template) {
            definition.schema = Arc::new(schema);
        }
        definition
    })
}

#[expect(
    clippy::expect_used,
    reason = "the text is part of the program, and every test of these kinds reads it"
)]
fn template(pods: &Schema) -> Arc<Schema> {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let bare = json!({"type": "object", "properties": {
        "metadata": {
            "type": "object",
            "properties": {"labels": texts, "annotations": texts},
            "x-kubernetes-preserve-unknown-fields": true,
        },
        "spec": {"type": "object"},
    }});
    let bare = Schema::builtin_field_from_json(&bare).expect("a schema that is read");
    let spec = pods.property("spec").expect("pods have a spec");
    Arc::new(bare.with_field(&["spec"], spec).expect("it is declared"))
}

fn daemon_set() -> ResourceDefinition {
    let schema = include_str!("../../schemas/daemonsets.apps.json");
    builtin::of(("apps", "v1"), "DaemonSet", "daemonsets", schema)
        .short(&["ds"])
        .categories(&["all"])
        .with_status()
        .with_generation()
        .columns(vec![
            integer("Desired", "Nodes that should run it.", |object| {
                number(object, "/status/desiredNumberScheduled").into()
            }),
            integer("Current", "Nodes that run it.", |object| {
                number(object, "/status/currentNumberScheduled").into()
            }),
            integer("Ready", "Nodes where it is ready.", |object| {
                number(object, "/status/numberReady").into()
            }),
            integer("Up-to-date", "Nodes with the newest template.", |object| {
                number(object, "/status/updatedNumberScheduled").into()
            }),
            integer("Available", "Nodes where it is available.", |object| {
                number(object, "/status/numberAvailable").into()
            }),
            column("Node Selector", "Labels of the nodes.", |object| {
                labels(object, "/spec/template/spec/nodeSelector").into()
            }),
            age(),
        ])
        .build()
}

fn deployment() -> ResourceDefinition {
    let schema = include_str!("../../schemas/deployments.apps.json");
    builtin::of(("apps", "v1"), "Deployment", "deployments", schema)
        .short(&["deploy"])
        .categories(&["all"])
        .with_status()
        .with_generation()
        .columns(vec![
            column("Ready", "Ready pods of those wanted.", |object| {
                format!(
                    "{}/{}",
                    number(object, "/status/readyReplicas"),
                    number(object, "/spec/replicas")
                )
                .into()
            }),
            column("Up-to-date", "Pods with the newest template.", |object| {
                number(object, "/status/updatedReplicas").to_string().into()
            }),
            column("Available", "Available pods.", |object| {
                number(object, "/status/availableReplicas").to_string().into()
            }),
            age(),
        ])
        .change(|definition| {
            definition.scale = Some(Scale::Paths {
                spec: ".spec.replicas".into(),
                status: ".status.replicas".into(),
                selector: Some(".spec.selector".into()),
            });
        })
        .build()
}
