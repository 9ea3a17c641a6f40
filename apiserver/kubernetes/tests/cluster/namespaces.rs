//! Namespaces from creation to the last object.

use serde_json::json;

use crate::support::{TestCluster, config_map};

fn namespace(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

#[tokio::test]
async fn a_cluster_starts_with_its_namespaces_and_their_service_accounts() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let found = admin.get(&format!("/api/v1/namespaces/{name}")).await.ok();
        assert_eq!(found["status"]["phase"], "Active");
        admin
            .get(&format!("/api/v1/namespaces/{name}/serviceaccounts/default"))
            .await
            .ok();
    }
    for name in ["default", "kube-public", "kube-system"] {
        assert_eq!(
            admin
                .delete(&format!("/api/v1/namespaces/{name}"), "Background")
                .await
                .refused(403),
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted")
        );
    }
}

#[tokio::test]
async fn a_new_namespace_is_active_labelled_and_has_a_service_account_that_comes_back() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let created = admin.create("/api/v1/namespaces", namespace("team-a")).await.ok();
    assert_eq!(created["status"]["phase"], "Active");
    assert_eq!(created["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(created["metadata"]["labels"]["kubernetes.io/metadata.name"], "team-a");

    let account = "/api/v1/namespaces/team-a/serviceaccounts/default";
    let first = admin
        .until(account, "the service account", |answer| answer.code == 200)
        .await
        .ok();
    admin.delete(account, "Background").await.ok();
    let is_another = |uid: &serde_json::Value| !uid.is_null() && *uid != first["metadata"]["uid"];
    admin
        .until(account, "another service account", |answer| {
            is_another(&answer.body["metadata"]["uid"])
        })
        .await;
}

#[tokio::test]
async fn nothing_is_created_in_a_missing_namespace() {
    let cluster = TestCluster::start().await;
    let refusal = cluster
        .admin()
        .create("/api/v1/namespaces/nowhere/configmaps", config_map("a"))
        .await
        .refused(404);
    assert_eq!(refusal, "namespaces \"nowhere\" not found");
}

#[tokio::test]
async fn a_deleted_namespace_takes_its_content_along() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin.create("/api/v1/namespaces", namespace("team-a")).await.ok();
    for number in 0..40 {
        admin
            .create(
                "/api/v1/namespaces/team-a/configmaps",
                config_map(&format!("a{number}")),
            )
            .await
            .ok();
    }
    admin
        .create("/api/v1/namespaces/default/configmaps", config_map("elsewhere"))
        .await
        .ok();
    let going = admin.delete("/api/v1/namespaces/team-a", "Background").await.ok();
    assert_eq!(going["status"]["phase"], "Terminating");
    admin.until_gone("/api/v1/namespaces/team-a").await;
    let left = admin.get("/api/v1/namespaces/team-a/configmaps").await.ok();
    assert_eq!(left["items"], json!([]));
    admin.get("/api/v1/namespaces/default/configmaps/elsewhere").await.ok();
}

#[tokio::test]
async fn a_finalizer_holds_the_namespace_and_its_status_says_so() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin.create("/api/v1/namespaces", namespace("team-a")).await.ok();
    let mut held = config_map("held");
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    admin.create("/api/v1/namespaces/team-a/configmaps", held).await.ok();
    admin.delete("/api/v1/namespaces/team-a", "Background").await.ok();

    let condition = |answer: &crate::support::Answer| {
        let conditions = answer.body["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions
            .into_iter()
            .find(|condition| condition["type"] == "NamespaceFinalizersRemaining")
    };
    let shown = admin
        .until("/api/v1/namespaces/team-a", "the condition", |answer| {
            condition(answer).is_some_and(|condition| condition["status"] == "True")
        })
        .await;
    assert!(
        condition(&shown).unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("example.com/wait in 1 resource instances")
    );
    assert_eq!(
        admin
            .create("/api/v1/namespaces/team-a/configmaps", config_map("late"))
            .await
            .refused(403),
        "configmaps \"late\" is forbidden: unable to create new content in namespace team-a because it is being terminated"
    );

    let map = "/api/v1/namespaces/team-a/configmaps/held";
    admin.merge(map, json!({"metadata": {"finalizers": null}})).await.ok();
    admin.until_gone("/api/v1/namespaces/team-a").await;
}

#[tokio::test]
async fn only_the_finalize_subresource_takes_the_namespaces_finalizers_away() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin.create("/api/v1/namespaces", namespace("team-a")).await.ok();
    let path = "/api/v1/namespaces/team-a";
    let unchanged = admin.merge(path, json!({"spec": {"finalizers": []}})).await.ok();
    assert_eq!(unchanged["spec"]["finalizers"], json!(["kubernetes"]));

    cluster.cluster.stop().await;
    admin.delete(path, "Background").await.ok();
    let mut object = admin.get(path).await.ok();
    object["spec"]["finalizers"] = json!([]);
    admin.replace(&format!("{path}/finalize"), object).await.ok();
    admin.get(path).await.refused(404);
}
