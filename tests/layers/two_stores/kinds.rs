//! Kinds that are not served yet, go, and come back; rights that are missing.

use anyhow::Result;
use generic_apiserver::authn::User;
use guestcluster_types::{
    GuestCluster, Phase,
    upstream::{capi::Cluster, capv::VSphereCluster},
};
use serde_json::json;

use super::front::Front;
use crate::all_layers::{World, eventually, ready};

const CAPI: &str = "cluster.x-k8s.io";
const BOOTSTRAP: &str = "bootstrap.cluster.x-k8s.io";
const CONTROL_PLANE: &str = "controlplane.cluster.x-k8s.io";
const CAPV: &str = "vmware.infrastructure.cluster.x-k8s.io";
const TOPOLOGY: &str = "topology.tanzu.vmware.com";
const VM_OPERATOR: &str = "vmoperator.vmware.com";

fn says(guest: &GuestCluster, reason: &str, parts: &[&str]) -> bool {
    let (said, message) = ready(guest);
    said == reason && parts.iter().all(|part| message.contains(part))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_that_start_before_their_kinds_go_on_when_they_are_there() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    front.hide(&[CAPI, BOOTSTRAP, CONTROL_PLANE, CAPV, VM_OPERATOR]);
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    let all = [
        "does not serve Cluster, MachineDeployment, Machine (install Cluster API's CRDs, cluster.x-k8s.io/v1beta2)",
        "KubeadmControlPlane (install",
        "KubeadmConfigTemplate (install",
        "VSphereCluster, VSphereMachineTemplate, VSphereMachine (install",
    ];
    let guest = world
        .guest("dev", "is told all", |guest| says(guest, "KindNotServed", &all))
        .await?;
    let (_, ready_message) = ready(&guest);
    let status = guest.status.unwrap_or_default();
    assert_eq!(status.phase, Some(Phase::Pending));
    assert_eq!(
        status.message.as_deref(),
        Some(ready_message.as_str()),
        "what kubectl guest create shows"
    );
    assert!(status.operation.is_some(), "without, it shows nothing");
    assert!(
        !world.metrics().contains("orphan"),
        "nobody knows whether there are any"
    );

    // One of the guest layer's, and two that only the layers below need.
    front.show_all();
    front.hide(&[
        "kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io",
        "machinesets.cluster.x-k8s.io",
        VM_OPERATOR,
    ]);
    let one = ["does not serve KubeadmConfigTemplate (install"];
    let is_alone =
        |guest: &GuestCluster| says(guest, "KindNotServed", &one) && !says(guest, "KindNotServed", &all[..1]);
    world.guest("dev", "is told the last one", is_alone).await?;
    assert!(
        world.api::<Cluster>().get_opt("dev").await?.is_none(),
        "nothing is written by halves"
    );

    front.show_all();
    world.settled("dev").await?;
    world.delete_guest("dev").await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_that_wait_for_a_kind_can_be_stopped() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    front.hide(&["virtualmachineclasses.vmoperator.vmware.com"]);
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    eventually("a VM waits for its class", async || {
        let vms = world.machines().await?;
        Ok((!vms.keys().any(|name| name.starts_with("VirtualMachine/"))).then(|| format!("{vms:?}")))
    })
    .await?;
    world.stop_layers().await?;

    world.run_layers();
    front.show_all();
    world.settled("dev").await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_go_leave_a_guest_as_it_was_until_they_are_back() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    let settled = world.settled("dev").await?.status.unwrap_or_default();
    let before = world.machines().await?;

    front.hide(&[CAPV, "virtualmachines.vmoperator.vmware.com"]);
    let parts = ["VSphereCluster", "vmware.infrastructure.cluster.x-k8s.io/v1beta2"];
    let told = world
        .guest("dev", "is told", |guest| says(guest, "KindNotServed", &parts))
        .await?;
    let status = told.status.unwrap_or_default();
    assert_eq!(status.control_plane, settled.control_plane, "what was known stays");
    assert_eq!(
        (status.phase, status.api_endpoint),
        (settled.phase, settled.api_endpoint)
    );

    front.show_all();
    world.settled("dev").await?;
    assert_eq!(world.machines().await?, before, "nothing was taken for gone");
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_is_named_and_found_when_it_is_given() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    let name = "system:serviceaccount:guestclusters-system:guestcluster-controller";
    bind(&world, "most", name, &[CAPI, CONTROL_PLANE, CAPV]).await?;
    world.run_layers_with(front.client(User {
        name: name.to_owned(),
        ..User::default()
    }));
    world.create_guest("dev", json!({})).await?;
    let parts = [
        name,
        r#"cannot list resource "kubeadmconfigtemplates" in API group "bootstrap.cluster.x-k8s.io""#,
    ];
    world
        .guest("dev", "is told", |guest| says(guest, "RightMissing", &parts))
        .await?;

    bind(&world, "more", name, &[BOOTSTRAP]).await?;
    let parts = [
        name,
        r#"resource "secrets" in API group "" in the namespace "guestclusters-system""#,
    ];
    world
        .guest("dev", "is told of the next one", |guest| {
            says(guest, "RightMissing", &parts)
        })
        .await?;

    bind(&world, "rest", name, &[""]).await?;
    world.settled("dev").await?;
    eventually("orphans are counted", async || {
        Ok(world.metrics().is_empty().then(String::new))
    })
    .await?;
    world.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_without_zones_runs_guests_and_is_noticed_when_it_has_some() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    front.hide(&[TOPOLOGY]);
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    world.settled("dev").await?;
    has_zones(&world, &[]).await?;

    front.show_all();
    let zone = json!({"metadata": {"name": "a"}});
    world
        .create(&format!("{TOPOLOGY}/v1alpha1"), "AvailabilityZone", zone)
        .await?;
    has_zones(&world, &["a"]).await?;

    // What was known counts while the kind is away.
    front.hide(&[TOPOLOGY]);
    let three = json!({"spec": {"topology": {"controlPlane": {"replicas": 3}}}});
    world.change("dev", &three).await?;
    let has_three = |guest: &GuestCluster| {
        let status = guest.status.as_ref();
        let control_plane = status.and_then(|status| status.control_plane.as_ref());
        control_plane.is_some_and(|control_plane| control_plane.ready == 3)
    };
    world.guest("dev", "has three members", has_three).await?;
    has_zones(&world, &["a"]).await?;
    world.stop().await
}

async fn has_zones(world: &World, names: &[&str]) -> Result<()> {
    eventually(&format!("the zones {names:?}"), async || {
        let object = world.api::<VSphereCluster>().get("dev").await?;
        let domains = object.status.failure_domains.iter();
        let domains: Vec<_> = domains.map(|domain| domain.name.as_str()).collect();
        Ok((domains != names).then(|| format!("{domains:?}")))
    })
    .await
}

/// Gives a user all rights in these groups.
async fn bind(world: &World, role: &str, user: &str, groups: &[&str]) -> Result<()> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    let rules = json!([{"apiGroups": groups, "resources": ["*"], "verbs": ["*"]}]);
    let object = json!({"metadata": {"name": role}, "rules": rules});
    world.create(&format!("{RBAC}/v1"), "ClusterRole", object).await?;
    let object = json!({"metadata": {"name": role}, "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": user}]});
    world.create(&format!("{RBAC}/v1"), "ClusterRoleBinding", object).await
}
