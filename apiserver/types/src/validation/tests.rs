use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::GuestClusterRelease;

/// A valid cluster with changes at JSON pointers.
fn cluster(changes: &[(&str, Value)]) -> GuestCluster {
    let mut object = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster",
        "metadata": {"name": "dev", "namespace": "team-a"},
        "spec": {
            "distribution": {"version": "v1.34"},
            "topology": {
                "controlPlane": {"replicas": 3, "vmClass": "small", "storageClass": "gold"},
                "nodePools": [{"name": "default", "replicas": 2, "vmClass": "medium", "storageClass": "gold", "rollout": {}}],
            },
            "settings": {"network": {"pods": {"cidrBlocks": ["192.168.0.0/16"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}}},
        },
    });
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        object.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

/// `field: kind: detail` of each problem.
fn lines(problems: &[Problem]) -> Vec<String> {
    problems
        .iter()
        .map(|problem| format!("{}: {:?}: {}", problem.field, problem.kind, problem.detail))
        .collect()
}

fn one(changes: &[(&str, Value)]) -> String {
    let lines = lines(&create(&cluster(changes)));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[test]
fn a_plain_cluster_is_accepted() {
    assert_eq!(create(&cluster(&[])), vec![]);
    assert_eq!(cluster_name("dev"), None);
}

#[test]
fn control_plane_is_1_3_or_5() {
    for replicas in [-1, 0, 2, 4, 6, 7] {
        assert_eq!(
            one(&[("/spec/topology/controlPlane/replicas", json!(replicas))]),
            r#"spec.topology.controlPlane.replicas: NotSupported: supported values: "1", "3", "5""#
        );
    }
}

#[test]
fn names_are_labels_within_their_limits() {
    assert_eq!(cluster_name(&"a".repeat(40)), None);
    let long = cluster_name(&"a".repeat(41)).unwrap();
    assert!(
        long.kind == ProblemKind::TooLong && long.detail.starts_with("may not be more than 40 characters"),
        "{long:?}"
    );
    for name in ["", "1dev", "-a", "a-", "Dev", "a.b", "a_b", "dév"] {
        assert!(cluster_name(name).is_some(), "{name}");
    }
    let pool = "/spec/topology/nodePools/0/name";
    assert!(
        one(&[(pool, json!("cp"))]).ends_with("is reserved for the control plane; any other DNS label is accepted")
    );
    assert!(one(&[(pool, json!("My_Pool"))]).contains("must be a DNS label"));
    assert_eq!(create(&cluster(&[(pool, json!("p".repeat(41)))])), vec![]);
    assert_eq!(
        one(&[(pool, json!("p".repeat(42)))]),
        "spec.topology.nodePools[0].name: Invalid: has with the cluster's name 45 characters; at most 44 are accepted, so 41 for this pool"
    );
}

#[test]
fn two_pools_of_one_name() {
    let pool = json!({"name": "a", "vmClass": "small", "storageClass": "gold"});
    assert_eq!(
        one(&[("/spec/topology/nodePools", json!([pool, pool]))]),
        "spec.topology.nodePools[1].name: Duplicate: another pool has this name"
    );
}

#[test]
fn networks_keep_apart() {
    let pods = "/spec/settings/network/pods/cidrBlocks";
    assert_eq!(
        one(&[(pods, json!(["10.100.0.0/16"]))]),
        "spec.settings.network.services.cidrBlocks[0]: Invalid: overlaps 10.100.0.0/16 of spec.settings.network.pods.cidrBlocks[0]; pods and services need addresses of their own"
    );
    assert!(
        one(&[(pods, json!(["192.168.0.0"]))]).contains("pods.cidrBlocks[0]: Invalid: must be a block of addresses")
    );
    assert!(one(&[(pods, json!(["192.168.7.0/16"]))]).contains("192.168.0.0/16 is meant perhaps"));
    assert!(one(&[(pods, json!(["192.168.0.0/16", "172.16.0.0/16"]))]).contains("one of IPv4 and one of IPv6"));
    assert_eq!(
        create(&cluster(&[(pods, json!(["192.168.0.0/16", "fd00:1::/56"]))])),
        vec![]
    );
    let services = "/spec/settings/network/services/cidrBlocks";
    assert!(one(&[(services, json!(["fd00::/64"]))]).contains("too large for services"));
    assert!(one(&[("/spec/settings/network/serviceDomain", json!("Cluster.Local"))]).contains("such as cluster.local"));
}

#[test]
fn labels_and_taints_must_reach_the_node() {
    let labels = "/spec/topology/nodePools/0/labels";
    for key in [
        "shop",
        "example.com/shop",
        "node-role.kubernetes.io/shop",
        "x.node.cluster.x-k8s.io/a",
    ] {
        assert_eq!(create(&cluster(&[(labels, json!({key: "a"}))])), vec![], "{key}");
    }
    assert!(one(&[(labels, json!({"kubernetes.io/os": "a"}))]).contains("is in a domain that nodes may not set"));
    assert!(one(&[(labels, json!({"-a": "a"}))]).contains("must be a label key"));
    assert!(
        one(&[(labels, json!({"a": "ä"}))])
            .starts_with("spec.topology.nodePools[0].labels[a]: Invalid: must be empty or")
    );
    let taints = "/spec/topology/nodePools/0/taints";
    let bad = json!([{"key": "a b", "value": "c d", "effect": "NoSchedule"}]);
    let found = lines(&create(&cluster(&[(taints, bad)])));
    assert!(
        found[0].contains("taints[0].key") && found[1].contains("taints[0].value"),
        "{found:?}"
    );
}

#[test]
fn a_rollout_must_be_able_to_move() {
    let rollout = "/spec/topology/nodePools/0/rollout";
    assert!(one(&[(rollout, json!({"maxSurge": "0%"}))]).contains("no node could ever be replaced"));
    assert!(
        one(&[(rollout, json!({"maxSurge": "half"}))])
            .contains("rollout.maxSurge: Invalid: must be a number from 0 on")
    );
    assert!(one(&[(rollout, json!({"maxUnavailable": -1}))]).contains("rollout.maxUnavailable: Invalid"));
    assert!(one(&[(rollout, json!({"maxUnavailable": "+5%"}))]).contains("rollout.maxUnavailable: Invalid"));
    assert_eq!(
        create(&cluster(&[(rollout, json!({"maxSurge": 0, "maxUnavailable": "25%"}))])),
        vec![]
    );
}

#[test]
fn default_storage_class_is_one_of_the_classes() {
    let storage = "/spec/settings/storage";
    assert_eq!(
        one(&[(storage, json!({"classes": ["gold", "silver"], "defaultClass": "tin"}))]),
        "spec.settings.storage.defaultClass: Invalid: must be one of spec.settings.storage.classes: gold, silver"
    );
    assert!(one(&[(storage, json!({"defaultClass": "tin"}))]).ends_with("which is empty"));
}

#[test]
fn versions_have_a_form() {
    for text in ["1.34", "v1", "latest", "v1.34.x"] {
        assert!(
            one(&[("/spec/distribution/version", json!(text))]).contains("must be vX.Y, vX.Y.Z or the full version")
        );
    }
}

#[test]
fn networks_are_fixed() {
    let changed = cluster(&[("/spec/settings/network/serviceDomain", json!("example.org"))]);
    let found = update(&changed, &cluster(&[]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].field, "spec.settings.network");
    assert!(found[0].detail.contains("cluster.local"), "{}", found[0].detail);
}

/// An update of the version string, on a cluster with this distribution status.
fn change(to: &str, version: &str, target: Option<&str>, new_ready: i32) -> Vec<String> {
    let mut old = cluster(&[("/spec/distribution/version", json!("v1.33.7"))]);
    let mut distribution = json!({"version": version});
    if let Some(target) = target {
        distribution["target"] = json!(target);
        old.spec.distribution.version = target.to_owned();
    }
    let status =
        json!({"distribution": distribution, "controlPlane": {"desired": 3, "ready": 3, "upToDate": new_ready}});
    old.status = serde_json::from_value(status).unwrap();
    let mut new = old.clone();
    new.spec.distribution.version = to.to_owned();
    lines(&update(&new, &old))
}

#[test]
fn versions_go_up_by_one_minor() {
    for accepted in ["v1.33", "v1.33.7", "v1.33.9", "v1.34", "v1.34.0"] {
        assert_eq!(change(accepted, "v1.33.7", None, 3), Vec::<String>::new(), "{accepted}");
    }
    assert_eq!(
        change("v1.35", "v1.33.7", None, 3),
        [
            "spec.distribution.version: Invalid: v1.35 is two minors above v1.33.7, which the cluster runs; go through v1.34 first"
        ]
    );
    for below in ["v1.33.6", "v1.32", "v1.32.99"] {
        assert!(
            change(below, "v1.33.7", None, 3)[0].contains("is below v1.33.7, which the cluster runs"),
            "{below}"
        );
    }
}

#[test]
fn versions_rest_while_an_upgrade_runs() {
    let target = Some("v1.34.2");
    assert_eq!(
        change("v1.34", "v1.33.7", target, 1),
        Vec::<String>::new(),
        "the same by another name"
    );
    assert_eq!(
        change("v1.33.7", "v1.33.7", target, 0),
        Vec::<String>::new(),
        "back, before a new node is Ready"
    );
    assert!(change("v1.33.7", "v1.33.7", target, 1)[0].contains("Forbidden: the upgrade from v1.33.7 to v1.34.2 runs"));
    assert!(change("v1.34.3", "v1.33.7", target, 0)[0].contains("only v1.34.2, or v1.33.7 to go back, is accepted"));
}

#[test]
fn all_else_may_change_while_an_upgrade_runs() {
    let mut old = cluster(&[]);
    old.status = serde_json::from_value(json!({"distribution": {"version": "v1.33.7", "target": "v1.34.2"}})).unwrap();
    let mut new = old.clone();
    new.spec.topology.node_pools[0].replicas = 7;
    assert_eq!(update(&new, &old), vec![]);
}

#[test]
fn a_write_that_leaves_the_spec_alone_is_never_refused() {
    let mut old = cluster(&[("/spec/topology/controlPlane/replicas", json!(2))]);
    let new = old.clone();
    old.metadata.finalizers = Some(vec!["a/b".to_owned()]);
    assert_eq!(update(&new, &old), vec![]);
}

#[test]
fn only_changed_names_are_looked_up() {
    let old = cluster(&[]);
    assert_eq!(references(&old, None).len(), 4);
    let mut new = old.clone();
    let mut added = new.spec.topology.node_pools[0].clone();
    added.name = "a-first".to_owned();
    new.spec.topology.node_pools.insert(0, added);
    new.spec.topology.node_pools[1].vm_class = "huge".to_owned();
    new.spec.topology.node_pools[1].failure_domain = Some("a".to_owned());
    let fields: Vec<_> = references(&new, Some(&old))
        .into_iter()
        .map(|reference| reference.field)
        .collect();
    assert_eq!(
        fields,
        [
            "spec.topology.nodePools[0].vmClass",
            "spec.topology.nodePools[0].storageClass",
            "spec.topology.nodePools[1].vmClass",
            "spec.topology.nodePools[1].failureDomain",
        ]
    );
    assert_eq!(references(&old, Some(&new)).len(), 1, "no zone is none to be looked up");
}

#[test]
fn what_is_missing_is_named_with_what_there_is() {
    let available = ["guaranteed-small".to_owned(), "best-effort-small".to_owned()];
    assert_eq!(
        class_missing("spec.topology.controlPlane.vmClass", "huge", "team-a", &available).detail,
        r#"class "huge" is not in namespace team-a; there are best-effort-small, guaranteed-small"#
    );
    assert!(
        storage_class_missing("x", "tin", "team-a", &[])
            .detail
            .ends_with("; there are none")
    );
    let zone = |available: &[&str]| {
        let available: Vec<_> = available.iter().map(|&name| name.to_owned()).collect();
        zone_missing("x", "c", &available).detail
    };
    assert_eq!(zone(&["b", "a"]), r#"no zone is named "c"; there are a, b"#);
    assert_eq!(zone(&[]), r#"no zone is named "c"; there are no zones"#);
}

#[test]
fn releases() {
    let release = |name: &str, version: &str| -> GuestClusterRelease {
        let spec = json!({"version": version, "images": [{"os": "photon-5", "name": "img"}]});
        serde_json::from_value(json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease", "metadata": {"name": name}, "spec": spec}))
            .unwrap()
    };
    assert_eq!(release_create(&release("v1.34.2---a.1", "v1.34.2+a.1")), vec![]);
    assert!(lines(&release_create(&release("v1.31.9", "v1.31.9")))[0].contains("must not be below v1.32"));
    assert!(lines(&release_create(&release("mine", "v1.34.2")))[0].contains("must be that of the version: v1.34.2"));
    assert!(lines(&release_create(&release("v1.34", "v1.34")))[0].contains("must be a full version"));
    let old = release("v1.34.2", "v1.34.2");
    let mut new = old.clone();
    new.spec.support = crate::Support::Expired;
    assert_eq!(release_update(&new, &old), vec![]);
    new.spec.images[0].name = "other".to_owned();
    assert_eq!(release_update(&new, &old)[0].kind, ProblemKind::Forbidden);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,70}", other in ".{0,20}") {
        let changes = [
            ("/spec/distribution/version", json!(text)), ("/spec/topology/nodePools/0/name", json!(text)),
            ("/spec/topology/nodePools/0/labels", json!({text.as_str(): other})),
            ("/spec/settings/network/pods/cidrBlocks", json!([text, other])),
        ];
        for problem in create(&cluster(&changes)).into_iter().chain(cluster_name(&text)) {
            prop_assert!(!problem.field.is_empty() && !problem.detail.is_empty());
        }
    }
}
