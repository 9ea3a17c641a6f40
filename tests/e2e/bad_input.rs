//! What is refused before anything is stored, each rule with its message.

use guestcluster_tests::{Kubectl, Manifest, Team};
use serde_json::{Value, json};

use crate::MODE;

fn dev() -> Manifest {
    Manifest::new("dev", "v1.34", 1, 1)
}

/// A pool of this name.
fn pool(name: &str) -> Value {
    json!({"name": name, "replicas": 1, "vmClass": "best-effort-small", "storageClass": "gold"})
}

/// One namespace for all: none of them leaves anything but the last.
#[test]
fn what_is_wrong_is_told_and_not_stored() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    each_rule_of_the_object_itself_is_told_with_field_and_value(&kubectl);
    what_it_names_must_be_there(&team, &kubectl);
    several_mistakes_are_told_at_once(&kubectl);
    a_dry_run_judges_and_stores_nothing(&kubectl);
    a_name_that_is_taken_by_a_cluster_of_somebody_else_is_refused(&team, &kubectl);
}

fn each_rule_of_the_object_itself_is_told_with_field_and_value(kubectl: &Kubectl) {
    let topology = "/spec/topology";
    let long = "a".repeat(41);
    for (what, manifest, expected) in [
        (
            "even control plane",
            dev().with(&format!("{topology}/controlPlane/replicas"), json!(2)),
            r#"spec.topology.controlPlane.replicas: Unsupported value: 2: supported values: "1", "3", "5""#.to_owned(),
        ),
        (
            "negative workers",
            dev().with(&format!("{topology}/nodePools/0/replicas"), json!(-1)),
            "spec.topology.nodePools[0].replicas: Invalid value: -1".to_owned(),
        ),
        (
            "two pools of one name",
            dev().with(&format!("{topology}/nodePools"), json!([pool("a"), pool("a")])),
            "spec.topology.nodePools[1]: Duplicate value: {\"name\":\"a\"}".to_owned(),
        ),
        (
            "a pool named cp",
            dev().with(&format!("{topology}/nodePools"), json!([pool("cp")])),
            r#"spec.topology.nodePools[0].name: Invalid value: "cp": is reserved for the control plane; any other DNS label is accepted"#.to_owned(),
        ),
        (
            "cluster and pool name together",
            dev().with(&format!("{topology}/nodePools"), json!([pool(&"p".repeat(42))])),
            "has with the cluster's name 45 characters; at most 44 are accepted, so 41 for this pool".to_owned(),
        ),
        (
            "name too long",
            dev().with("/metadata/name", json!(long)),
            format!("metadata.name: Invalid value: \"{long}\": must be no more than 40 bytes"),
        ),
        (
            "no DNS label",
            dev().with("/metadata/name", json!("9lives")),
            "metadata.name: Invalid value: \"9lives\": a DNS-1035 label must consist of lower case alphanumeric characters".to_owned(),
        ),
        (
            "overlapping CIDRs",
            dev().with("/spec/settings", json!({"network": {
                "pods": {"cidrBlocks": ["10.96.0.0/11"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}}})),
            r#"spec.settings.network.services.cidrBlocks[0]: Invalid value: "10.96.0.0/12": overlaps 10.96.0.0/11 of spec.settings.network.pods.cidrBlocks[0]"#.to_owned(),
        ),
        (
            "no CIDR",
            dev().with("/spec/settings", json!({"network": {"pods": {"cidrBlocks": ["10.0.0.0"]}}})),
            r#"spec.settings.network.pods.cidrBlocks[0]: Invalid value: "10.0.0.0": must be a block of addresses"#.to_owned(),
        ),
        (
            "no surge and nothing unavailable",
            dev().with(&format!("{topology}/nodePools/0/rollout"), json!({"maxSurge": 0, "maxUnavailable": 0})),
            "spec.topology.nodePools[0].rollout.maxUnavailable: Invalid value: 0: can't be 0 while maxSurge is 0".to_owned(),
        ),
        (
            "no version",
            dev().with("/spec/distribution/version", json!("latest")),
            r#"spec.distribution.version: Invalid value: "latest": must be vX.Y, vX.Y.Z or the full version"#.to_owned(),
        ),
        (
            "default storage class not among the classes",
            dev().with("/spec/settings", json!({"storage": {"classes": ["gold"], "defaultClass": "silver"}})),
            r#"spec.settings.storage.defaultClass: Invalid value: "silver": must be one of spec.settings.storage.classes: gold"#.to_owned(),
        ),
    ] {
        println!("{what}");
        kubectl.run_with("create -f -", Some(&manifest.text())).refused(&expected);
    }
    nothing_stored(kubectl);
}

fn what_it_names_must_be_there(team: &Team, kubectl: &Kubectl) {
    let namespace = team.namespace();
    let no_class = format!(
        r#"spec.topology.controlPlane.vmClass: Invalid value: "huge": class "huge" is not in namespace {namespace}; there are best-effort-large, best-effort-medium"#
    );
    let no_storage = format!(
        r#"spec.topology.nodePools[0].storageClass: Invalid value: "tin": storage class "tin" is not in namespace {namespace}; there are gold, silver"#
    );
    let pool = "/spec/topology/nodePools/0";
    for (manifest, expected) in [
        (
            dev().with("/spec/topology/controlPlane/vmClass", json!("huge")),
            no_class.as_str(),
        ),
        (
            dev().with(&format!("{pool}/vmClass"), json!("huge")),
            r#"spec.topology.nodePools[0].vmClass: Invalid value: "huge""#,
        ),
        (dev().with(&format!("{pool}/storageClass"), json!("tin")), &no_storage),
        (
            dev().with("/spec/distribution/version", json!("v1.3")),
            r#"spec.distribution.version: Invalid value: "v1.3": no release fits v1.3; there are v1.35.0, v1.34.2, v1.34.1, v1.33.7, v1.33.6"#,
        ),
        (
            dev().with("/spec/distribution/version", json!("v1.34.20")),
            r#"spec.distribution.version: Invalid value: "v1.34.20": no release fits v1.34.20"#,
        ),
    ] {
        kubectl
            .run_with("create -f -", Some(&manifest.text()))
            .refused(expected);
    }
    nothing_stored(kubectl);
}

fn several_mistakes_are_told_at_once(kubectl: &Kubectl) {
    let manifest = dev()
        .with("/spec/topology/controlPlane/replicas", json!(4))
        .with("/spec/topology/nodePools/0/name", json!("cp"));
    let refused = kubectl.run_with("create -f -", Some(&manifest.text())).failure(1);
    for text in [
        "spec.topology.controlPlane.replicas: Unsupported value: 4",
        "nodePools[0].name: Invalid value: \"cp\"",
    ] {
        assert!(refused.contains(text), "{refused}");
    }
}

fn a_name_that_is_taken_by_a_cluster_of_somebody_else_is_refused(team: &Team, kubectl: &Kubectl) {
    let cluster = json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "dev"},
        "spec": {"controlPlaneEndpoint": {"host": "192.0.2.1", "port": 6443}},
    });
    kubectl.run_with("create -f -", Some(&cluster.to_string())).success();
    // Its own layer writes its status meanwhile.
    let theirs = || {
        let cluster = kubectl.json("get cluster dev");
        let labels = &cluster["metadata"]["labels"];
        json!({"spec": cluster["spec"], "labels": labels, "owners": cluster["metadata"]["ownerReferences"]})
    };
    let before = theirs();
    let namespace = team.namespace();
    kubectl.run_with("create -f -", Some(&dev().text())).refused(&format!(
        r#"metadata.name: Invalid value: "dev": is taken by the Cluster {namespace}/dev, which was not made from a GuestCluster"#,
    ));
    nothing_stored(kubectl);
    assert_eq!(theirs(), before);
}

fn a_dry_run_judges_and_stores_nothing(kubectl: &Kubectl) {
    let shown = kubectl
        .run_with("create --dry-run=server -o json -f -", Some(&dev().text()))
        .success();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        shown["spec"]["settings"]["network"]["services"]["cidrBlocks"],
        json!(["10.96.0.0/12"])
    );
    let bad = dev().with("/spec/topology/controlPlane/vmClass", json!("huge"));
    kubectl
        .run_with("create --dry-run=server -f -", Some(&bad.text()))
        .refused("class \"huge\" is not in namespace");
    nothing_stored(kubectl);
}

#[track_caller]
fn nothing_stored(kubectl: &Kubectl) {
    assert_eq!(kubectl.names("guestclusters"), Vec::<String>::new());
}
