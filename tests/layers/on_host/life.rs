//! The whole life of a guest.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{OnHost, strict};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_created_rests_and_is_scaled_upgraded_and_deleted() -> Result<()> {
    let host = OnHost::start().await?;
    host.use_published_definitions().await?;
    let mut world = host.world().await?;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    strict::create_guest_with_everything(&world, "all").await?;
    for name in ["dev", "all"] {
        world
            .settled(name)
            .await
            .with_context(|| format!("{:#?}", host.refusals.lock()))?;
    }

    // Lower layers may count once more after the guest is Ready.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = host.asked();
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(host.asked(), before, "at rest nothing is read or written");

    let pool = json!({"name": "default", "replicas": 2, "vmClass": "small", "storageClass": "gold"});
    let scale = json!({"spec": {"topology": {"controlPlane": {"replicas": 3}, "nodePools": [pool]}}});
    world.change("dev", &scale).await?;
    world.settled("dev").await?;
    world
        .change("dev", &json!({"spec": {"distribution": {"version": "v1.35"}}}))
        .await?;
    world.settled("dev").await?;
    assert_eq!(world.machines().await?.len(), 2 * (5 + 2));
    for name in ["dev", "all"] {
        world.delete_guest(name).await?;
    }
    assert!(world.machines().await?.is_empty());
    assert_eq!(
        *host.refusals.lock(),
        Vec::<String>::new(),
        "all that is written is as upstream defines it"
    );
    world.stop().await
}
