//! The host itself is what its tests rely on.

use guestcluster_tests::{Host, eventually};
use serde_json::json;

#[test]
fn it_has_upstreams_definitions_and_its_controllers_work() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(folder.path());
    let admin = host.admin();
    let kinds = admin.run("api-resources -o name").success();
    for kind in [
        "clusters.cluster.x-k8s.io",
        "vspheremachines.vmware.infrastructure.cluster.x-k8s.io",
    ] {
        assert!(kinds.lines().any(|line| line == kind), "{kind} in:\n{kinds}");
    }
    admin.run("create namespace shop").success();
    admin.run("-n shop create configmap owner").success();
    let owner = admin.json("-n shop get configmap owner");
    let owned = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]},
    ]}});
    admin
        .run_with("-n shop create -f -", Some(&owned.to_string()))
        .success();
    admin.run("-n shop delete configmap owner").success();
    admin
        .run("-n shop wait --for=delete configmap/owned --timeout=30s")
        .success();
    eventually(30, "a namespace has its service account", || {
        let names = admin.names("serviceaccounts -n shop");
        if names == ["serviceaccount/default"] {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    });
    let token = admin.run("-n shop create token default").success();
    assert_eq!(token.split('.').count(), 3, "a JWT");
    admin.run("delete namespace shop --wait --timeout=30s").success();
}
