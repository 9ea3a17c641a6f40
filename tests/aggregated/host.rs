//! The host itself is what its tests rely on.

use guestcluster_tests::{Team, eventually};
use serde_json::json;

use crate::MODE;

#[test]
fn it_has_upstreams_definitions_and_its_controllers_work() {
    let team = Team::new(MODE);
    let admin = team.host().admin();
    let kinds = admin.run("api-resources -o name").success();
    for kind in [
        "clusters.cluster.x-k8s.io",
        "vspheremachines.vmware.infrastructure.cluster.x-k8s.io",
    ] {
        assert!(kinds.lines().any(|line| line == kind), "{kind} in:\n{kinds}");
    }
    admin.run("create namespace host").success();
    admin.run("-n host create configmap owner").success();
    let owner = admin.json("-n host get configmap owner");
    let owned = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]},
    ]}});
    admin
        .run_with("-n host create -f -", Some(&owned.to_string()))
        .success();
    admin.run("-n host delete configmap owner").success();
    admin
        .run("-n host wait --for=delete configmap/owned --timeout=30s")
        .success();
    eventually(30, "a namespace has its service account", || {
        let names = admin.names("serviceaccounts -n host");
        if names == ["serviceaccount/default"] {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    });
    let token = admin.run("-n host create token default").success();
    assert_eq!(token.split('.').count(), 3, "a JWT");
    admin.run("delete namespace host --wait --timeout=30s").success();
}
