//! Owners across the host's kinds and ours: kube-controller-manager's garbage collector follows them both ways.

use guestcluster_tests::{Kubectl, Manifest, Team, eventually};
use serde_json::{Value, json};

use crate::MODE;

/// What keeps a dependent until the test lets go of it.
const HELD: &str = "example.com/held";

/// A kind, as kubectl calls it, and an object of it.
type Kind = (&'static str, fn(&str) -> Value);

const MAP: Kind = (
    "configmap",
    |name| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}),
);
const GUEST: Kind = ("guestcluster", |name| Manifest::new(name, "v1.34", 1, 0).object);

#[test]
fn owners_wait_for_their_dependents_or_leave_them_whichever_side_keeps_them() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    for (direction, owner, dependent) in [("out", MAP, GUEST), ("back", GUEST, MAP)] {
        an_owner_waits_for_its_dependent(&kubectl, direction, owner, dependent);
        an_owner_leaves_its_dependent(&kubectl, direction, owner, dependent);
        a_dependent_goes_after_its_owner(&kubectl, direction, owner, dependent);
    }
}

fn an_owner_waits_for_its_dependent(kubectl: &Kubectl, direction: &str, owner: Kind, dependent: Kind) {
    let (owner, dependent) = pair(kubectl, &format!("{direction}-waits"), owner, dependent, &[HELD]);
    kubectl
        .run(&format!("delete {owner} --cascade=foreground --wait=false"))
        .success();
    eventually(60, "the dependent goes first", || {
        let metadata = kubectl.json(&format!("get {dependent}"))["metadata"].clone();
        match metadata["deletionTimestamp"].is_string() {
            true => Ok(()),
            false => Err(metadata.to_string()),
        }
    });
    let waiting = kubectl.json(&format!("get {owner}"))["metadata"].clone();
    assert!(waiting["deletionTimestamp"].is_string(), "{waiting}");
    let finalizers = waiting["finalizers"].as_array().unwrap();
    assert!(finalizers.contains(&json!("foregroundDeletion")), "{waiting}");
    let_go(kubectl, &dependent);
    kubectl
        .run(&format!("wait --for=delete {owner} {dependent} --timeout=60s"))
        .success();
}

fn an_owner_leaves_its_dependent(kubectl: &Kubectl, direction: &str, owner: Kind, dependent: Kind) {
    let (owner, dependent) = pair(kubectl, &format!("{direction}-leaves"), owner, dependent, &[]);
    kubectl
        .run(&format!("delete {owner} --cascade=orphan --timeout=60s"))
        .success();
    let left = kubectl.json(&format!("get {dependent}"))["metadata"].clone();
    assert!(left["ownerReferences"].is_null(), "{left}");
    assert!(left["deletionTimestamp"].is_null(), "{left}");
}

fn a_dependent_goes_after_its_owner(kubectl: &Kubectl, direction: &str, owner: Kind, dependent: Kind) {
    let (owner, dependent) = pair(kubectl, &format!("{direction}-follows"), owner, dependent, &[]);
    kubectl
        .run(&format!("delete {owner} --cascade=background --timeout=60s"))
        .success();
    kubectl
        .run(&format!("wait --for=delete {dependent} --timeout=60s"))
        .success();
}

/// Creates an owner and its dependent, both of this name; what kubectl calls them.
fn pair(
    kubectl: &Kubectl,
    name: &str,
    (owner, owner_of): Kind,
    (dependent, dependent_of): Kind,
    finalizers: &[&str],
) -> (String, String) {
    let create = |object: &Value| {
        let created = kubectl
            .run_with("create -o json -f -", Some(&object.to_string()))
            .success();
        serde_json::from_str::<Value>(&created).unwrap()
    };
    let created = create(&owner_of(name));
    let mut object = dependent_of(name);
    object["metadata"]["finalizers"] = json!(finalizers);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": created["apiVersion"],
        "kind": created["kind"],
        "name": name,
        "uid": created["metadata"]["uid"],
        "blockOwnerDeletion": true,
    }]);
    create(&object);
    (format!("{owner}/{name}"), format!("{dependent}/{name}"))
}

/// Takes the test's finalizer away, beside others that come and go meanwhile.
fn let_go(kubectl: &Kubectl, object: &str) {
    eventually(30, "the finalizer is taken away", || {
        let metadata = kubectl.json(&format!("get {object}"))["metadata"].clone();
        let finalizers = metadata["finalizers"].as_array().unwrap();
        let place = finalizers.iter().position(|finalizer| finalizer == HELD).unwrap();
        let path = format!("/metadata/finalizers/{place}");
        let patch = json!([{"op": "test", "path": path, "value": HELD}, {"op": "remove", "path": path}]);
        let patched = kubectl.args(&["patch", object, "--type=json", "-p", &patch.to_string()], None);
        if patched.code == 0 { Ok(()) } else { Err(patched.stderr) }
    });
}
