//! Credentials for guests: who gets one, what it may do there, and how it ends.

use guestcluster_tests::{Kubectl, Manifest, Team, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::MODE;

const ANN: &str = "sso:ann@guest.local";

/// Asks for a credential, as JSON.
fn ask(who: (&Team, &Kubectl), cluster: &str, spec: &Value) -> guestcluster_tests::Output {
    ask_with(who, cluster, "", spec)
}

/// The same with a query.
fn ask_with(
    (team, kubectl): (&Team, &Kubectl),
    cluster: &str,
    query: &str,
    spec: &Value,
) -> guestcluster_tests::Output {
    let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": spec});
    let namespace = team.namespace();
    let path =
        format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters/{cluster}/credential{query}");
    kubectl.run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()))
}

/// The status of an answer that must be a credential.
#[track_caller]
fn credential(who: (&Team, &Kubectl), cluster: &str, level: &str) -> Value {
    let answer = ask(who, cluster, &json!({"level": level})).success();
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["status"].clone()
}

/// The audit id of a refusal with this code, as kubectl shows it.
#[track_caller]
fn refused(output: guestcluster_tests::Output, code: &str) -> String {
    let (command, stderr) = (output.command.clone(), output.failure(1));
    let mark = format!(" ({code}; audit ID ");
    let (_, rest) = stderr
        .split_once(&mark)
        .unwrap_or_else(|| panic!("{command}: {stderr}"));
    let (id, _) = rest.split_once(')').expect("it is closed");
    assert_eq!(id.len(), 36, "{stderr}");
    id.to_owned()
}

/// The last event of a request in the audit log.
#[track_caller]
fn audited(team: &Team, id: &str) -> Value {
    let is_it = |event: &Value| event["auditID"] == id && event["stage"] == "ResponseComplete";
    eventually(10, "it is in the audit log", || {
        team.audit_events().into_iter().find(is_it).ok_or_else(|| id.to_owned())
    })
}

/// Gives Ann these levels in her namespace, by the roles that administrators bind.
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
pub(super) fn inside(team: &Team, credential: &Value) -> Kubectl {
    let text = |field: &str| credential[field].as_str().expect(field).to_owned();
    team.kubectl_with_token(&text("server"), &text("certificateAuthorityData"), &text("token"))
}

#[test]
fn each_level_can_do_what_its_name_promises_and_no_more() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    may(&admin, &["login", "view", "edit", "admin"]);
    let ann = team.kubectl_as(ANN);
    let at = |level: &str| inside(&team, &credential((&team, &ann), "dev", level));
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
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    may(&admin, &["view"]);
    let ann = team.kubectl_as(ANN);
    admin
        .run("create rolebinding devs --clusterrole guestcluster-editor --user sso:bob@guest.local")
        .success();
    let bob = team.kubectl_as("sso:bob@guest.local");
    for cluster in ["dev", "absent"] {
        ask((&team, &bob), cluster, &json!({"level": "view"}))
            .refused("cannot create resource \"guestclusters/credential\"");
        let told = ask((&team, &ann), cluster, &json!({"level": "admin"}));
        assert!(
            told.stderr.contains("cannot guest-admin resource \"guestclusters\""),
            "{told:?}"
        );
        let id = refused(told, "LevelNotGranted");
        let event = audited(&team, &id);
        assert_eq!(
            event["annotations"]["guestclusters.dev/credential-result"],
            "LevelNotGranted"
        );
        assert_eq!(event["annotations"]["guestclusters.dev/credential-level"], "admin");
    }
    let told = ask((&team, &ann), "absent", &json!({"level": "view"}));
    assert!(
        told.stderr
            .contains("guestclusters.guestclusters.dev \"absent\" not found"),
        "{told:?}"
    );
    refused(told, "GuestNotFound");
    refused(
        ask((&team, &admin), "dev", &json!({"level": "view"})),
        "NotSingleSignOn",
    );
    ask((&team, &ann), "dev", &json!({"level": "root"})).refused("supported values: \"login\", \"view\"");
    let told = ask((&team, &ann), "dev", &json!({"level": "break-glass"})).failure(1);
    assert!(
        told.contains("* spec.reason: Required value") && told.contains("* auditID: "),
        "{told}"
    );
    for seconds in [59, 3601] {
        ask(
            (&team, &ann),
            "dev",
            &json!({"level": "view", "expirationSeconds": seconds}),
        )
        .refused("spec.expirationSeconds");
    }
    assert_eq!(
        admin.names("guestcredentials"),
        Vec::<String>::new(),
        "nothing is recorded of what was refused"
    );
}

#[test]
fn deleting_the_record_ends_the_credential_and_a_revocation_ends_all() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    for name in ["dev", "other"] {
        admin.create_guest(&Manifest::new(name, "v1.34", 1, 0));
    }
    may(&admin, &["admin"]);
    let ann = team.kubectl_as(ANN);
    let (first, second) = (
        credential((&team, &ann), "dev", "admin"),
        credential((&team, &ann), "dev", "admin"),
    );
    let (one, two) = (inside(&team, &first), inside(&team, &second));
    for kubectl in [&one, &two] {
        kubectl.await_success(20, "get nodes");
    }
    // A key for one guest is none for another.
    let elsewhere = credential((&team, &ann), "other", "admin");
    let mut wrong = elsewhere.clone();
    wrong["token"] = first["token"].clone();
    inside(&team, &wrong)
        .run("get nodes")
        .refused("You must be logged in to the server");

    let name = first["credentialName"].as_str().expect("a name");
    let uid = admin.json(&format!("get guestcredential {name}"))["metadata"]["uid"].clone();
    admin
        .run(&format!("delete guestcredential {name} --timeout=30s"))
        .success();
    one.run("get nodes").refused("You must be logged in to the server");
    two.run("get nodes").success();

    let revocation = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
        "metadata": {"name": "out"},
        "spec": {"clusterRef": {"name": "dev"}, "subject": {"user": "ann@guest.local"}, "blockUntil": in_an_hour()},
    });
    admin.run_with("create -f -", Some(&revocation.to_string())).success();
    admin
        .run("wait guestrevocation/out --for=condition=InForce --timeout=30s")
        .success();
    two.run("get nodes").refused("You must be logged in to the server");
    let told = ask((&team, &ann), "dev", &json!({"level": "admin"}));
    assert!(
        told.stderr.contains("GuestRevocation out blocks new credentials"),
        "{told:?}"
    );
    refused(told, "Blocked");
    for (verb, resource, revokes) in [
        (
            "delete",
            "guestcredentials",
            format!("JTI={}", uid.as_str().expect("a UID")),
        ),
        ("create", "guestrevocations", "user=ann@guest.local".to_owned()),
    ] {
        eventually(10, &format!("{revokes} is in the audit log"), || {
            let is_it = |event: &Value| {
                event["verb"] == verb
                    && event["objectRef"]["resource"] == resource
                    && event["objectRef"]["namespace"] == team.namespace()
                    && event["annotations"]["guestclusters.dev/revokes"] == revokes
            };
            team.audit_events()
                .iter()
                .any(is_it)
                .then_some(())
                .ok_or_else(String::new)
        });
    }
    let still = inside(&team, &credential((&team, &ann), "other", "admin"));
    still.run("get nodes").success();
    let everybody = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
        "metadata": {"name": "everybody"},
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

#[test]
fn a_guest_that_is_going_gives_none() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    may(&admin, &["view"]);
    let ann = team.kubectl_as(ANN);
    // Nor does a dry run.
    let dry = ask_with((&team, &ann), "dev", "?dryRun=All", &json!({"level": "view"})).success();
    assert!(!dry.contains("\"token\""), "{dry}");
    assert_eq!(admin.names("guestcredentials"), Vec::<String>::new());
    credential((&team, &ann), "dev", "view");
    let hold = |finalizers: &str| format!("patch guestcluster dev --type json -p {finalizers}");
    admin
        .run(&hold(
            r#"[{"op":"add","path":"/metadata/finalizers/-","value":"test.dev/hold"}]"#,
        ))
        .success();
    admin.run("delete guestcluster dev --wait=false").success();
    ask((&team, &ann), "dev", &json!({"level": "view"})).refused("it is being deleted, and gives no credentials");
    admin.await_success(30, &hold(r#"[{"op":"test","path":"/metadata/finalizers","value":["test.dev/hold"]},{"op":"remove","path":"/metadata/finalizers"}]"#));
    admin.run("wait guestcluster/dev --for=delete --timeout=30s").success();
}

fn in_an_hour() -> String {
    let now = Timestamp::now();
    let end = Timestamp::from_second(now.as_second() + 3600).expect("the year is far from its limit");
    end.to_string()
}
