//! Machines whose Nodes are unwell are replaced, and Nodes give up their pods before they go.

use anyhow::{Context, Result, ensure};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, condition},
    kubeadm::{KubeadmControlPlane, REMEDIATION_FOR_ANNOTATION, REMEDIATION_IN_PROGRESS_ANNOTATION},
};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::world::{World, is_control_plane};

/// Keeps a Machine from going, so that one can look at it.
const HOLD: &str = "guestclusters.test/hold";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_whose_node_is_unwell_is_replaced() -> Result<()> {
    let world = World::start(104, &[]).await?;
    world.create_cluster(2, "small").await?;
    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
        .await?;
    check(&world, "dev-cp", json!({"cluster.x-k8s.io/control-plane": ""})).await?;
    check(&world, "dev-a", json!({"cluster.x-k8s.io/deployment-name": "dev-a"})).await?;
    world.settled(3, 2).await?;
    for (name, machines) in [("dev-cp", 3), ("dev-a", 2)] {
        let seen = |check: &MachineHealthCheck| {
            let status = &check.status;
            status.current_healthy == Some(machines)
                && status.targets.len() == usize::try_from(machines).unwrap_or_default()
                && check.is_true(condition::REMEDIATION_ALLOWED)
        };
        world.until(name, "all of its Machines well", seen).await?;
    }

    let worker = world.machine(|machine| !is_control_plane(machine)).await?;
    replaced(&world, &worker).await?;
    world
        .until::<MachineDeployment>("dev-a", "nothing more to replace", |pool| {
            pool.condition(condition::REMEDIATING)
                .is_some_and(|condition| condition.status == "False" && condition.message.is_empty())
        })
        .await?;

    let member = world.machine(is_control_plane).await?;
    replaced(&world, &member).await?;
    let control_plane = world
        .until::<KubeadmControlPlane>("dev-cp", "its last remediation", |object| {
            object.status.last_remediation.is_some()
                && !object.annotations().contains_key(REMEDIATION_IN_PROGRESS_ANNOTATION)
        })
        .await?;
    let last = control_plane.status.last_remediation.context("no record")?;
    ensure!(last.machine == member && last.retry_count == 0, "{last:?}");
    let replacement = world
        .machine(|machine| machine.annotations().contains_key(REMEDIATION_FOR_ANNOTATION))
        .await?;
    // Its own Machine is not the one that it replaces, and it lives on as any other.
    ensure!(replacement != member);
    let cluster = world.settled(3, 2).await?;
    ensure!(
        cluster
            .condition(condition::REMEDIATING)
            .is_some_and(|condition| condition.status == "False")
    );
    Ok(())
}

/// Lets a Machine's Node be unwell for long, and waits until the Machine is replaced.
async fn replaced(world: &World, name: &str) -> Result<()> {
    let held = world.api::<Machine>().get(name).await?;
    let mut finalizers = held.finalizers().to_vec();
    finalizers.push(HOLD.to_owned());
    world
        .patch::<Machine>(name, json!({"metadata": {"finalizers": finalizers}}))
        .await?;
    let node = held.status.node_ref.context("no Node")?.name;
    let unwell = json!([{
        "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]);
    Api::<Node>::all(world.vms.guest().await?)
        .patch_status(
            &node,
            &PatchParams::default(),
            &Patch::Merge(json!({"status": {"conditions": unwell}})),
        )
        .await?;

    let gone = world
        .until::<Machine>(name, "its deletion", |machine| {
            machine.finalizers() == [HOLD] && machine.metadata.deletion_timestamp.is_some()
        })
        .await?;
    let of = |type_: &str| {
        gone.condition(type_)
            .map(|condition| (condition.status.as_str(), condition.reason.as_str()))
    };
    ensure!(
        of(condition::HEALTH_CHECK_SUCCEEDED) == Some(("False", "UnhealthyNode")),
        "{:?}",
        gone.status
    );
    ensure!(
        of(condition::OWNER_REMEDIATED) == Some(("False", "MachineDeleting")),
        "{:?}",
        gone.status
    );
    world
        .cluster("that Machines are being replaced", |cluster: &Cluster| {
            let found = cluster.condition(condition::REMEDIATING);
            found.is_some_and(|condition| condition.status == "True" && condition.message.contains(name))
        })
        .await?;
    world
        .patch::<Machine>(name, json!({"metadata": {"finalizers": []}}))
        .await?;
    world.settled(3, 2).await?;
    ensure!(!world.names::<Machine>().await?.contains(name), "it is still there");
    ensure!(
        !world.nodes().await?.iter().any(|other| other.name_any() == node),
        "its Node is still there"
    );
    Ok(())
}

/// What the guest layer writes for a pool or a control plane.
async fn check(world: &World, name: &str, labels: Value) -> Result<()> {
    let unwell = ["False", "Unknown"].map(|status| json!({"type": "Ready", "status": status, "timeoutSeconds": 300}));
    world
        .apply::<MachineHealthCheck>(json!({
            "metadata": {"name": name},
            "spec": {
                "clusterName": "dev", "selector": {"matchLabels": labels},
                "checks": {"nodeStartupTimeoutSeconds": 1200, "unhealthyNodeConditions": unwell},
            },
        }))
        .await?;
    Ok(())
}
