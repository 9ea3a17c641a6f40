//! Garbage collection as users meet it.

use serde_json::{Value, json};

use crate::support::{TestCluster, config_map, owned};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn at(name: &str) -> String {
    format!("{MAPS}/{name}")
}

fn owners(object: &Value) -> usize {
    object["metadata"]["ownerReferences"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn dependents_go_after_their_owner() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let owner = admin.create(MAPS, config_map("owner")).await.ok();
    let child = admin.create(MAPS, owned("child", &owner, false)).await.ok();
    admin.create(MAPS, owned("grandchild", &child, false)).await.ok();
    admin.create(MAPS, config_map("bystander")).await.ok();

    admin.delete(&at("owner"), "Background").await.ok();
    admin.until_gone(&at("child")).await;
    admin.until_gone(&at("grandchild")).await;
    admin.get(&at("bystander")).await.ok();
}

#[tokio::test]
async fn an_object_with_another_owner_stays_and_loses_the_reference() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let first = admin.create(MAPS, config_map("first")).await.ok();
    let second = admin.create(MAPS, config_map("second")).await.ok();
    let mut shared = owned("shared", &first, false);
    let reference = owned("x", &second, false)["metadata"]["ownerReferences"][0].clone();
    shared["metadata"]["ownerReferences"]
        .as_array_mut()
        .unwrap()
        .push(reference);
    admin.create(MAPS, shared).await.ok();

    admin.delete(&at("first"), "Background").await.ok();
    let left = admin
        .until(&at("shared"), "one owner", |shared| owners(&shared.body) == 1)
        .await
        .ok();
    assert_eq!(left["metadata"]["ownerReferences"][0]["name"], "second");
    admin.delete(&at("second"), "Background").await.ok();
    admin.until_gone(&at("shared")).await;
}

#[tokio::test]
async fn foreground_deletion_waits_for_blocking_dependents() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let owner = admin.create(MAPS, config_map("owner")).await.ok();
    let mut child = owned("child", &owner, true);
    child["metadata"]["finalizers"] = json!(["example.com/wait"]);
    admin.create(MAPS, child).await.ok();

    let going = admin.delete(&at("owner"), "Foreground").await.ok();
    assert_eq!(going["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    admin
        .until(&at("child"), "the child's deletion", |child| {
            !child.body["metadata"]["deletionTimestamp"].is_null()
        })
        .await;
    admin.get(&at("owner")).await.ok();

    admin
        .merge(&at("child"), json!({"metadata": {"finalizers": null}}))
        .await
        .ok();
    admin.until_gone(&at("child")).await;
    admin.until_gone(&at("owner")).await;
}

#[tokio::test]
async fn orphaned_dependents_stay() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let owner = admin.create(MAPS, config_map("owner")).await.ok();
    admin.create(MAPS, owned("child", &owner, true)).await.ok();
    admin.delete(&at("owner"), "Orphan").await.ok();
    admin.until_gone(&at("owner")).await;
    assert_eq!(owners(&admin.get(&at("child")).await.ok()), 0);
}

#[tokio::test]
async fn an_owner_is_meant_by_uid() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let mut stranger = admin.create(MAPS, config_map("owner")).await.ok();
    stranger["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000".into();
    admin.create(MAPS, owned("late", &stranger, false)).await.ok();
    admin.until_gone(&at("late")).await;
    admin.get(&at("owner")).await.ok();
}

#[tokio::test]
async fn owners_of_kinds_that_are_not_served_are_never_taken_for_absent() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let foreign = json!({"apiVersion": "elsewhere.io/v1", "kind": "Thing", "metadata": {"name": "t", "uid": "u"}});
    admin.create(MAPS, owned("foreign", &foreign, false)).await.ok();
    // The collector works in the order of changes: once it has taken this one, it has seen the first.
    let ghost = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t", "uid": "u"}});
    admin.create(MAPS, owned("ghost", &ghost, false)).await.ok();
    admin.until_gone(&at("ghost")).await;
    admin.get(&at("foreign")).await.ok();
}

#[tokio::test]
async fn a_cluster_scoped_owner_owns_across_scopes_and_a_restart_finishes_the_work() {
    let engine = generic_apiserver::storage::redb::Engine::in_memory().unwrap();
    let cluster = TestCluster::over(&engine, "c/", |_| {}).await;
    let admin = cluster.admin();
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}});
    let node = admin.create("/api/v1/nodes", node).await.ok();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": owned("n", &node, false)["metadata"].clone(), "spec": {"holderIdentity": "n"},
    });
    admin
        .create("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease)
        .await
        .ok();
    cluster.cluster.stop().await;
    admin.delete("/api/v1/nodes/n", "Background").await.ok();
    admin
        .get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n")
        .await
        .ok();
    drop((admin, cluster));

    let cluster = TestCluster::over(&engine, "c/", |_| {}).await;
    cluster
        .admin()
        .until_gone("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n")
        .await;
}

#[tokio::test]
async fn many_dependents_go_together() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let owner = admin.create(MAPS, config_map("owner")).await.ok();
    let create = (0..1000).map(|number| admin.create(MAPS, owned(&format!("d{number}"), &owner, true)));
    futures::future::join_all(create)
        .await
        .into_iter()
        .for_each(|answer| drop(answer.ok()));
    let started = std::time::Instant::now();
    admin.delete(&at("owner"), "Foreground").await.ok();
    admin.until_gone(&at("owner")).await;
    println!("1000 dependents gone in {:?}", started.elapsed());
    assert_eq!(admin.get(MAPS).await.ok()["items"], json!([]));
}
