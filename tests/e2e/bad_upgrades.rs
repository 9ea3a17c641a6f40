//! Changes of a running cluster that are refused.

use guestcluster_tests::{Kubectl, Manifest, Team, eventually};
use serde_json::json;

use crate::MODE;

fn change(kubectl: &Kubectl, name: &str, patch: &serde_json::Value) -> guestcluster_tests::Output {
    kubectl.args(
        &["patch", "guestcluster", name, "--type=merge", "-p", &patch.to_string()],
        None,
    )
}

fn change_version(kubectl: &Kubectl, name: &str, version: &str) -> guestcluster_tests::Output {
    change(kubectl, name, &json!({"spec": {"distribution": {"version": version}}}))
}

#[test]
fn versions_go_up_one_minor_at_a_time_and_never_down() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.33.7", 1, 1));
    let field = "spec.distribution.version: Invalid value: ";
    for (version, expected) in [
        (
            "v1.35",
            "\"v1.35\": v1.35 is two minors above v1.33.7, which the cluster runs; go through v1.34 first",
        ),
        (
            "v1.33.6",
            "\"v1.33.6\": v1.33.6 is below v1.33.7, which the cluster runs; versions only go up",
        ),
        ("v1.3", "\"v1.3\": "),
        ("v1.34.9", "\"v1.34.9\": no release fits v1.34.9"),
        ("", "\"\": "),
    ] {
        change_version(&kubectl, "dev", version).refused(&format!("{field}{expected}"));
    }
    kubectl
        .run("guest upgrade dev v1.35")
        .refused("two minors above v1.33.7");
    let network = json!({"spec": {"settings": {"network": {"pods": {"cidrBlocks": ["172.16.0.0/16"]}}}}});
    change(&kubectl, "dev", &network).refused("spec.settings.network: Invalid value: ");
    change(
        &kubectl,
        "dev",
        &json!({"spec": {"topology": {"controlPlane": {"replicas": 2}}}}),
    )
    .refused("spec.topology.controlPlane.replicas: Unsupported value: 2");
    kubectl.run("scale guestcluster dev --replicas=-1").refused("replicas");
    assert_eq!(kubectl.guest_field("dev", ".metadata.generation"), "1");
    // The same minor with its patch left out is no change, and the highest patch of the next one is taken.
    change_version(&kubectl, "dev", "v1.34").success();
    kubectl.await_ready("dev");
    assert_eq!(kubectl.guest_field("dev", ".status.distribution.version"), "v1.34.2");
}

#[test]
fn during_an_upgrade_only_the_way_back_is_open() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    kubectl.create_guest(&Manifest::new("back", "v1.33.7", 1, 1));
    let before = kubectl.names("machines");
    team.set_faults(&[("back-*", "NeverBoots")], &[]);
    change_version(&kubectl, "back", "v1.34.2").success();
    eventually(30, "the upgrade waits for its first VM", || {
        let message = kubectl.guest_field("back", ".status.message");
        if message.contains("the guest system does not start") {
            Ok(())
        } else {
            Err(message)
        }
    });
    let refused = "spec.distribution.version: Forbidden: the upgrade from v1.33.7 to v1.34.2 runs; only v1.34.2, or v1.33.7 to go back, is accepted until it is done";
    change_version(&kubectl, "back", "v1.34.1").refused(refused);
    change_version(&kubectl, "back", "v1.35").refused(refused);
    change(&kubectl, "back", &json!({"metadata": {"labels": {"a": "b"}}})).success();

    change_version(&kubectl, "back", "v1.33.7").success();
    kubectl.await_ready("back");
    assert_eq!(kubectl.guest_field("back", ".status.distribution.version"), "v1.33.7");
    assert_eq!(kubectl.names("machines"), before);
}

#[test]
fn scale_with_several_pools_names_the_command() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let pool =
        |name: &str| json!({"name": name, "replicas": 1, "vmClass": "best-effort-small", "storageClass": "gold"});
    let manifest = Manifest::new("dev", "v1.34", 1, 1).with("/spec/topology/nodePools", json!([pool("a"), pool("b")]));
    kubectl.create_guest(&manifest);
    kubectl.run("scale guestcluster dev --replicas=3").refused(
        "spec.replicas: Invalid value: 3: the cluster has 2 node pools (a, b); use: kubectl guest scale dev --pool NAME --workers 3",
    );
    let path = format!(
        "/apis/guestclusters.dev/v1alpha1/namespaces/{}/guestclusters/dev/scale",
        team.namespace()
    );
    let scale = kubectl.run(&format!("get --raw {path}")).success();
    let scale: serde_json::Value = serde_json::from_str(&scale).unwrap();
    assert_eq!(
        (&scale["spec"]["replicas"], &scale["status"]["replicas"]),
        (&json!(2), &json!(2))
    );
    kubectl.run("guest scale dev --workers 2").refused("--pool");
    kubectl.run("guest scale dev --pool b --workers 2").success();
    assert_eq!(kubectl.guest_field("dev", ".status.replicas"), "3");
}
