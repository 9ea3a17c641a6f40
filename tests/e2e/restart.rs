//! A restart, asked for or not, continues where it stopped.

use guestcluster_tests::{Manifest, Start, Supervisor};

use super::lifecycle::nodes;
use crate::MODE;

#[test]
fn everything_is_as_it_was_after_a_stop_and_a_start() {
    let mut supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 2));
    let guest = supervisor.guest_kubectl("team-a", "dev");
    guest.run("create namespace shop").success();
    guest
        .run("-n shop create configmap prices --from-literal=tea=2")
        .success();
    let machines = kubectl.names("machines,virtualmachines");

    kubectl.run("delete virtualmachineclass best-effort-xlarge").success();
    kubectl.run("delete namespace team-b --wait --timeout=30s").success();

    supervisor.stop();
    supervisor.restart();
    kubectl.await_ready("dev");
    assert_eq!(kubectl.names("machines,virtualmachines"), machines);
    assert_eq!(guest.json("-n shop get configmap prices")["data"]["tea"], "2");
    assert!(nodes(&guest).iter().all(|node| node.ready == "True"));
    kubectl.run("guest scale dev --workers 3").success();
    assert_eq!(nodes(&guest).len(), 4);
    // What was deleted from the catalogue stays deleted.
    kubectl
        .run("get virtualmachineclass best-effort-xlarge")
        .refused("NotFound");
    kubectl.run("get namespace team-b").refused("NotFound");
}

#[test]
fn without_layers_no_controller_writes_anything() {
    let mut supervisor = Supervisor::start(Start {
        mode: MODE,
        layers: Some("none".to_owned()),
        ..Start::default()
    });
    let kubectl = supervisor.kubectl();
    let manifest = Manifest::new("dev", "v1.34", 1, 1);
    kubectl.run_with("create -f -", Some(&manifest.text())).success();
    assert_eq!(kubectl.guest_field("dev", ".status"), "");
    assert_eq!(kubectl.names("clusters.cluster.x-k8s.io"), Vec::<String>::new());
    supervisor.stop();
    supervisor.restart();
    assert_eq!(kubectl.guest_field("dev", ".metadata.generation"), "1");
    assert_eq!(kubectl.guest_field("dev", ".metadata.finalizers"), "");
}
