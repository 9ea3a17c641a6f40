//! People of several issuers: the supervisor tells them apart by prefixes, and so do guests.

use guestcluster_tests::{Kubectl, Manifest, Team};
use serde_json::{Value, json};

use super::credentials::inside;
use crate::MODE;

/// A credential at level login of somebody with one group, as kube-apiserver's prefixes name them.
#[track_caller]
fn credential(team: &Team, name: &str, group: &str) -> Kubectl {
    let body = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "login"},
    });
    let namespace = team.namespace();
    let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters/dev/credential");
    let create = format!("create --raw {path} -f - --as {name} --as-group {group} --as-group system:authenticated");
    let answer = team.kubectl().run_with(&create, Some(&body.to_string())).success();
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    inside(team, &answer["status"])
}

fn user(kubectl: &Kubectl) -> Value {
    kubectl.json("auth whoami")["status"]["userInfo"].clone()
}

#[test]
fn one_name_from_two_issuers_is_two_people_in_guests() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    // The issuer of "sso:", and another one with the prefix "sso:corp:".
    for (number, name) in ["sso:ann", "sso:corp:ann"].iter().enumerate() {
        let bind = "create rolebinding login-";
        admin
            .run(&format!(
                "{bind}{number} --clusterrole guestcluster-access-login --user {name}"
            ))
            .success();
    }
    let own = credential(&team, "sso:ann", "sso:devs");
    let other = credential(&team, "sso:corp:ann", "sso:corp:devs");
    own.await_success(20, "auth whoami");
    for (who, name, group) in [(&own, "sso:ann", "sso:devs"), (&other, "sso:corp:ann", "sso:corp:devs")] {
        let found = user(who);
        assert_eq!(found["username"], name);
        let groups = found["groups"].as_array().expect("groups");
        let of_sso: Vec<_> = groups
            .iter()
            .filter_map(Value::as_str)
            .filter(|group| group.starts_with("sso:"))
            .collect();
        assert_eq!(of_sso, [group]);
    }

    // What the guest's administrator gives to one is not the other's, by name or by group.
    let inside = team.guest_kubectl("dev");
    inside
        .run("create rolebinding ann --clusterrole view --user sso:ann")
        .success();
    inside
        .run("create rolebinding devs --clusterrole edit --group sso:devs")
        .success();
    own.await_success(20, "create configmap c --from-literal=a=b");
    other
        .run("get configmaps")
        .refused("User \"sso:corp:ann\" cannot list resource \"configmaps\"");
    inside
        .run("create rolebinding corp --clusterrole view --group sso:corp:devs")
        .success();
    other.await_success(20, "get configmaps");
    other.run("create configmap d").refused("is forbidden");

    // And ending one's credentials leaves the other's alone.
    let revocation = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation", "metadata": {"name": "ann"},
        "spec": {"clusterRef": {"name": "dev"}, "subject": {"user": "ann"}},
    });
    admin.run_with("create -f -", Some(&revocation.to_string())).success();
    admin
        .run("wait guestrevocation/ann --for=condition=InForce --timeout=30s")
        .success();
    own.run("get configmaps").refused("You must be logged in to the server");
    other.run("get configmaps").success();
}
