//! Logging in to guests whose kube-apiserver judges credentials itself.

use guestcluster_tests::{Kubectl, Supervisor, eventually};
use serde_json::{Value, json};

/// Longest until a new guest trusts what its supervisor says, or a revocation is in force, on a machine with much else to do.
const PATIENCE: u64 = 60;

/// Somebody signs in by SSO and works in the guest at two levels; what they have is no use in another guest, nor after it
/// was revoked.
pub fn a_person_works_in_a_guest_and_nowhere_else(supervisor: &Supervisor, guest: &str, other: &str) {
    let ann = signed_in(supervisor);
    let (here, there) = (credential(&ann, guest), credential(&ann, other));
    let token = text(&here, "token");
    inside(supervisor, &here, token).await_success(PATIENCE, "get namespace default");
    inside(supervisor, &there, text(&there, "token")).await_success(PATIENCE, "get namespace default");
    inside(supervisor, &there, token)
        .run("get namespace default")
        .refused("Unauthorized");

    // It returns when the revocation is in force, which leaves time for the rest.
    let credential = text(&here, "credentialName");
    let revocation = supervisor
        .kubectl()
        .start(&format!("delete guestcredential {credential} --timeout={PATIENCE}s"));
    let waiting = eventually(PATIENCE, "the record says for which node it waits", || {
        let record = supervisor.kubectl().json(&format!("get guestcredential {credential}"));
        let node = &record["status"]["nodes"][0];
        if node["inForce"] == false {
            Ok(record)
        } else {
            Err(record.to_string())
        }
    });
    assert_eq!(waiting["status"]["conditions"][0]["reason"], "Waiting", "{waiting}");
    let view = each_level_may_what_its_name_says(&ann, guest);
    revocation.finish().success();
    inside(supervisor, &here, token)
        .run("get namespace default")
        .refused("Unauthorized");
    view.run("get configmap written").success();
}

/// Returns who may look.
fn each_level_may_what_its_name_says(person: &Kubectl, guest: &str) -> Kubectl {
    let (view, edit) = (logged_in(person, guest, "view"), logged_in(person, guest, "edit"));
    let who = view.json("auth whoami");
    assert_eq!(who["status"]["userInfo"]["username"], "sso:ann@guest.local");
    assert!(who.to_string().contains("guestclusters.dev:view"), "{who}");
    edit.await_success(PATIENCE, "create configmap written --from-literal=a=b");
    view.run("get configmap written").success();
    view.run("delete configmap written").refused("is forbidden");
    view.run("get secrets").refused("is forbidden");
    edit.run("create clusterrolebinding up --clusterrole cluster-admin --user x")
        .refused("is forbidden");
    view
}

fn signed_in(supervisor: &Supervisor) -> Kubectl {
    let admin = supervisor.kubectl();
    for role in ["editor", "access-view", "access-edit"] {
        let binding = format!("create rolebinding {role} --clusterrole guestcluster-{role} --group sso:people");
        admin.run(&binding).success();
    }
    let ann = supervisor.person("ann@guest.local", &["people"]);
    ann.run(&format!("guest login {} -n team-a", supervisor.login_flags()))
        .success();
    ann
}

fn logged_in(person: &Kubectl, guest: &str, level: &str) -> Kubectl {
    let login = format!("guest login {guest} -n team-a --level {level} --context-name {level} --no-switch");
    person.run(&login).success();
    person.in_context(level)
}

fn credential(person: &Kubectl, guest: &str) -> Value {
    let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters/{guest}/credential");
    let body = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "view"},
    });
    let answer = person.run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()));
    let answer: Value = serde_json::from_str(&answer.success()).unwrap();
    answer["status"].clone()
}

/// The guest that a credential is for, with this token.
fn inside(supervisor: &Supervisor, credential: &Value, token: &str) -> Kubectl {
    supervisor.kubectl_with_token(
        text(credential, "server"),
        text(credential, "certificateAuthorityData"),
        token,
    )
}

fn text<'a>(credential: &'a Value, field: &str) -> &'a str {
    credential[field].as_str().unwrap()
}
