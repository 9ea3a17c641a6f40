//! Machines whose Nodes are unwell are replaced, and Nodes give up their pods before they go.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, ensure};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, condition},
    kubeadm::{KubeadmControlPlane, REMEDIATION_FOR_ANNOTATION, REMEDIATION_IN_PROGRESS_ANNOTATION},
};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::world::{World, is_control_plane};
use crate::played_evictions::Evictions;

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

    // The youngest goes by hand: the control plane is then as it was before it came, and its name is not given again.
    world
        .api::<Machine>()
        .delete(&replacement, &DeleteParams::default())
        .await?;
    world.without(&replacement).await?;
    world.settled(3, 2).await?;
    ensure!(!world.names::<Machine>().await?.contains(&replacement), "a namesake");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_gives_up_its_pods_before_it_goes_and_what_blocks_is_named() -> Result<()> {
    let evictions = Arc::<Evictions>::default();
    evictions.protect("web", "web-always");
    let world = World::start_with(105, &[], Some(evictions.clone())).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;
    let worker = world.machine(|machine| !is_control_plane(machine)).await?;
    let node = world
        .api::<Machine>()
        .get(&worker)
        .await?
        .status
        .node_ref
        .context("no Node")?
        .name;
    let guest = world.vms.guest().await?;
    let pods = Api::<Pod>::namespaced(guest, "default");
    let daemon =
        json!([{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "agent", "uid": "u", "controller": true}]);
    for (name, annotations, owners) in [
        ("web", json!({}), json!([])),
        ("free", json!({}), json!([])),
        ("static", json!({"kubernetes.io/config.mirror": "x"}), json!([])),
        ("orphan", json!({}), daemon),
    ] {
        let pod = json!({
            "metadata": {"name": name, "annotations": annotations, "ownerReferences": owners},
            "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]},
        });
        pods.create(&PostParams::default(), &serde_json::from_value(pod)?)
            .await?;
    }

    world.api::<Machine>().delete(&worker, &DeleteParams::default()).await?;
    world
        .until::<Machine>(&worker, "which pod and which budget block it", |machine| {
            let deleting = machine.condition(condition::DELETING);
            deleting.is_some_and(|condition| {
                condition.reason == "DrainingNode"
                    && condition.message.starts_with("1 Pod has not moved yet: default/web: ")
                    && condition.message.contains("disruption budget web-always")
            })
        })
        .await?;
    let left: BTreeSet<_> = pods
        .list(&ListParams::default())
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    ensure!(
        left == BTreeSet::from(["static".to_owned(), "web".to_owned()]),
        "{left:?}"
    );
    let cordoned = world.nodes().await?.into_iter().find(|other| other.name_any() == node);
    ensure!(
        cordoned
            .and_then(|node| node.spec)
            .is_some_and(|spec| spec.unschedulable == Some(true))
    );

    evictions.allow_all();
    world.settled(1, 1).await?;
    ensure!(!world.names::<Machine>().await?.contains(&worker), "it is still there");
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
