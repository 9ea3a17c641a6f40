//! Upstream's kinds from their generated CustomResourceDefinitions, beside the core kinds.

use std::{fs, path::Path};

use generic_apiserver::registry::{ResourceDefinition, crd::definition_from};
use serde_json::{Value, json};

use crate::support::TestCluster;

fn definitions() -> Vec<ResourceDefinition> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../types/schemas");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let crds = files.map(|path| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap());
    crds.map(|crd| definition_from(&crd).unwrap()).collect()
}

fn cluster_object() -> Value {
    json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "c"},
        "spec": {"paused": true, "ofANewerRelease": {"dropped": true}},
    })
}

#[tokio::test]
async fn every_generated_definition_is_served() {
    let definitions = definitions();
    assert_eq!(definitions.len(), 18);
    let paths: Vec<String> = definitions
        .iter()
        .map(|definition| format!("/apis/{}/{}", definition.names.api_version(), definition.names.plural))
        .collect();
    let cluster = TestCluster::with(|options| options.definitions = definitions).await;
    for path in paths {
        assert_eq!(cluster.admin().get(&path).await.ok()["items"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn fields_that_upstream_does_not_name_are_dropped_and_wrong_types_refused() {
    let cluster = TestCluster::with(|options| options.definitions = definitions()).await;
    let admin = cluster.admin();
    let path = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default/clusters";
    let stored = admin.create(path, cluster_object()).await.ok();
    assert_eq!(stored["spec"], json!({"paused": true}));
    assert_eq!(stored["metadata"]["generation"], 1);

    let mut wrong = cluster_object();
    wrong["metadata"]["name"] = "d".into();
    wrong["spec"]["paused"] = "yes".into();
    let refusal = admin.create(path, wrong).await.refused(422);
    assert!(refusal.contains("spec.paused: Invalid value"), "{refusal}");
}

#[tokio::test]
async fn machines_go_with_their_cluster() {
    let cluster = TestCluster::with(|options| options.definitions = definitions()).await;
    let admin = cluster.admin();
    let group = "/apis/cluster.x-k8s.io/v1beta2/namespaces/default";
    let owner = admin.create(&format!("{group}/clusters"), cluster_object()).await.ok();
    let machine = json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
        "metadata": crate::support::owned("m", &owner, true)["metadata"].clone(),
        "spec": {
            "clusterName": "c", "bootstrap": {"dataSecretName": "m"},
            "infrastructureRef": {"apiGroup": "vmware.infrastructure.cluster.x-k8s.io", "kind": "VSphereMachine", "name": "m"},
        },
    });
    admin.create(&format!("{group}/machines"), machine).await.ok();
    admin.delete(&format!("{group}/clusters/c"), "Foreground").await.ok();
    admin.until_gone(&format!("{group}/machines/m")).await;
    admin.until_gone(&format!("{group}/clusters/c")).await;
}
