//! A namespace that goes with everything in it.

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use super::OnHost;
use crate::all_layers::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_with_running_guests_goes() -> Result<()> {
    let host = OnHost::start().await?;
    let mut world = host.world().await?;
    world.run_layers();
    for name in ["dev", "test"] {
        world.create_guest(name, json!({})).await?;
    }
    for name in ["dev", "test"] {
        world.settled(name).await?;
    }
    let namespaces: Api<Namespace> = Api::all(host.client.clone());
    let before = host.writes();
    namespaces.delete("team-a", &DeleteParams::default()).await?;
    eventually("the namespace is gone", async || {
        let namespace = namespaces.get_opt("team-a").await?;
        Ok(namespace.map(|namespace| format!("{:#?}", namespace.status)))
    })
    .await?;
    // What can't be made there any more is not tried again and again.
    let writes = host.writes() - before;
    assert!(writes < 500, "{writes} writes: {:#?}", host.asked());
    world.stop().await
}
