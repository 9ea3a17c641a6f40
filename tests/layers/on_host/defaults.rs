//! Definitions that add defaults to what the layers write, as newer releases of upstream may.

use std::time::Duration;

use anyhow::{Context, Result};
use guestcluster_types::upstream::crds::CRDS;
use kube::{
    Api,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};

use super::OnHost;

/// Gives every object within a schema a field of its own with a default.
fn add_defaults(schema: &mut Value) {
    let Some(node) = schema.as_object_mut() else { return };
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(key) {
            add_defaults(inner);
        }
    }
    if let Some(properties) = node.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(add_defaults);
        properties.insert(
            "addedLater".to_owned(),
            json!({"type": "string", "default": "by the definition"}),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_definitions_add_is_not_written_over_again_and_again() -> Result<()> {
    let host = OnHost::start().await?;
    let mut world = host.world().await?;
    for (name, text) in CRDS {
        let mut definition: Value = serde_json::from_str(text)?;
        for version in definition["spec"]["versions"].as_array_mut().context("versions")? {
            let spec = version.pointer_mut("/schema/openAPIV3Schema/properties/spec");
            add_defaults(spec.with_context(|| format!("{name} has no spec"))?);
        }
        host.define(definition).await?;
    }
    // kube-apiserver takes up a changed definition a moment later, and ends the watches of the old one.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    world.settled("dev").await?;
    let deployment = GroupVersionKind::gvk("cluster.x-k8s.io", "v1beta2", "MachineDeployment");
    let deployments = Api::namespaced_with(host.client.clone(), "team-a", &ApiResource::from_gvk(&deployment));
    let live: DynamicObject = deployments.get("dev-default").await?;
    let added = live.data.pointer("/spec/template/spec/bootstrap/addedLater");
    assert_eq!(added, Some(&json!("by the definition")), "else this tests nothing");

    tokio::time::sleep(Duration::from_secs(2)).await;
    let (machines, before) = (world.machines().await?, host.writes());
    world.stop_layers().await?;
    world.run_layers();
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.settled("dev").await?;
    assert_eq!(host.writes(), before, "{:#?}", host.asked());

    let scale = json!({"spec": {"topology": {"controlPlane": {"replicas": 3}}}});
    world.change("dev", &scale).await?;
    world.settled("dev").await?;
    let after = world.machines().await?;
    assert!(
        machines.iter().all(|(name, uid)| after.get(name) == Some(uid)),
        "a machine was replaced"
    );
    world.delete_guest("dev").await?;
    world.stop().await
}
