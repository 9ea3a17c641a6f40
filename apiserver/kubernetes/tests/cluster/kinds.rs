//! The core kinds as kubectl and their users meet them.

use serde_json::{Value, json};

use crate::support::{TestCluster, config_map};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn secret(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"password": "x"}})
}

#[tokio::test]
async fn tables_are_those_of_kubectl() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    admin.create(SECRETS, secret("s")).await.ok();
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.34.1"},
        },
    });
    admin.create("/api/v1/nodes", node).await.ok();

    let namespaces = admin.table("/api/v1/namespaces", false).await;
    assert_eq!(namespaces[0], ["NAME", "STATUS", "AGE"]);
    assert_eq!(namespaces[1][..2], ["default", "Active"]);
    let secrets = admin.table(SECRETS, false).await;
    assert_eq!(secrets[0], ["NAME", "TYPE", "DATA", "AGE"]);
    assert_eq!(secrets[1][..3], ["s", "Opaque", "1"]);
    let nodes = admin.table("/api/v1/nodes", false).await;
    assert_eq!(nodes[0], ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]);
    assert_eq!(
        (nodes[1][1].as_str(), nodes[1][2].as_str(), nodes[1][4].as_str()),
        ("Ready", "control-plane", "v1.34.1")
    );
    let wide = admin.table("/api/v1/nodes", true).await;
    assert_eq!(
        wide[0][5..],
        [
            "INTERNAL-IP",
            "EXTERNAL-IP",
            "OS-IMAGE",
            "KERNEL-VERSION",
            "CONTAINER-RUNTIME"
        ]
    );
    assert_eq!(wide[1][5], "10.0.0.1");
}

#[tokio::test]
async fn events_are_shown_by_when_and_what() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "type": "Warning", "reason": "Failed",
        "message": "it broke", "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "lastTimestamp": "2026-01-01T00:00:00Z", "eventTime": null,
    });
    admin.create("/api/v1/namespaces/default/events", event).await.ok();
    let events = admin.table("/api/v1/namespaces/default/events", false).await;
    assert_eq!(events[0], ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    assert_eq!(events[1][1..], ["Warning", "Failed", "pod/p", "it broke"]);

    let of = |name: &str| format!("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D{name}");
    assert_eq!(admin.get(&of("p")).await.ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.get(&of("q")).await.ok()["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_secret_takes_texts_keeps_its_type_and_can_be_frozen() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let stored = admin.create(SECRETS, secret("s")).await.ok();
    assert_eq!(stored["type"], "Opaque");
    assert_eq!(stored["data"]["password"], "eA==");
    assert!(stored["stringData"].is_null());

    let path = format!("{SECRETS}/s");
    let refusal = admin
        .merge(&path, json!({"type": "kubernetes.io/tls"}))
        .await
        .refused(422);
    assert!(
        refusal.contains("type: Invalid value: \"kubernetes.io/tls\": field is immutable"),
        "{refusal}"
    );
    let changed = admin
        .merge(&path, json!({"stringData": {"user": "u"}, "immutable": true}))
        .await
        .ok();
    assert_eq!(changed["data"], json!({"password": "eA==", "user": "dQ=="}));
    let refusal = admin.merge(&path, json!({"data": {"user": null}})).await.refused(422);
    assert!(
        refusal.contains("data: Forbidden: field is immutable when `immutable` is set"),
        "{refusal}"
    );

    let mut tls = secret("t");
    tls["type"] = "kubernetes.io/tls".into();
    let refusal = admin.create(SECRETS, tls).await.refused(422);
    assert!(refusal.contains("data[tls.crt]: Required value"), "{refusal}");
}

#[tokio::test]
async fn core_kinds_take_strategic_merge_patches() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let mut object = config_map("a");
    object["metadata"]["finalizers"] = json!(["example.com/a"]);
    admin.create(maps, object).await.ok();
    let patched = admin
        .strategic(
            &format!("{maps}/a"),
            json!({"metadata": {"finalizers": ["example.com/b"]}}),
        )
        .await
        .ok();
    let mut finalizers: Vec<_> = patched["metadata"]["finalizers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    finalizers.sort_unstable();
    assert_eq!(finalizers, ["example.com/a", "example.com/b"]);
}

#[tokio::test]
async fn a_storage_class_keeps_its_provisioner() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "csi.example.com",
        "metadata": {"name": "gold", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    });
    let stored = admin.create(classes, class).await.ok();
    assert_eq!(
        (stored["reclaimPolicy"].as_str(), stored["volumeBindingMode"].as_str()),
        (Some("Delete"), Some("Immediate"))
    );
    let refusal = admin
        .merge(&format!("{classes}/gold"), json!({"provisioner": "other"}))
        .await
        .refused(422);
    assert!(
        refusal.contains("provisioner: Invalid value: null: field is immutable"),
        "{refusal}"
    );
    let table = admin.table(classes, false).await;
    assert_eq!(
        table[1][..5],
        ["gold", "csi.example.com", "Delete", "Immediate", "false"]
    );
}
