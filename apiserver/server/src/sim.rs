//! The simulated VMs of an embedded supervisor, and the ConfigMap that sets their delays and faults.

use std::sync::Arc;

use futures::TryStreamExt as _;
use generic_apiserver::storage::redb::Engine;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    runtime::{WatchStreamExt as _, watcher},
};
use sim_driver::Sim;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    catalogue::{SIM_CONFIG_KEY, SIM_CONFIG_MAP},
    roles::SYSTEM_NAMESPACE,
};

/// Starts the driver from its ledger, and follows the ConfigMap.
pub(crate) async fn start(
    engine: &Arc<Engine>,
    client: kube::Client,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<Arc<Sim>> {
    let sim = Sim::start(engine.clone(), sim_driver::Config::default()).await?;
    let follower = follow(client, sim.clone());
    let stop = stop.clone();
    tasks.spawn(async move { stop.run_until_cancelled(follower).await.unwrap_or(Ok(())) });
    Ok(sim)
}

/// Hands each version of the ConfigMap to the driver. One that can't be read changes nothing, and is told in the log.
async fn follow(client: kube::Client, sim: Arc<Sim>) -> anyhow::Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client, SYSTEM_NAMESPACE);
    let only = watcher::Config::default().fields(&format!("metadata.name={SIM_CONFIG_MAP}"));
    let mut changes = std::pin::pin!(watcher(maps, only).default_backoff().applied_objects());
    loop {
        match changes.try_next().await {
            Ok(Some(map)) => configure(&sim, &map),
            Ok(None) => anyhow::bail!("the watch of ConfigMap {SIM_CONFIG_MAP} ended"),
            Err(error) => tracing::warn!(%error, "watching ConfigMap {SIM_CONFIG_MAP}"),
        }
    }
}

fn configure(sim: &Sim, map: &ConfigMap) {
    let text = map
        .data
        .as_ref()
        .and_then(|data| data.get(SIM_CONFIG_KEY))
        .map_or("", String::as_str);
    match sim_driver::Config::from_yaml(text) {
        Ok(config) => sim.configure(config),
        Err(error) => {
            tracing::warn!(%error, "ConfigMap {SIM_CONFIG_MAP}: {SIM_CONFIG_KEY} is not usable; the last one stays");
        }
    }
}
