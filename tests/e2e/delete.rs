//! After a delete nothing of the cluster is left, in any layer and in any kind.

use guestcluster_tests::{Kubectl, LAYERS, Manifest, Team};

use crate::MODE;

#[test]
fn delete_leaves_nothing_of_the_cluster_and_all_of_its_neighbours() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let other = Manifest::new("dev-2", "v1.34", 1, 1);
    kubectl.create_guest(&other);
    let neighbours = everything(&kubectl);
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 3, 2));
    assert!(
        everything(&kubectl).len() > neighbours.len() + 20,
        "{:#?}",
        everything(&kubectl)
    );

    let deleted = kubectl.run("guest delete dev --yes");
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(everything(&kubectl), neighbours);
    assert_eq!(kubectl.names("guestclusters"), ["guestcluster.guestclusters.dev/dev-2"]);
    assert_eq!(team.guest_kubectl("dev-2").names("nodes").len(), 2);

    // The name is free again.
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
}

#[test]
fn a_cluster_can_be_deleted_while_it_is_being_created() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let before = everything(&kubectl);
    team.set_faults(&[("unborn-*", "NeverBoots")], &[]);
    kubectl
        .run("guest create unborn --version v1.34 --workers 2 --no-wait")
        .success();
    kubectl.run("guest delete unborn --yes").success();
    assert_eq!(everything(&kubectl), before);
}

#[test]
fn deleting_the_namespace_deletes_its_clusters() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let manifest = Manifest::new("dev", "v1.34", 1, 1);
    kubectl.create_guest(&manifest);
    let namespace = team.namespace();
    kubectl
        .run(&format!("delete namespace {namespace} --wait --timeout=60s"))
        .success();
    assert_eq!(kubectl.names("virtualmachines"), Vec::<String>::new());
    kubectl.run(&format!("get namespace {namespace}")).refused("NotFound");
}

/// Every object of the layers and every Secret and ConfigMap in the namespace.
#[track_caller]
fn everything(kubectl: &Kubectl) -> Vec<String> {
    let mut kinds = LAYERS.join(",");
    kinds.push_str(",secrets,configmaps,serviceaccounts,leases");
    kubectl.names(&kinds)
}
