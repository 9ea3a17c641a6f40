//! What a cluster passes through.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, condition},
    capv::VSphereMachineTemplate,
    kubeadm::KubeadmControlPlane,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::world::{World, gone, is_control_plane, reference};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_comes_up_and_is_left_alone_then() -> Result<()> {
    let mut world = World::start(101, &[]).await?;
    world.create_cluster(2, "small").await?;
    let created = world.revision().await?;
    let cluster = world.settled(1, 2).await?;
    ensure!(cluster.status.phase.as_deref() == Some("Provisioned"));

    let nodes = world.nodes().await?;
    let machines: BTreeSet<_> = nodes
        .iter()
        .map(|node| node.annotations()["cluster.x-k8s.io/machine"].clone())
        .collect();
    ensure!(
        machines == world.names::<Machine>().await? && machines.len() == 3,
        "{machines:?}"
    );
    ensure!(nodes.iter().all(|node| {
        node.spec
            .as_ref()
            .is_some_and(|spec| spec.taints.iter().flatten().next().is_none())
    }));

    let booted = world.vms.booted().await;
    let (first, workers): (Vec<_>, Vec<_>) = booted.values().partition(|data| data.contains("kubeadm init"));
    ensure!(
        first.len() == 1
            && first[0].contains("/etc/kubernetes/pki/ca.key")
            && first[0].contains("kind: ClusterConfiguration")
    );
    ensure!(
        workers.len() == 2
            && workers
                .iter()
                .all(|data| data.contains("kubeadm join") && !data.contains("PRIVATE KEY"))
    );

    let revision = world.quiet().await?;
    let writes = revision.parse::<u64>()? - created.parse::<u64>()?;
    // About 100 in practice; with each Machine's every step written upwards it would be twice that.
    ensure!(writes < 150, "{writes} writes");
    let before = world.objects().await?;
    world.stop_layer().await?;
    world.run_layer();
    // Nothing is to be done, and a restarted layer finds that out without a write.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let after = world.objects().await?;
    let written = before.iter().zip(&after).filter(|(before, after)| before != after);
    let written: Vec<_> = written
        .map(|(before, after)| format!("\n{}\n{}", before["status"], after["status"]))
        .collect();
    ensure!(
        world.revision().await? == revision,
        "a restart wrote:{}",
        written.concat()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_scales_both_ways_upgrades_one_at_a_time_and_goes_in_order() -> Result<()> {
    let world = World::start(102, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;

    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
        .await?;
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 3}}))
        .await?;
    world.settled(3, 3).await?;
    let old = world.names::<Machine>().await?;

    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let watch = {
        let (api, most) = (world.api::<Machine>(), most.clone());
        tokio::spawn(async move {
            while let Ok(list) = api.list(&ListParams::default()).await {
                let joining = list
                    .iter()
                    .filter(|m| is_control_plane(m) && m.metadata.deletion_timestamp.is_none())
                    .count();
                most.fetch_max(joining, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    world.upgrade("v1.35.0").await?;
    world.settled_at("v1.35.0", 3, 3).await?;
    watch.abort();
    ensure!(
        most.load(std::sync::atomic::Ordering::Relaxed) <= 4,
        "more than one control-plane machine at a time"
    );
    let new = world.names::<Machine>().await?;
    ensure!(old.is_disjoint(&new), "{old:?} {new:?}");
    let versions: BTreeSet<_> = world
        .nodes()
        .await?
        .into_iter()
        .filter_map(|node| Some(node.status?.node_info?.kubelet_version))
        .collect();
    ensure!(versions == BTreeSet::from(["v1.35.0".to_owned()]), "{versions:?}");
    ensure!(world.nodes().await?.len() == 6, "the old Nodes are gone");
    world.only_one_set().await?;

    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 1}}))
        .await?;
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 0}}))
        .await?;
    world.settled_at("v1.35.0", 1, 0).await?;

    world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
    gone(&world).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_delete_replaces_what_somebody_deletes_and_workers_wait_for_the_control_plane() -> Result<()> {
    let world = World::start(106, &[]).await?;
    world.create_cluster(2, "small").await?;
    world.settled(1, 2).await?;
    world.template("other", "v1.34.0", "small").await?;
    let other = reference::<VSphereMachineTemplate>("other");
    let template = json!({"spec": {"infrastructureRef": other}});
    let on_delete = json!({"strategy": {"type": "OnDelete", "rollingUpdate": null}});
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"rollout": on_delete, "template": template}}))
        .await?;
    let up_to_date = |count: i32| {
        move |pool: &MachineDeployment| {
            let status = &pool.status;
            status.up_to_date_replicas == Some(count)
                && status.replicas == Some(2)
                && status.available_replicas == Some(2)
        }
    };
    world.until("dev-a", "two of an older template", up_to_date(0)).await?;
    let old = world.workers().await?;
    for (deleted, machine) in (1..).zip(&old) {
        world.api::<Machine>().delete(machine, &DeleteParams::default()).await?;
        world.until("dev-a", "one more replaced", up_to_date(deleted)).await?;
        let left: BTreeSet<_> = world.workers().await?.intersection(&old).cloned().collect();
        ensure!(i32::try_from(left.len())? == 2 - deleted, "{left:?} of {old:?}");
    }
    world.only_one_set().await?;

    // A newer version than the control plane's.
    let newer =
        json!({"template": {"spec": {"version": "v1.35.0"}}, "rollout": {"strategy": {"type": "RollingUpdate"}}});
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": newer}))
        .await?;
    world
        .until::<MachineDeployment>("dev-a", "that it waits", |pool| {
            pool.condition(condition::SCALING_UP).is_some_and(|condition| {
                condition
                    .message
                    .contains("v1.35.0 is newer than the control plane's v1.34.0")
            })
        })
        .await?;
    ensure!(world.workers().await?.len() == 2, "a worker was made");
    world.upgrade("v1.35.0").await?;
    world.settled_at("v1.35.0", 1, 2).await?;
    Ok(())
}
