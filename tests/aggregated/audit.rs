//! One id for a request in the audit logs of kube-apiserver and of the replica that answered it.

use bytes::Bytes;
use guestcluster_tests::{Connection, Endpoint, Manifest, Team, WHOLE_BODIES, eventually};
use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::MODE;

/// So often a request is sent at most until each replica has answered one: kube-apiserver chooses by chance.
const TRIES: usize = 60;
/// The replicas.
const BOTH: usize = 2;

#[test]
fn a_read_and_a_write_are_in_both_audit_logs_under_one_id_whichever_replica_answers() {
    let team = Team::new(MODE);
    team.kubectl()
        .run_with("create -f -", Some(&Manifest::new("dev", "v1.34", 1, 0).text()))
        .success();
    let endpoint = Endpoint::of_kubeconfig(team.kubectl().kubeconfig()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut connection = runtime.block_on(endpoint.connect()).unwrap();
    let path = format!(
        "/apis/guestclusters.dev/v1alpha1/namespaces/{}/guestclusters/dev",
        team.namespace()
    );
    let mut send = |method: Method, body: Value, id: Option<&str>| {
        let request = Request::builder().method(method).uri(endpoint.uri(&path).unwrap());
        let request = request.header("content-type", "application/merge-patch+json");
        let request = id
            .into_iter()
            .fold(request, |request, id| request.header("audit-id", id));
        let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
        runtime.block_on(answered(&mut connection, request))
    };

    for (method, verb) in [(Method::GET, "get"), (Method::PATCH, "patch")] {
        let mut answers = [0; BOTH];
        for round in 0..TRIES {
            let body = json!({"metadata": {"labels": {"round": round.to_string()}}});
            let id = send(method.clone(), body, None);
            answers[found(&team, &id, verb)] += 1;
            if answers.iter().all(|answers| *answers > 0) {
                break;
            }
        }
        assert!(answers.iter().all(|answers| *answers > 0), "{verb}: {answers:?}");
    }
    // A refused credential names the id in its answer, for whoever asks an administrator about it.
    let exchange = format!("{path}/credential");
    let request = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "view"}});
    let told = team
        .kubectl()
        .run_with(&format!("create --raw {exchange} -f -"), Some(&request.to_string()))
        .failure(1);
    let id = told.split("(NotSingleSignOn; audit ID ").nth(1).expect(&told);
    found(&team, id.trim_end().trim_end_matches(')'), "create");
    // An id that the client gives itself goes all the way.
    let own = format!("{}-from-the-client", team.namespace());
    assert_eq!(send(Method::GET, json!({}), Some(&own)), own);
    found(&team, &own, "get");
}

#[test]
fn no_credential_is_in_the_log_of_kube_apiserver_whatever_it_keeps_of_our_kinds() {
    let team = Team::new(MODE);
    let (admin, namespace, devs) = (team.kubectl(), team.namespace(), team.group("devs"));
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    admin
        .run(&format!(
            "create rolebinding devs --clusterrole guestcluster-access-view --group sso:{devs}"
        ))
        .success();
    let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters/dev/credential");
    let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "view"}});
    // By the policy that we ship, and by one that keeps all it can.
    for (name, groups, level) in [
        ("ann", vec![devs.as_str()], "Metadata"),
        ("bob", vec![&devs, WHOLE_BODIES], "RequestResponse"),
    ] {
        let name = team.user(name);
        let person = team.person(&name, &groups);
        person
            .run(&format!("guest login {} -n {namespace}", team.login_flags()))
            .success();
        let answer = person.run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()));
        let answer: Value = serde_json::from_str(&answer.success()).unwrap();
        let token = answer["status"]["token"].as_str().unwrap();
        let is_it = |event: &&Value| {
            event["user"]["username"] == format!("sso:{name}") && event["objectRef"]["subresource"] == "credential"
        };
        let event = eventually(20, "the exchange is in the log of kube-apiserver", || {
            let events = team.host_audit_events();
            events.iter().find(is_it).cloned().ok_or_else(|| name.clone())
        });
        assert_eq!(event["level"], level, "{event}");
        assert_eq!(event["responseStatus"]["code"], 201, "{event}");
        let log = json!(team.host_audit_events()).to_string();
        assert!(!log.contains(token), "{name}'s credential is in the log");
        assert!(event.get("responseObject").is_none(), "{event}");
    }
}

/// The id under which the request was answered, as the client sees it.
async fn answered(connection: &mut Connection, request: Request<Full<Bytes>>) -> String {
    let answer = connection.send(request).await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    answer.headers()["audit-id"].to_str().unwrap().to_owned()
}

/// Which replica has it in its log, as kube-apiserver has it; the other one has it not.
fn found(team: &Team, id: &str, verb: &str) -> usize {
    let is_such = |event: &&Value| event["auditID"] == id && event["stage"] == "ResponseComplete";
    let (theirs, replica, ours) = eventually(20, &format!("{id} is in both logs"), || {
        let host = team.host_audit_events_with(id);
        let theirs: Vec<_> = host.iter().filter(is_such).collect();
        let replicas = team.audit_events_with(id);
        let ours = replicas.iter().enumerate();
        let ours: Vec<_> = ours
            .flat_map(|(replica, events)| events.iter().filter(is_such).map(move |event| (replica, event)))
            .collect();
        match (&theirs[..], &ours[..]) {
            ([theirs], [(replica, ours)]) => Ok(((*theirs).clone(), *replica, (*ours).clone())),
            _ => Err(format!("{theirs:?} and {ours:?}")),
        }
    });
    assert_eq!((&theirs["verb"], &ours["verb"]), (&json!(verb), &json!(verb)));
    for field in [
        "/user/username",
        "/objectRef/namespace",
        "/objectRef/name",
        "/responseStatus/code",
    ] {
        assert_eq!(theirs.pointer(field), ours.pointer(field), "{field}");
        assert!(theirs.pointer(field).is_some(), "{field}: {theirs}");
    }
    replica
}
