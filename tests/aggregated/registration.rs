//! What clients of the host find of our group.

use guestcluster_tests::{Manifest, Team};

use crate::MODE;

#[test]
fn our_kinds_are_found_explained_and_among_all() {
    let kubectl = Team::new(MODE).kubectl();
    let condition =
        "get apiservice v1alpha1.guestclusters.dev -o jsonpath={.status.conditions[?(@.type==\"Available\")]}";
    let available: serde_json::Value = serde_json::from_str(&kubectl.run(condition).success()).unwrap();
    assert_eq!(
        (&available["status"], &available["reason"]),
        (&"True".into(), &"Passed".into())
    );

    let names = kubectl
        .run("api-resources --api-group=guestclusters.dev -o name")
        .success();
    for name in [
        "guestclusters.guestclusters.dev",
        "guestclusterreleases.guestclusters.dev",
    ] {
        assert!(names.lines().any(|line| line == name), "{name} in:\n{names}");
    }
    let explained = kubectl.run("explain guestcluster --recursive").success();
    for text in [
        "GROUP:      guestclusters.dev",
        "KIND:       GuestCluster",
        "      nodePools\t<[]Object>",
        "vmClass\t<string> -required-",
        "updatesAvailable\t<[]string>",
    ] {
        assert!(explained.contains(text), "{text:?} in:\n{explained}");
    }

    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    let all = kubectl.run("get all").success();
    assert!(all.contains("guestcluster.guestclusters.dev/dev"), "{all}");
    let table = kubectl.run("get gcl").success();
    assert!(table.starts_with("NAME   VERSION"), "{table}");
}
