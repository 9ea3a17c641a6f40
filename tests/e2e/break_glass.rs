//! Breaking the glass: a certificate for somebody who has a right of its own, with a reason, that nobody can take back.

use guestcluster_tests::{Kubectl, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::login::signed_in;

/// Gives SSO's developers the right that no role brings.
fn may_break_glass(admin: &Kubectl, group: &str) {
    admin
        .run("create role break-glass --verb guest-break-glass --resource guestclusters.guestclusters.dev --resource-name dev")
        .success();
    admin
        .run(&format!(
            "create rolebinding break-glass --role break-glass --group sso:{group}"
        ))
        .success();
}

#[test]
fn who_may_gets_a_certificate_that_is_recorded_with_its_reason() {
    let (team, admin, ann) = signed_in(&["guestcluster-access-view"], &["dev"]);
    let (namespace, name) = (team.namespace(), team.user("ann"));
    let command = format!("guest break-glass dev -n {namespace} --reason INC-4711");
    let refused = ann.run(&command).failure(1);
    assert!(
        refused.contains("cannot guest-break-glass resource \"guestclusters\""),
        "{refused}"
    );
    assert_eq!(
        admin.names("guestcredentials"),
        Vec::<String>::new(),
        "nothing was made"
    );

    may_break_glass(&admin, &team.group("devs"));
    let login = format!("guest login dev -n {namespace} --no-switch");
    ann.run(&login).success();
    let told = eventually_broken(&ann, &command);
    let context = format!("127.0.0.1/{namespace}/dev/break-glass");
    let begin = format!(
        "Context {context} written. You are break-glass:{name} with admin rights there for 10m; recorded as GuestCredential dev-"
    );
    assert!(told.contains(&begin), "{told}");
    let inside = ann.in_context(&context);
    inside.run("-n kube-system get secrets").success();
    inside.run("create namespace repaired").success();
    let who = inside.json("auth whoami");
    assert_eq!(who["status"]["userInfo"]["username"], format!("break-glass:{name}"));
    let who = ann.json(&format!("guest whoami --context {context}"));
    assert_eq!(who["guest"]["level"], "break-glass");
    // The login's context is what it was.
    let login = ann.in_context(&format!("127.0.0.1/{namespace}/dev"));
    login.run("create namespace other").refused("is forbidden");
    let kubeconfig = ann.run("config view --raw").success();
    assert!(
        !kubeconfig.contains("PRIVATE KEY") && !kubeconfig.contains("client-"),
        "{kubeconfig}"
    );

    let records = admin.json("get guestcredentials --field-selector spec.level=break-glass");
    let record = &records["items"][0];
    assert_eq!(records["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&record["spec"]["user"], &record["spec"]["reason"]),
        (&json!(name), &json!("INC-4711"))
    );
    let record = record["metadata"]["name"].as_str().expect("a name");
    let said = |event: &Value, name: &str| event["annotations"][format!("guestclusters.dev/{name}")].clone();
    let event = eventually(10, "it is in the audit log", || {
        let event = team
            .audit_events()
            .into_iter()
            .find(|event| said(event, "credential-name") == record);
        event.ok_or_else(|| record.to_owned())
    });
    assert_eq!(said(&event, "credential-level"), "break-glass");
    let id = said(&event, "credential-id").to_string();
    assert!(id.contains("X509SHA256=") && id.len() == 77, "{id}");
    assert!(
        !event.to_string().contains("INC-4711"),
        "the record has the reason: {event}"
    );
    // Deleted, it would look as if it were revoked; and it holds up nobody who deletes the guest.
    let delete = format!("delete guestcredential {record} --timeout=30s");
    admin
        .run(&delete)
        .refused("a break-glass certificate can't be revoked; it ends at");
    let until = Timestamp::from_second(Timestamp::now().as_second() + 3600).expect("the year is far from its limit");
    let revocation = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation", "metadata": {"name": "out"},
        "spec": {"clusterRef": {"name": "dev"}, "subject": {"user": name}, "blockUntil": until.to_string()},
    });
    admin.run_with("create -f -", Some(&revocation.to_string())).success();
    let blocked = ann.run(&command).failure(1);
    assert!(
        blocked.contains("GuestRevocation out blocks new credentials"),
        "{blocked}"
    );
    admin.run("delete guestcluster dev --timeout=60s").success();
    admin.run(&delete).success();
}

/// Behind a kube-apiserver the right may count a moment later.
fn eventually_broken(person: &Kubectl, command: &str) -> String {
    eventually(20, command, || {
        let output = person.run(command);
        if output.code == 0 {
            Ok(output.stderr)
        } else {
            Err(output.stderr)
        }
    })
}

#[test]
fn bad_requests_say_what_is_missing() {
    let (team, _admin, ann) = signed_in(&["guestcluster-access-view"], &[]);
    let namespace = team.namespace();
    for (arguments, code, expected) in [
        ("", 2, "--reason"),
        ("--reason=", 2, "it is empty"),
        ("--reason why --expires-in 10s", 1, "spec.expirationSeconds"),
        ("--reason why --expires-in soon", 2, "soon"),
    ] {
        let error = ann
            .run(&format!("guest break-glass dev -n {namespace} {arguments}"))
            .failure(code);
        assert!(error.contains(expected), "{arguments}: {error}");
    }
}
