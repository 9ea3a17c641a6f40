//! Logging in to guests whose kube-apiserver judges credentials itself.

use std::fs;

use guestcluster_tests::{Kubectl, Supervisor, eventually};
use serde_json::{Value, json};

use crate::wire::Wire;

/// Longest until a new guest trusts what its supervisor says, or a revocation is in force, on a machine with much else to do.
const PATIENCE: u64 = 60;

/// Somebody signs in by SSO and works in the guest at two levels; what they have is no use in another guest, nor after it
/// was revoked.
pub fn a_person_works_in_a_guest_and_nowhere_else(supervisor: &Supervisor, guest: &str, other: &str) {
    let ann = signed_in(supervisor, "ann");
    let (here, there) = (credential(&ann, guest), credential(&ann, other));
    let token = text(&here, "token");
    inside(supervisor, &here, token).await_success(PATIENCE, "get namespace default");
    inside(supervisor, &there, text(&there, "token")).await_success(PATIENCE, "get namespace default");
    inside(supervisor, &there, token)
        .run("get namespace default")
        .refused("Unauthorized");

    sso_stays_with_the_supervisor(supervisor, &ann, guest, &here);
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
    the_audit_log_of_the_guest_names_the_person(supervisor, &view);
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

/// What the person is known to the supervisor by is refused by the guest, and never reaches it.
fn sso_stays_with_the_supervisor(supervisor: &Supervisor, person: &Kubectl, guest: &str, credential: &Value) {
    let session: Value = serde_json::from_slice(&fs::read(person.kept("sessions")).unwrap()).unwrap();
    let id_token = text(&session, "idToken");
    inside(supervisor, credential, id_token)
        .run("get namespace default")
        .refused("Unauthorized");

    let wire = Wire::to_guest(&supervisor.kubectl(), guest, text(credential, "server"));
    let watched = logged_in(person, guest, "login");
    let cluster = watched
        .run("config view --minify -o jsonpath={.contexts[0].context.cluster}")
        .success();
    let proxied = |url: &str| person.args(&["config", "set-cluster", &cluster, "--proxy-url", url], None);
    proxied(&wire.proxy_url()).success();
    let who = watched.json("auth whoami");
    assert_eq!(who["status"]["userInfo"]["username"], "sso:ann@guest.local");
    watched.run("get namespaces").refused("is forbidden");
    proxied("").success();
    let seen = wire.seen();
    assert!(
        seen.contains("/api/v1/namespaces") && seen.contains("Bearer eyJ"),
        "what passes is seen"
    );
    // Neither in whole, nor what it says of the person.
    let claims = id_token.split('.').nth(1).unwrap();
    for secret in [id_token, claims, text(&session, "refreshToken")] {
        assert!(!seen.contains(secret));
    }
}

/// Whom, at which level, and by which credential.
fn the_audit_log_of_the_guest_names_the_person(supervisor: &Supervisor, view: &Kubectl) {
    view.run("get configmaps --namespace default --chunk-size 7").success();
    let credentials = supervisor.kubectl().json("get guestcredentials -n team-a");
    let known = |id: &str| {
        let items = credentials["items"].as_array().unwrap().iter();
        let mut known = items.map(|credential| format!("JTI={}", text(&credential["metadata"], "uid")));
        known.any(|uid| uid == id)
    };
    let logs = supervisor.data_dir().join("process/vms");
    let logs = fs::read_dir(logs)
        .unwrap()
        .map(|vm| vm.unwrap().path().join("root/var/log/kubernetes/audit/audit.log"));
    let events: Vec<Value> = logs
        .filter_map(|log| fs::read_to_string(log).ok())
        .flat_map(|log| {
            log.lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    let event = events
        .iter()
        .find(|event| event["requestURI"].as_str().is_some_and(|uri| uri.contains("limit=7")));
    let user = &event.expect("the request is in the log")["user"];
    assert_eq!(user["username"], "sso:ann@guest.local", "{user}");
    assert!(
        user["groups"]
            .as_array()
            .unwrap()
            .contains(&json!("guestclusters.dev:view")),
        "{user}"
    );
    let id = &user["extra"]["authentication.kubernetes.io/credential-id"][0];
    assert!(known(id.as_str().unwrap()), "{user}");
    let told = events
        .iter()
        .find(|event| event.get("requestObject").is_some() || event.get("responseObject").is_some());
    assert_eq!(told, None, "no body is ever written");
}

/// kubectl of somebody of the people, who may look and edit, signed in.
pub fn signed_in(supervisor: &Supervisor, name: &str) -> Kubectl {
    let admin = supervisor.kubectl();
    for role in ["editor", "access-view", "access-edit"] {
        let binding = format!("create rolebinding {role} --clusterrole guestcluster-{role} --group sso:people");
        let binding = admin.run(&format!("{binding} --dry-run=client -o yaml")).success();
        admin.run_with("apply --server-side -f -", Some(&binding)).success();
    }
    let person = supervisor.person(&format!("{name}@guest.local"), &["people"]);
    person
        .run(&format!("guest login {} -n team-a", supervisor.login_flags()))
        .success();
    person
}

/// The same in the guest, at a level.
pub fn logged_in(person: &Kubectl, guest: &str, level: &str) -> Kubectl {
    let login = format!("guest login {guest} -n team-a --level {level} --context-name {level} --no-switch");
    person.run(&login).success();
    person.in_context(level)
}

/// What an exchange gives, without the plugin.
pub fn credential(person: &Kubectl, guest: &str) -> Value {
    exchanged(person, guest, &json!({"level": "view"}))
}

/// The same for so many seconds.
pub fn credential_for(person: &Kubectl, guest: &str, seconds: u32) -> Value {
    exchanged(person, guest, &json!({"level": "view", "expirationSeconds": seconds}))
}

fn exchanged(person: &Kubectl, guest: &str, spec: &Value) -> Value {
    let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters/{guest}/credential");
    let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": spec});
    let answer = person.run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()));
    let answer: Value = serde_json::from_str(&answer.success()).unwrap();
    answer["status"].clone()
}

/// The guest that a credential is for, with this token.
pub fn inside(supervisor: &Supervisor, credential: &Value, token: &str) -> Kubectl {
    supervisor.kubectl_with_token(
        text(credential, "server"),
        text(credential, "certificateAuthorityData"),
        token,
    )
}

/// A field of what an exchange gave.
pub fn text<'a>(credential: &'a Value, field: &str) -> &'a str {
    credential[field].as_str().unwrap()
}
