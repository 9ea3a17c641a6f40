//! A paused cluster is left alone and says so, and goes on where it was.

use anyhow::{Result, bail, ensure};
use guestcluster_types::upstream::capi::{Cluster, Machine, MachineDeployment};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::world::World;
use crate::supervisor::PATIENCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_cluster_says_so_everywhere_and_changes_nothing() -> Result<()> {
    let world = World::start(107, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;

    let paused = |paused: bool| json!({"spec": {"paused": paused}});
    world.patch::<Cluster>("dev", paused(true)).await?;
    all_say(&world, "True", "Paused").await?;
    let machines = world.names::<Machine>().await?;
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 2}}))
        .await?;
    world.quiet().await?;
    ensure!(world.names::<Machine>().await? == machines, "a Machine was made");

    world.patch::<Cluster>("dev", paused(false)).await?;
    world.settled(1, 2).await?;
    all_say(&world, "False", "NotPaused").await
}

/// Waits until every object that this layer describes has the condition so.
async fn all_say(world: &World, status: &str, reason: &str) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let objects = world.objects().await?;
        let silent: Vec<_> = objects
            .iter()
            .filter(|object| is_described(object) && !says(object, status, reason))
            .map(|object| format!("{} {}", object["kind"], object["metadata"]["name"]))
            .collect();
        if silent.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("these do not say {status} {reason}: {}", silent.join(", "));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What is below is the VM layer's to describe.
fn is_described(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    !version.starts_with("vmoperator.vmware.com/")
}

fn says(object: &Value, status: &str, reason: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Paused" && condition["status"] == status && condition["reason"] == reason
    })
}
