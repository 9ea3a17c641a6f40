//! A supervisor that gives credentials to those alone who show their SSO token with the request.

use guestcluster_tests::{Kubectl, Manifest, Start, Supervisor};
use serde_json::{Value, json};

use crate::MODE;

#[test]
fn who_acts_in_the_name_of_others_gets_no_credentials_in_it() {
    let supervisor = Supervisor::start(Start {
        mode: MODE,
        sim: Some("delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}".to_owned()),
        arguments: vec!["--require-subject-token".to_owned()],
        ..Start::default()
    });
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    admin
        .run("create rolebinding devs --clusterrole guestcluster-access-view --group sso:devs")
        .success();
    let (ann, eve) = (
        supervisor.person("ann@guest.local", &["devs"]),
        supervisor.person("eve@guest.local", &["devs"]),
    );
    // The plugin shows it where it is asked for.
    for person in [&ann, &eve] {
        person
            .run(&format!("guest login {} -n team-a", supervisor.login_flags()))
            .success();
    }
    ann.run("guest login dev").success();
    assert_eq!(ann.names("nodes").len(), 1);

    let path = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters/dev/credential";
    let ask = |spec: Value| {
        let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": spec});
        let as_ann = "--as sso:ann@guest.local --as-group sso:devs --as-group system:authenticated";
        admin.run_with(&format!("create --raw {path} -f - {as_ann}"), Some(&body.to_string()))
    };
    ask(json!({"level": "view"})).refused("spec.subjectToken: Required value");
    ask(json!({"level": "view", "subjectToken": id_token(&eve)})).refused("the subject token is somebody else's");
    ask(json!({"level": "view", "subjectToken": "e30.e30.e30"})).refused("nobody that this supervisor trusts");
    let answer = ask(json!({"level": "view", "subjectToken": id_token(&ann)})).success();
    assert!(!answer.contains("subjectToken"), "it is not echoed");
    told_by_metrics(&admin);
}

/// What was asked for above, without a name.
fn told_by_metrics(admin: &Kubectl) {
    let page = admin.run("get --raw /metrics").success();
    let ours: Vec<_> = page.lines().filter(|line| line.contains("guestcluster_")).collect();
    let count = |code: &str| {
        let name = format!("guestcluster_credential_requests_total{{code=\"{code}\",level=\"view\"}} ");
        let count = ours.iter().find_map(|line| line.strip_prefix(name.as_str()));
        count.unwrap_or_default().parse::<u32>().unwrap_or_default()
    };
    assert_eq!((count("Made"), count("SubjectTokenMismatch")), (2, 1), "{ours:?}");
    assert_eq!(count("SubjectTokenRequired"), 2, "by the plugin, and without it");
    assert!(
        ours.contains(&"guestcluster_credentials{level=\"view\"} 2")
            && ours.contains(&"guestcluster_credential_request_duration_seconds_count 2"),
        "{ours:?}"
    );
    let named = ours.iter().find(|line| line.contains("guest.local"));
    assert_eq!(named, None, "no metric names a person");
}

/// What the plugin keeps of a session.
fn id_token(person: &Kubectl) -> String {
    let folder = person.home().join(".cache/kubectl-guest/sessions");
    let session = std::fs::read_dir(&folder)
        .unwrap()
        .filter_map(|file| std::fs::read(file.ok()?.path()).ok())
        .find_map(|content| serde_json::from_slice::<Value>(&content).ok());
    session.unwrap()["idToken"].as_str().unwrap().to_owned()
}
