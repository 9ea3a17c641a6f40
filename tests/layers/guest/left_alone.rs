//! What is not touched, and what can't be.

use anyhow::{Context, Result};
use guestcluster_types::{
    GuestCluster, Phase,
    upstream::{capi::Cluster, capv::VSphereMachineTemplate, kubeadm::KubeadmControlPlane},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;

use super::world::{World, message, phase, reason, step};
use crate::supervisor::{Kinds, Supervisor};

#[tokio::test]
async fn a_name_that_is_taken_is_left_alone() -> Result<()> {
    let world = World::start().await?;
    let spec = json!({"clusterNetwork": {"serviceDomain": "hand.made"}, "infrastructureRef": {"apiGroup": "x.io", "kind": "X", "name": "x"}});
    let cluster =
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "dev"}, "spec": spec});
    world.create(cluster).await?;
    let made = world.api::<Cluster>().get("dev").await?;
    world.create_guest(json!({})).await?;
    let guest = world
        .guest("Failed", |guest| phase(guest) == Some(Phase::Failed))
        .await?;
    assert_eq!(reason(&guest), "NameTaken");
    assert!(
        message(&guest).starts_with("Cluster dev exists in namespace team-a and does not belong"),
        "{}",
        message(&guest)
    );
    assert_eq!(
        world.api::<Cluster>().get("dev").await?.resource_version(),
        made.resource_version()
    );
    assert_eq!(world.names::<KubeadmControlPlane>().await?, Vec::<String>::new());
    assert_eq!(world.names::<VSphereMachineTemplate>().await?, Vec::<String>::new());
    world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
    world
        .guest("Provisioning", |guest| phase(guest) == Some(Phase::Provisioning))
        .await?;
    world.object("dev-cp", "made", |_: &KubeadmControlPlane| true).await?;
    world.layer.stop().await
}

#[tokio::test]
async fn a_lost_guestcluster_deletes_nothing_and_its_guest_can_be_adopted() -> Result<()> {
    let world = World::start().await?;
    let uid = world.create_guest(json!({})).await?.uid().context("uid")?;
    world.guest("at step 2", |guest| step(guest) == 2).await?;
    world.layer.stop().await?;
    let lost = json!({"metadata": {"finalizers": null}});
    let api: Api<GuestCluster> = Api::namespaced(world.supervisor.client.clone(), "team-a");
    api.patch("dev", &PatchParams::default(), &Patch::Merge(lost)).await?;
    api.delete("dev", &DeleteParams::default()).await?;
    let layer = world.supervisor.run_guest_layer();
    let world = World {
        supervisor: world.supervisor,
        layer,
    };
    let before = world
        .api::<KubeadmControlPlane>()
        .get("dev-cp")
        .await?
        .resource_version();
    world.create_guest(json!({})).await?;
    let guest = world
        .guest("Failed", |guest| phase(guest) == Some(Phase::Failed))
        .await?;
    assert_eq!(reason(&guest), "NameTaken", "another UID is another guest");
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.create_guest(json!({"guestclusters.dev/adopt": uid})).await?;
    let guest = world.guest("adopted", |guest| step(guest) == 2).await?;
    assert_eq!(guest.status.and_then(|status| status.guest_uid), Some(uid));
    assert_eq!(
        world
            .api::<KubeadmControlPlane>()
            .get("dev-cp")
            .await?
            .resource_version(),
        before,
        "nothing to write"
    );
    world.layer.stop().await
}

#[tokio::test]
async fn kinds_that_are_not_served_are_named() -> Result<()> {
    let supervisor = Supervisor::start(Kinds::OursAlone).await?;
    let layer = supervisor.run_guest_layer();
    let world = World { supervisor, layer };
    world.create_guest(json!({})).await?;
    let is_told = |guest: &GuestCluster| {
        message(guest).contains("does not serve") && message(guest).contains("KubeadmControlPlane")
    };
    let guest = world.guest("told", is_told).await?;
    assert_eq!(reason(&guest), "KindNotServed");
    assert_eq!(phase(&guest), Some(Phase::Pending));
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.layer.stop().await
}
