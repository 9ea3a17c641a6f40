//! A kube-apiserver that is away for a while.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::OnHost;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_host_changes_nothing_and_what_was_under_way_goes_on() -> Result<()> {
    let mut host = OnHost::start().await?;
    let mut world = host.world().await?;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    world.settled("dev").await?;
    let writes = host.quiet().await?;
    let settled = world.guest("dev", "is there", |_| true).await?;
    restart(&mut host);
    // The longest pause of a watch that failed, and some more.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let after = world.guest("dev", "is there", |_| true).await?;
    assert_eq!(after.status, settled.status);
    assert_eq!(host.writes(), writes, "{:#?}", host.asked());

    let before = world.machines().await?;
    for name in ["test", "prod"] {
        world.create_guest(name, json!({})).await?;
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    restart(&mut host);
    for name in ["dev", "test", "prod"] {
        world.settled(name).await?;
    }
    let machines = world.machines().await?;
    assert_eq!(machines.len(), 3 * before.len(), "none twice: {machines:#?}");
    assert!(before.iter().all(|(name, uid)| machines.get(name) == Some(uid)));
    world.stop().await
}

fn restart(host: &mut OnHost) {
    tokio::task::block_in_place(|| {
        host.host.stop_apiserver();
        host.host.start_apiserver();
    });
}
