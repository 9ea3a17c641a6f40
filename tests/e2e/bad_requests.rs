//! Bodies that are no GuestCluster at all, as a client without kubectl's own checks sends them.

use guestcluster_tests::{Manifest, Team};
use serde_json::json;

use crate::MODE;

#[test]
fn bodies_that_cannot_be_taken_are_refused_and_the_server_goes_on() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let dev = Manifest::new("dev", "v1.34", 1, 1);
    let path = format!(
        "/apis/guestclusters.dev/v1alpha1/namespaces/{}/guestclusters",
        team.namespace()
    );
    let post = |body: &str| kubectl.run_with(&format!("create --raw {path} -f -"), Some(body));

    post("{\"kind\": ").refused("Error from server (BadRequest): ");
    post("").refused("Error from server (BadRequest): ");
    post("[]").refused("Error from server (BadRequest): ");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    post(&format!(r#"{{"spec": {deep}}}"#)).refused("Error from server (BadRequest): ");

    let big = dev
        .clone()
        .with("/metadata/annotations", json!({"big": "x".repeat(4 << 20)}));
    post(&big.text()).refused("Request entity too large: limit is 3145728");
    let annotated = dev
        .clone()
        .with("/metadata/annotations", json!({"big": "x".repeat(300 << 10)}));
    post(&annotated.text()).refused("metadata.annotations: Too long: may not be more than 262144 bytes");

    let other = dev.clone().with("/apiVersion", json!("guestclusters.dev/v1"));
    post(&other.text()).refused(
        "the API version in the data (guestclusters.dev/v1) does not match the expected API version (guestclusters.dev/v1alpha1)",
    );
    let other = dev.clone().with("/kind", json!("GuestClusterRelease"));
    post(&other.text()).refused("kind: Invalid value: \"GuestClusterRelease\": must be GuestCluster");
    let nowhere = dev.clone().with("/metadata/namespace", json!("team-b"));
    post(&nowhere.text())
        .refused("the namespace of the provided object does not match the namespace sent on the request");
    let typed = dev.clone().with("/spec/topology/nodePools/0/replicas", json!("two"));
    post(&typed.text()).refused(
        r#"spec.topology.nodePools[0].replicas: Invalid value: "string": spec.topology.nodePools[0].replicas in body must be of type integer: "string""#,
    );
    let nothing = dev.clone().with("/spec/topology/controlPlane", json!({}));
    post(&nothing.text()).refused("spec.topology.controlPlane.vmClass: Required value");

    assert_eq!(kubectl.names("guestclusters"), Vec::<String>::new());
    kubectl.create_guest(&dev);
}

#[test]
fn unknown_fields_are_refused_by_kubectl_and_dropped_where_nobody_asks() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let unknown = Manifest::new("dev", "v1.34", 1, 1).with("/spec/hibernate", json!(true));
    kubectl
        .run_with("create -f -", Some(&unknown.text()))
        .refused("unknown field \"spec.hibernate\"");
    kubectl
        .run_with("apply -f -", Some(&unknown.text()))
        .refused("unknown field \"spec.hibernate\"");
    kubectl
        .run_with("apply --server-side -f -", Some(&unknown.text()))
        .refused("spec.hibernate: field not declared in schema");
    assert_eq!(kubectl.names("guestclusters"), Vec::<String>::new());

    let warned = kubectl.run_with("create --validate=warn -f -", Some(&unknown.text()));
    assert!(
        warned.stderr.contains("Warning: unknown field \"spec.hibernate\""),
        "{warned:?}"
    );
    warned.success();
    assert_eq!(kubectl.guest_field("dev", ".spec.hibernate"), "");

    let file = Manifest::new("dev-2", "v1.34", 1, 1)
        .with("/spec/hibernate", json!(true))
        .text();
    kubectl
        .run_with("guest create -f -", Some(&file))
        .refused("unknown field \"spec.hibernate\"");
    let version = Manifest::new("dev-2", "v1.34", 1, 1).with("/apiVersion", json!("guestclusters.dev/v1"));
    kubectl
        .run_with("apply -f -", Some(&version.text()))
        .refused("no matches for kind \"GuestCluster\" in version \"guestclusters.dev/v1\"");
}
