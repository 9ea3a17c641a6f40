//! Credentials for guests: who gets one, what it may do there, and how it ends.

use guestcluster_tests::{Kubectl, Manifest, Supervisor};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::MODE;

const REQUESTS: &str = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters";
const ANN: &str = "sso:ann@guest.local";

/// Asks for a credential, as JSON.
fn ask(kubectl: &Kubectl, cluster: &str, spec: &Value) -> guestcluster_tests::Output {
    let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": spec});
    let path = format!("{REQUESTS}/{cluster}/credential");
    kubectl.run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()))
}

/// The status of an answer that must be a credential.
#[track_caller]
fn credential(kubectl: &Kubectl, cluster: &str, level: &str) -> Value {
    let answer = ask(kubectl, cluster, &json!({"level": level})).success();
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["status"].clone()
}

/// Gives Ann these levels in team-a, by the roles that administrators bind.
fn may(admin: &Kubectl, levels: &[&str]) {
    for level in levels {
        admin
            .run(&format!(
                "create rolebinding {level} --clusterrole guestcluster-access-{level} --user {ANN}"
            ))
            .success();
    }
}

/// kubectl in the guest with a credential alone.
fn inside(supervisor: &Supervisor, credential: &Value) -> Kubectl {
    let text = |field: &str| credential[field].as_str().expect(field).to_owned();
    supervisor.kubectl_with_token(&text("server"), &text("certificateAuthorityData"), &text("token"))
}

#[test]
fn each_level_can_do_what_its_name_promises_and_no_more() {
    let supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    may(&admin, &["login", "view", "edit", "admin"]);
    let ann = supervisor.kubectl_as(ANN);
    let at = |level: &str| inside(&supervisor, &credential(&ann, "dev", level));
    let (login, view, edit, all) = (at("login"), at("view"), at("edit"), at("admin"));

    all.await_success(20, "get nodes");
    all.run("create namespace shop").success();
    all.run("-n shop create secret generic s --from-literal=a=b").success();
    edit.await_success(20, "-n shop create configmap c --from-literal=a=b");
    view.run("-n shop get configmap c").success();
    view.run("-n shop get secrets").refused("is forbidden");
    view.run("-n shop create configmap d").refused("is forbidden");
    edit.run("-n kube-system create configmap d").refused("is forbidden");
    edit.run("-n shop create rolebinding up --clusterrole cluster-admin --user x")
        .refused("is forbidden");
    edit.run("create clusterrolebinding up --clusterrole cluster-admin --user x")
        .refused("is forbidden");
    login.run("get nodes").refused("is forbidden");
    login.run("-n shop get configmaps").refused("is forbidden");
    all.run("-n shop create rolebinding ann --clusterrole view --user sso:ann@guest.local")
        .success();
    login.run("-n shop get configmap c").success();
    let who = all.json("auth whoami");
    assert_eq!(who["status"]["userInfo"]["username"], ANN);
}

#[test]
fn who_has_no_right_gets_none_and_learns_nothing() {
    let supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    may(&admin, &["view"]);
    let ann = supervisor.kubectl_as(ANN);
    admin
        .run("create rolebinding devs --clusterrole guestcluster-editor --user sso:bob@guest.local")
        .success();
    let bob = supervisor.kubectl_as("sso:bob@guest.local");
    for cluster in ["dev", "absent"] {
        ask(&bob, cluster, &json!({"level": "view"})).refused("cannot create resource \"guestclusters/credential\"");
        ask(&ann, cluster, &json!({"level": "admin"})).refused("cannot guest-admin resource \"guestclusters\"");
    }
    ask(&ann, "absent", &json!({"level": "view"})).refused("guestclusters.guestclusters.dev \"absent\" not found");
    ask(&admin, "dev", &json!({"level": "view"})).refused("only users who signed in through SSO");
    ask(&ann, "dev", &json!({"level": "root"})).refused("supported values: \"login\", \"view\"");
    ask(&ann, "dev", &json!({"level": "break-glass"})).refused("spec.level: Unsupported value");
    for seconds in [59, 3601] {
        ask(&ann, "dev", &json!({"level": "view", "expirationSeconds": seconds})).refused("spec.expirationSeconds");
    }
    assert_eq!(
        admin.names("guestcredentials"),
        Vec::<String>::new(),
        "nothing is recorded of what was refused"
    );
}

#[test]
fn deleting_the_record_ends_the_credential_and_a_revocation_ends_all() {
    let supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    for name in ["dev", "other"] {
        admin.create_guest(&Manifest::new(name, "v1.34", 1, 0));
    }
    may(&admin, &["admin"]);
    let ann = supervisor.kubectl_as(ANN);
    let (first, second) = (credential(&ann, "dev", "admin"), credential(&ann, "dev", "admin"));
    let (one, two) = (inside(&supervisor, &first), inside(&supervisor, &second));
    for kubectl in [&one, &two] {
        kubectl.await_success(20, "get nodes");
    }
    // A key for one guest is none for another.
    let elsewhere = credential(&ann, "other", "admin");
    let mut wrong = elsewhere.clone();
    wrong["token"] = first["token"].clone();
    inside(&supervisor, &wrong)
        .run("get nodes")
        .refused("You must be logged in to the server");

    let name = first["credentialName"].as_str().expect("a name");
    admin
        .run(&format!("delete guestcredential {name} --timeout=30s"))
        .success();
    one.run("get nodes").refused("You must be logged in to the server");
    two.run("get nodes").success();

    let revocation = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
        "metadata": {"name": "out", "namespace": "team-a"},
        "spec": {"clusterRef": {"name": "dev"}, "subject": {"user": "ann@guest.local"}, "blockUntil": in_an_hour()},
    });
    admin.run_with("create -f -", Some(&revocation.to_string())).success();
    admin
        .run("wait guestrevocation/out --for=condition=InForce --timeout=30s")
        .success();
    two.run("get nodes").refused("You must be logged in to the server");
    ask(&ann, "dev", &json!({"level": "admin"})).refused("GuestRevocation out blocks new credentials");
    let still = inside(&supervisor, &credential(&ann, "other", "admin"));
    still.run("get nodes").success();
    let everybody = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
        "metadata": {"name": "everybody", "namespace": "team-a"},
        "spec": {"clusterRef": {"name": "other"}, "all": true},
    });
    admin.run_with("create -f -", Some(&everybody.to_string())).success();
    admin
        .run("wait guestrevocation/everybody --for=condition=InForce --timeout=30s")
        .success();
    still.run("get nodes").refused("You must be logged in to the server");

    admin.run("delete guestcluster dev --timeout=60s").success();
    admin.run("delete guestcredentials --all --timeout=30s").success();
}

fn in_an_hour() -> String {
    let now = Timestamp::now();
    let end = Timestamp::from_second(now.as_second() + 3600).expect("the year is far from its limit");
    end.to_string()
}
