//! What a guest passes through.

use anyhow::{Context, Result, ensure};
use guestcluster_types::{
    GuestCluster, Phase,
    upstream::{
        capi::{Cluster, MachineDeployment},
        capv::{VSphereCluster, VSphereMachineTemplate},
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
    },
};
use kube::{ResourceExt, api::DeleteParams};
use serde_json::json;

use crate::supervisor::PATIENCE;

use super::world::{World, message, phase, ready, step};

#[tokio::test]
async fn a_guest_lives_from_its_creation_to_its_deletion() -> Result<()> {
    let world = World::start().await?;
    let created = world.create_guest(json!({})).await?;
    world.bring_up().await?;
    let guest = world.guest("Ready", ready).await?;
    assert_eq!(
        (phase(&guest), step(&guest), message(&guest).as_str()),
        (Some(Phase::Running), 10, "")
    );
    let status = guest.status.clone().context("status")?;
    assert_eq!(status.guest_uid, created.uid());
    assert_eq!(status.api_endpoint.context("endpoint")?.to_string(), "10.20.0.17:6443");
    assert_eq!(
        status.distribution.context("distribution")?.version.as_deref(),
        Some("v1.34.2")
    );
    let cluster = world.api::<Cluster>().get("dev").await?;
    assert_eq!(
        cluster.labels().get("guestclusters.dev/guest-uid"),
        created.uid().as_ref()
    );
    assert!(cluster.owner_references().is_empty());

    // Scaling one pool writes that pool alone.
    let before = world
        .api::<KubeadmControlPlane>()
        .get("dev-cp")
        .await?
        .resource_version();
    world
        .change::<GuestCluster>(
            "dev",
            json!({"spec": {"topology": {"nodePools": [
        {"name": "default", "replicas": 4, "vmClass": "small", "storageClass": "gold"}]}}}),
        )
        .await?;
    world
        .object("dev-default", "scaled", |pool: &MachineDeployment| {
            pool.spec.replicas == Some(4)
        })
        .await?;
    world.gone::<MachineDeployment>("dev-extra").await?;
    world.report_counts("v1.34.2").await?;
    let guest = world
        .guest("Running with 4", |guest| {
            ready(guest) && phase(guest) == Some(Phase::Running)
        })
        .await?;
    assert_eq!(guest.status.and_then(|status| status.replicas), Some(4));
    assert_eq!(
        world
            .api::<KubeadmControlPlane>()
            .get("dev-cp")
            .await?
            .resource_version(),
        before
    );
    for template in world.names::<KubeadmConfigTemplate>().await? {
        if template.starts_with("dev-extra-") {
            world.gone::<KubeadmConfigTemplate>(&template).await?;
        }
    }

    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    for names in [
        world.names::<Cluster>().await?,
        world.names::<VSphereCluster>().await?,
        world.names::<KubeadmControlPlane>().await?,
        world.names::<MachineDeployment>().await?,
        world.names::<VSphereMachineTemplate>().await?,
        world.names::<KubeadmConfigTemplate>().await?,
    ] {
        assert_eq!(names, Vec::<String>::new());
    }
    world.layer.stop().await
}

#[tokio::test]
async fn an_upgrade_replaces_the_control_plane_before_the_pools() -> Result<()> {
    let world = World::start().await?;
    world.create_guest(json!({})).await?;
    world.bring_up().await?;
    world.guest("Ready", ready).await?;
    world
        .change::<GuestCluster>("dev", json!({"spec": {"distribution": {"version": "v1.35"}}}))
        .await?;
    let is_told = |control_plane: &KubeadmControlPlane| control_plane.spec.version == "v1.35.0";
    world.object("dev-cp", "told", is_told).await?;
    let guest = world
        .guest("Updating", |guest| phase(guest) == Some(Phase::Updating))
        .await?;
    assert_eq!(message(&guest), "upgrading from v1.34.2 to v1.35.0");
    let version = |pool: &MachineDeployment| pool.spec.template.spec.version.clone();
    assert_eq!(
        version(&world.api().get("dev-default").await?).as_deref(),
        Some("v1.34.2")
    );
    world.report_counts("v1.35.0").await?;
    world
        .object("dev-default", "moved", |pool| {
            version(pool).as_deref() == Some("v1.35.0")
        })
        .await?;
    world
        .object("dev-extra", "moved", |pool| version(pool).as_deref() == Some("v1.35.0"))
        .await?;
    world
        .change::<guestcluster_types::upstream::capi::Machine>("dev-cp-a", json!({"spec": {"version": "v1.35.0"}}))
        .await?;
    world.report_counts("v1.35.0").await?;
    let guest = world
        .guest("Running", |guest| ready(guest) && phase(guest) == Some(Phase::Running))
        .await?;
    let distribution = guest
        .status
        .and_then(|status| status.distribution)
        .context("distribution")?;
    assert_eq!(
        (distribution.version.as_deref(), distribution.target),
        (Some("v1.35.0"), None)
    );
    // One template for the control plane and one for each pool: the old ones go when nothing is made from them.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let templates = world.names::<VSphereMachineTemplate>().await?;
        if templates.len() == 3 {
            break;
        }
        ensure!(
            tokio::time::Instant::now() < deadline,
            "old templates stay: {templates:?}"
        );
        tokio::task::yield_now().await;
    }
    world.layer.stop().await
}

#[tokio::test]
async fn a_pause_stops_and_its_end_resumes() -> Result<()> {
    let world = World::start().await?;
    world.create_guest(json!({})).await?;
    world.guest("at step 2", |guest| step(guest) == 2).await?;
    let paused = json!({"spec": {"paused": true, "topology": {"controlPlane": {"replicas": 3}}}});
    world.change::<GuestCluster>("dev", paused).await?;
    world
        .object("dev", "paused", |cluster: &Cluster| cluster.spec.paused == Some(true))
        .await?;
    let guest = world
        .guest("said to be paused", |guest| message(guest).starts_with("paused"))
        .await?;
    assert_eq!(guest.spec.topology.control_plane.replicas, 3);
    assert_eq!(
        world.api::<KubeadmControlPlane>().get("dev-cp").await?.spec.replicas,
        Some(1)
    );
    world
        .change::<GuestCluster>("dev", json!({"spec": {"paused": false}}))
        .await?;
    world
        .object("dev", "resumed", |cluster: &Cluster| cluster.spec.paused != Some(true))
        .await?;
    world
        .object("dev-cp", "scaled", |live: &KubeadmControlPlane| {
            live.spec.replicas == Some(3)
        })
        .await?;
    world
        .change::<GuestCluster>("dev", json!({"spec": {"paused": true}}))
        .await?;
    world
        .object("dev", "paused", |cluster: &Cluster| cluster.spec.paused == Some(true))
        .await?;
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.layer.stop().await
}
