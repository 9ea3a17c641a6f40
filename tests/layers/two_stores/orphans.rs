//! An empty store beside running guests.

use std::time::Duration;

use anyhow::Result;
use guestcluster_types::{GuestCluster, Phase, upstream::capi::Cluster};
use k8s_openapi::{api::core::v1::Event, apimachinery::pkg::apis::meta::v1::Time};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

use super::front::Front;
use crate::all_layers::{World, eventually, ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_store_deletes_nothing_and_names_the_orphans() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    world.run_layers();
    let mut uids = vec![];
    for name in ["dev", "test", "prod"] {
        uids.push(world.create_guest(name, json!({})).await?.uid().unwrap_or_default());
    }
    for name in ["dev", "test", "prod"] {
        world.settled(name).await?;
    }
    eventually("it is known that there are none", async || {
        Ok((gauge(&world) != Some(0)).then(|| world.metrics()))
    })
    .await?;
    let before = world.machines().await?;
    assert_eq!(before.len(), 3 * 2 * 2, "{before:#?}");

    // Our server runs the layers, so that they start again with it.
    world.stop_layers().await?;
    assert_eq!(world.metrics(), "", "nobody looks");
    front.lose_our_store().await?;
    world.run_layers();
    world.fill_ours().await?;
    eventually("all three are counted", async || {
        Ok((gauge(&world) != Some(3)).then(|| world.metrics()))
    })
    .await?;
    for (name, uid) in ["dev", "test", "prod"].iter().zip(&uids) {
        let series = format!(r#"guestcluster_orphan{{namespace="team-a",name="{name}",guest_uid="{uid}"}} 1"#);
        assert!(world.metrics().contains(&series), "{}", world.metrics());
    }
    eventually("events name all three", async || {
        let told = events(&world).await?;
        let named = |uid: &&String| {
            let how = format!("guestclusters.dev/adopt: {uid}");
            told.iter().any(|(note, _)| note.contains(&how))
        };
        Ok((uids.iter().filter(named).count() < 3).then(|| format!("{told:#?}")))
    })
    .await?;
    // A collector or a layer that took the guests for garbage would have had the time.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.machines().await?, before);
    let clusters = world.api::<Cluster>().list(&ListParams::default()).await?;
    assert!(
        clusters
            .iter()
            .all(|cluster| cluster.metadata.deletion_timestamp.is_none())
    );
    assert_eq!(events(&world).await?.len(), 3, "each is told of once");

    adopt_one_and_make_another_again(&world, &uids[0]).await?;
    assert_eq!(world.machines().await?, before, "no machine is replaced");
    start_again(&mut world).await?;
    world.stop().await
}

/// A layer that starts tells of the orphans again, by the events that there are.
async fn start_again(world: &mut World) -> Result<()> {
    let before = events(world).await?;
    world.stop_layers().await?;
    world.run_layers();
    eventually("events are told again", async || {
        let after = events(world).await?;
        // The one about the guest that was adopted is history.
        let again = after.iter().filter(|event| !before.contains(event)).count();
        Ok((again < 2).then(|| format!("{after:#?}")))
    })
    .await?;
    assert_eq!(events(world).await?.len(), before.len(), "no other objects");
    Ok(())
}

async fn adopt_one_and_make_another_again(world: &World, uid: &str) -> Result<()> {
    world
        .create_guest("dev", json!({"guestclusters.dev/adopt": uid}))
        .await?;
    let adopted = world.settled("dev").await?;
    assert_eq!(adopted.status.and_then(|status| status.guest_uid).as_deref(), Some(uid));
    eventually("the adopted one is no orphan", async || {
        Ok((gauge(world) != Some(2)).then(|| world.metrics()))
    })
    .await?;
    assert!(!world.metrics().contains(r#"name="dev""#), "{}", world.metrics());

    world.create_guest("test", json!({})).await?;
    let refused = |guest: &GuestCluster| {
        guest
            .status
            .as_ref()
            .is_some_and(|status| status.phase == Some(Phase::Failed))
            && ready(guest).0 == "NameTaken"
    };
    world.guest("test", "is refused", refused).await?;
    assert_eq!(gauge(world), Some(2), "a namesake is not its GuestCluster");
    world.delete_guest("test").await?;
    assert!(
        world.api::<Cluster>().get_opt("test").await?.is_some(),
        "the namesake takes nothing with it"
    );
    Ok(())
}

fn gauge(world: &World) -> Option<usize> {
    let page = world.metrics();
    let value = page
        .lines()
        .find_map(|line| line.strip_prefix("guestcluster_orphans "))?;
    value.parse().ok()
}

/// What events say of orphans, and when they did last.
async fn events(world: &World) -> Result<Vec<(String, Option<Time>)>> {
    let all = world.api::<Event>().list(&ListParams::default()).await?;
    let orphaned = all.into_iter().filter(|event| {
        event.reason.as_deref() == Some("Orphaned")
            && event.type_.as_deref() == Some("Warning")
            && event.involved_object.kind.as_deref() == Some("Cluster")
    });
    Ok(orphaned
        .filter_map(|event| Some((event.message?, event.last_timestamp)))
        .collect())
}
