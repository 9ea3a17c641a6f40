//! What a garbage collector of the host could follow.

use anyhow::Result;
use kube::{
    Api,
    api::ListParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::json;

use super::front::Front;
use crate::all_layers::World;

/// No owner of any object of the host may be in our group: the host's collector would remove what it owns when our store is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_on_the_host_is_owned_by_what_our_store_has() -> Result<()> {
    let front = Front::start().await?;
    let mut world = World::over(front.root()).await?;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    world.settled("dev").await?;
    check_owners(&world).await?;

    let pool = json!({"name": "default", "replicas": 2, "vmClass": "small", "storageClass": "gold"});
    let scale = json!({"spec": {"topology": {"controlPlane": {"replicas": 3}, "nodePools": [pool]}}});
    world.change("dev", &scale).await?;
    world.settled("dev").await?;
    check_owners(&world).await?;

    world
        .change("dev", &json!({"spec": {"distribution": {"version": "v1.35"}}}))
        .await?;
    world.settled("dev").await?;
    let kinds = check_owners(&world).await?;
    for kind in [
        "Cluster",
        "KubeadmControlPlane",
        "Machine",
        "VSphereMachine",
        "VirtualMachine",
        "KubeadmConfig",
        "Secret",
    ] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} is among {kinds:?}");
    }
    world.delete_guest("dev").await?;
    world.stop().await
}

/// Looks at all objects of all kinds of the host, and answers the kinds of which there are some.
async fn check_owners(world: &World) -> Result<Vec<String>> {
    let mut kinds = vec![];
    for resource in resources(world).await? {
        let api: Api<DynamicObject> = Api::all_with(world.client.clone(), &resource);
        let objects = api.list(&ListParams::default()).await?;
        for object in &objects {
            let owners = object.metadata.owner_references.iter().flatten();
            let ours: Vec<_> = owners
                .filter(|owner| owner.api_version.starts_with("guestclusters.dev/"))
                .collect();
            assert!(
                ours.is_empty(),
                "{} {:?}: {ours:#?}",
                resource.kind,
                object.metadata.name
            );
        }
        if !objects.items.is_empty() {
            kinds.push(resource.kind.clone());
        }
    }
    Ok(kinds)
}

/// Every kind of the host that can be listed, as discovery tells.
async fn resources(world: &World) -> Result<Vec<ApiResource>> {
    let mut all = vec![];
    let groups = world.client.list_api_groups().await?.groups;
    for group in &groups {
        for version in &group.versions {
            let list = world.client.list_api_group_resources(&version.group_version).await?;
            all.extend(listable(&group.name, &version.version, list.resources));
        }
    }
    let core = world.client.list_core_api_resources("v1").await?;
    all.extend(listable("", "v1", core.resources));
    Ok(all)
}

fn listable(
    group: &str,
    version: &str,
    resources: Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource>,
) -> Vec<ApiResource> {
    resources
        .into_iter()
        .filter(|resource| resource.verbs.iter().any(|verb| verb == "list"))
        .map(|resource| {
            let kind = GroupVersionKind::gvk(group, version, &resource.kind);
            ApiResource::from_gvk_with_plural(&kind, &resource.name)
        })
        .collect()
}
