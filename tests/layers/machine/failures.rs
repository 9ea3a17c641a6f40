//! What goes wrong on the way.

use anyhow::{Context, Result, ensure};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, condition},
    capv::VSphereMachineTemplate,
    kubeadm::{KubeadmConfig, KubeadmControlPlane},
    vmoperator::VirtualMachine,
};
use kube::api::DeleteParams;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;

use super::world::{World, gone, reference};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blocks_a_vm_is_said_at_the_top_and_a_mended_template_heals_it() -> Result<()> {
    let world = World::start(103, &["huge"]).await?;
    world.create_cluster(1, "huge").await?;
    let blocked = world
        .cluster("blocked cluster", |cluster| {
            cluster
                .condition(condition::CONTROL_PLANE_INITIALIZED)
                .is_some_and(|condition| condition.message.contains("huge"))
        })
        .await?;
    let condition = blocked
        .condition(condition::CONTROL_PLANE_MACHINES_READY)
        .context("no condition")?;
    ensure!(
        condition.reason == "NotFound" && condition.message.contains("class \"huge\" does not exist"),
        "{condition:?}"
    );

    let small = reference::<VSphereMachineTemplate>("small-1");
    world
        .patch::<KubeadmControlPlane>(
            "dev-cp",
            json!({"spec": {"machineTemplate": {"spec": {"infrastructureRef": small}}}}),
        )
        .await?;
    world.settled(1, 1).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_doubles_and_leaves_nothing() -> Result<()> {
    for seed in 0..3_u8 {
        let mut random = StdRng::seed_from_u64(seed.into());
        let mut world = World::start(110 + seed, &[]).await?;
        world.create_cluster(2, "small").await?;
        world.run_and_kill(&mut random).await;
        world.settled(1, 2).await?;
        ensure!(world.vms.booted().await.len() == 3, "seed {seed}: a VM too many booted");

        world
            .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
            .await?;
        world
            .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 4}}))
            .await?;
        world.run_and_kill(&mut random).await;
        world.settled(3, 4).await?;
        ensure!(world.vms.booted().await.len() == 7, "seed {seed}: a VM too many booted");

        world.upgrade("v1.35.0").await?;
        world.run_and_kill(&mut random).await;
        world.settled_at("v1.35.0", 3, 4).await?;
        ensure!(
            world.vms.booted().await.len() == 14,
            "seed {seed}: a VM too many booted"
        );
        let machines = world.names::<Machine>().await?;
        world.only_one_set().await?;
        ensure!(
            machines == world.names::<VirtualMachine>().await? && machines == world.names::<KubeadmConfig>().await?
        );

        world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
        world.run_and_kill(&mut random).await;
        gone(&world).await?;
    }
    Ok(())
}
