//! DaemonSet and Deployment: stored and shown; nothing here runs them. Pod templates are kept as sent.

use generic_apiserver::registry::{ResourceDefinition, Scale};

use super::{
    builtin,
    cells::{age, column, integer, labels, number},
};

pub(super) fn definitions() -> [ResourceDefinition; 2] {
    [daemon_set(), deployment()]
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
                selector: None,
            });
        })
        .build()
}
