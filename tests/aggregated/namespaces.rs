//! Namespaces are the host's: they go when ours has let go of what is in them.

use guestcluster_tests::{Manifest, Supervisor, Team, eventually};

use crate::MODE;

pub(crate) fn a_namespace_waits_for_our_server_and_nothing_else_does() {
    let mut supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    supervisor.kill();
    kubectl.run("delete namespace team-a --wait=false").success();
    eventually(90, "the namespace says what it waits for", || {
        let status = kubectl.json("get namespace team-a")["status"].clone();
        let holds = |condition: &serde_json::Value| {
            let message = condition["message"].as_str().unwrap_or_default();
            condition["status"] == "True" && message.contains("guestclusters.dev")
        };
        let conditions = status["conditions"].as_array();
        match conditions.is_some_and(|conditions| conditions.iter().any(holds)) {
            true => Ok(()),
            false => Err(status.to_string()),
        }
    });

    // Everybody else goes on.
    kubectl.run("create namespace shop").success();
    kubectl
        .run("-n shop create configmap prices --from-literal=tea=2")
        .success();
    kubectl.run("-n team-b get machines,virtualmachineclasses").success();
    kubectl.run("-n shop delete configmap prices").success();
    let refused = kubectl.run("-n team-b get guestclusters --request-timeout=10s");
    assert_ne!(refused.code, 0, "{refused:?}");

    supervisor.restart();
    kubectl
        .run("wait --for=delete namespace/team-a --timeout=90s")
        .success();
    assert!(kubectl.names("virtualmachines -A").is_empty());
    assert!(kubectl.names("guestclusters -A").is_empty());
}

#[test]
fn nothing_is_created_in_a_namespace_that_is_not_there_or_goes() {
    let kubectl = Team::new(MODE).kubectl();
    let nowhere = Manifest::new("dev", "v1.34", 1, 1).with("/metadata/namespace", "nowhere".into());
    kubectl
        .run_with("create -f -", Some(&nowhere.text()))
        .refused("Error from server (NotFound): error when creating \"STDIN\": namespaces \"nowhere\" not found");

    kubectl.run("create namespace closing").success();
    let held = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"held","finalizers":["example.com/held"]}}"#;
    kubectl.run_with("-n closing create -f -", Some(held)).success();
    kubectl.run("delete namespace closing --wait=false").success();
    let late = Manifest::new("dev", "v1.34", 1, 1).with("/metadata/namespace", "closing".into());
    kubectl
        .run_with("create -f -", Some(&late.text()))
        .refused("because it is being terminated");
    let patch = "-n closing patch configmap held --type=merge -p {\"metadata\":{\"finalizers\":[]}}";
    kubectl.run(patch).success();
    kubectl
        .run("wait --for=delete namespace/closing --timeout=60s")
        .success();
}
