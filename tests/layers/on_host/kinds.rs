//! Definitions that are installed late, removed, or served at another version.

use anyhow::{Context, Result};
use guestcluster_types::{Phase, upstream::crds::CRDS};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::OnHost;
use crate::all_layers::{World, eventually, ready};

const TEMPLATES: &str = "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io";
const VMS: &str = "virtualmachines.vmoperator.vmware.com";
const SETS: &str = "machinesets.cluster.x-k8s.io";

impl OnHost {
    async fn remove(&self, name: &str) -> Result<()> {
        self.definitions().delete(name, &DeleteParams::default()).await?;
        eventually(&format!("{name} is gone"), async || {
            Ok(self
                .definitions()
                .get_opt(name)
                .await?
                .map(|_| "it is there".to_owned()))
        })
        .await
    }

    async fn install(&self, name: &str) -> Result<()> {
        self.define(upstream(name)?).await
    }
}

/// Upstream's definition of a resource.
fn upstream(name: &str) -> Result<Value> {
    let (_, text) = CRDS
        .iter()
        .find(|(known, _)| *known == name)
        .context("one of upstream's")?;
    Ok(serde_json::from_str(text)?)
}

async fn is_told(world: &World, part: &str) -> Result<()> {
    let is_told = |guest: &_| {
        let (reason, message) = ready(guest);
        reason == "KindNotServed" && message.contains(part)
    };
    world.guest("dev", &format!("is told {part:?}"), is_told).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_that_come_late_or_go_are_named_and_found_again() -> Result<()> {
    let host = OnHost::start().await?;
    let mut world = host.world().await?;
    for name in [TEMPLATES, VMS, SETS] {
        host.remove(name).await?;
    }
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    is_told(
        &world,
        "KubeadmConfigTemplate (install Cluster API's kubeadm bootstrap provider's CRDs",
    )
    .await?;

    let mut old = upstream(TEMPLATES)?;
    for version in old["spec"]["versions"].as_array_mut().context("versions")? {
        version["name"] = "v1alpha9".into();
    }
    host.define(old).await?;
    is_told(
        &world,
        "only at v1alpha9 (upgrade Cluster API's kubeadm bootstrap provider)",
    )
    .await?;

    host.remove(TEMPLATES).await?;
    for name in [TEMPLATES, VMS, SETS] {
        host.install(name).await?;
    }
    world.settled("dev").await?;
    let before = world.machines().await?;

    // Nothing keeps the templates, so that they go with their definition; the guest goes on without them.
    host.remove(TEMPLATES).await?;
    is_told(&world, "KubeadmConfigTemplate").await?;
    let guest = world.guest("dev", "is there", |_| true).await?;
    assert_eq!(guest.status.and_then(|status| status.phase), Some(Phase::Running));
    host.install(TEMPLATES).await?;
    world.settled("dev").await?;
    assert_eq!(world.machines().await?, before, "no machine is replaced");
    world.delete_guest("dev").await?;
    world.stop().await
}
