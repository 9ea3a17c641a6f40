//! Guests that are created at once, and awaited.

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use guestcluster_tests::Manifest;
use guestcluster_types::{GuestCluster, Phase};
use kube::{
    Api, Client, ResourceExt as _,
    api::PostParams,
    runtime::{WatchStreamExt as _, watcher},
};

/// Requests that are on their way at the same time.
const AT_ONCE: usize = 64;
/// Longest for all guests, beside a second for each.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long it took, from the first request on.
pub(crate) struct Times {
    /// Until the last guest was accepted.
    pub(crate) accepted: Duration,
    /// Until the last guest was Running.
    pub(crate) running: Duration,
}

/// Creates the guests in namespace team-a and waits until all are Running.
pub(crate) async fn bring_up(client: &Client, guests: u32, workers: u32) -> anyhow::Result<Times> {
    let started = Instant::now();
    create(client, guests, workers).await?;
    let accepted = started.elapsed();
    all_running(client, guests).await?;
    Ok(Times {
        accepted,
        running: started.elapsed(),
    })
}

async fn create(client: &Client, guests: u32, workers: u32) -> anyhow::Result<()> {
    let api: Api<GuestCluster> = Api::namespaced(client.clone(), "team-a");
    stream::iter(0..guests)
        .map(|number| {
            let api = api.clone();
            async move {
                let manifest = Manifest::new(&format!("g{number}"), "v1.34", 1, workers);
                let guest: GuestCluster = serde_json::from_value(manifest.object)?;
                api.create(&PostParams::default(), &guest).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn all_running(client: &Client, guests: u32) -> anyhow::Result<()> {
    let api: Api<GuestCluster> = Api::namespaced(client.clone(), "team-a");
    let mut waiting: BTreeSet<_> = (0..guests).map(|number| format!("g{number}")).collect();
    let deadline = PATIENCE + Duration::from_secs(u64::from(guests));
    let all = async {
        let mut changes = pin!(
            watcher(api, watcher::Config::default())
                .default_backoff()
                .applied_objects()
        );
        while !waiting.is_empty() {
            let guest = changes.try_next().await?.context("the watch ended")?;
            if guest.status.as_ref().and_then(|status| status.phase) == Some(Phase::Running) {
                waiting.remove(&guest.name_any());
            }
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(deadline, all).await {
        Ok(ended) => ended,
        Err(_) => bail!("after {deadline:?} not Running: {waiting:?}"),
    }
}
