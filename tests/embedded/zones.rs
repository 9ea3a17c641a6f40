//! Zones that an administrator gives a supervisor, and machines in them.

use std::collections::BTreeMap;

use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually};
use serde_json::json;

use crate::MODE;

const OF_POOL: &str = "/spec/topology/nodePools/0/failureDomain";

#[test]
fn nodes_are_in_the_zones_that_there_are_and_no_pool_is_in_another() {
    let supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    let manifest = |zone: &str| Manifest::new("dev", "v1.34", 3, 2).with(OF_POOL, json!(zone));
    let create = |zone: &str| admin.run_with("create -f -", Some(&manifest(zone).text()));
    create("b").refused(
        "spec.topology.nodePools[0].failureDomain: Invalid value: \"b\": no zone is named \"b\"; there are no zones",
    );
    for zone in ["b", "c", "a"] {
        add(&admin, zone);
    }
    create("d").refused("no zone is named \"d\"; there are a, b, c");
    admin.create_guest(&manifest("b"));

    let guest = supervisor.guest_kubectl("team-a", "dev");
    let count = |counts: &[(&str, usize)]| -> BTreeMap<String, usize> {
        let counts = counts.iter().map(|(zone, count)| ((*zone).to_owned(), *count));
        counts.collect()
    };
    let members = |guest: &Kubectl| zones(guest, "nodes -l node-role.kubernetes.io/control-plane", ZONE_OF_NODE);
    let workers = |guest: &Kubectl| zones(guest, "nodes -l !node-role.kubernetes.io/control-plane", ZONE_OF_NODE);
    assert_eq!(members(&guest), count(&[("a", 1), ("b", 1), ("c", 1)]));
    assert_eq!(workers(&guest), count(&[("b", 2)]));
    for what in ["machines", "vspheremachines"] {
        let found = zones(&admin, what, "/status/failureDomain");
        assert_eq!(found, count(&[("a", 1), ("b", 3), ("c", 1)]), "{what}");
    }
    assert_eq!(
        zones(&admin, "virtualmachines", "/status/zone"),
        count(&[("a", 1), ("b", 3), ("c", 1)])
    );
    let tree = admin.run("guest describe dev").success();
    let in_b = tree
        .lines()
        .filter(|line| line.ends_with("best-effort-small  b"))
        .count();
    assert_eq!(in_b, 3, "{tree}");

    // The pool moves, and what goes is no place for another one.
    let move_to = |zone: &str| {
        let patch = json!([{"op": "replace", "path": OF_POOL, "value": zone}]);
        admin.run(&format!("patch gcl dev --type=json -p {patch}"))
    };
    move_to("d").refused("there are a, b, c");
    admin.run("delete az b").success();
    move_to("c").success();
    eventually(60, "the workers have moved", || {
        let found = workers(&guest);
        (found == count(&[("c", 2)])).then_some(()).ok_or(format!("{found:?}"))
    });
    admin.await_ready("dev");
    move_to("b").refused("there are a, c");
    // A pool stays where it is, whatever becomes of its zone, and gets no further nodes there.
    admin.run("delete az a c").success();
    let patch = r#"[{"op":"replace","path":"/spec/topology/nodePools/0/replicas","value":3}]"#;
    admin
        .args(&["patch", "gcl", "dev", "--type=json", "-p", patch], None)
        .success();
    eventually(60, "it says what is missing", || {
        let tree = admin.run("guest describe dev").success();
        let told = tree.contains(r#"ZoneNotFound: zone "c" is not there; there are none"#)
            && tree.contains("another failureDomain");
        told.then_some(()).ok_or(tree)
    });
    assert_eq!(workers(&guest), count(&[("c", 2)]));
    add(&admin, "c");
    admin.await_ready("dev");
    assert_eq!(workers(&guest), count(&[("c", 3)]));
    admin.run("guest delete dev --yes").success();
}

const ZONE_OF_NODE: &str = "/metadata/labels/topology.kubernetes.io~1zone";

fn add(admin: &Kubectl, zone: &str) {
    let object = json!({"apiVersion": "topology.tanzu.vmware.com/v1alpha1", "kind": "AvailabilityZone", "metadata": {"name": zone}});
    admin.run_with("create -f -", Some(&object.to_string())).success();
}

/// How many of these objects say that they are in each zone.
fn zones(kubectl: &Kubectl, what: &str, field: &str) -> BTreeMap<String, usize> {
    let list = kubectl.json(&format!("get {what}"));
    let mut zones = BTreeMap::new();
    for object in list["items"].as_array().expect("a list") {
        let zone = object.pointer(field).and_then(|zone| zone.as_str()).unwrap_or("none");
        *zones.entry(zone.to_owned()).or_default() += 1;
    }
    zones
}
