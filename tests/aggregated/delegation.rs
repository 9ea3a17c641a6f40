//! What kube-apiserver decides for our server, and what happens while it does not answer: without it nobody gets in.

use std::time::{Duration, Instant};

use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::{Manifest, Supervisor, Team, eventually};
use serde_json::json;

use crate::{MODE, direct};

const LIST: &str = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters";
const AUTHENTICATION: &str = "-n kube-system get configmap extension-apiserver-authentication";

pub(crate) fn nobody_gets_in_while_the_host_is_silent_or_gone() {
    let mut supervisor = Supervisor::fast(MODE);
    a_right_counts_and_ends_within_seconds_and_not_while_the_host_is_silent(&supervisor);
    nobody_gets_in_while_kube_apiserver_cannot_be_asked(&mut supervisor);
}

fn a_right_counts_and_ends_within_seconds_and_not_while_the_host_is_silent(supervisor: &Supervisor) {
    let admin = supervisor.kubectl();
    let (ana, nobody) = (
        direct::way(supervisor, Some(&supervisor.kubectl_as("ana"))),
        direct::way(supervisor, None),
    );
    let lists = || ana.get(LIST, &[]).map(drop);
    assert_eq!(lists().unwrap_err().0, 403);
    admin
        .run("create rolebinding ana --clusterrole guestcluster-viewer --user ana")
        .success();
    // An answer counts for ten seconds, whichever it was.
    eventually(20, "the new right counts", || {
        lists().map_err(|refusal| format!("{refusal:?}"))
    });

    supervisor.host().freeze();
    eventually(40, "nothing is allowed without an answer", || match lists() {
        Err((500, message)) if message.contains("SubjectAccessReview") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let began = Instant::now();
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert!(nobody.get(path, &[]).is_ok(), "{path}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "nobody is asked about these");
    supervisor.host().thaw();

    eventually(40, "ana may list again", || {
        lists().map_err(|refusal| format!("{refusal:?}"))
    });
    // If the Lease was lost meanwhile, it was taken again.
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    admin.run("delete rolebinding ana").success();
    eventually(20, "the right is over", || match lists() {
        Err((403, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

fn nobody_gets_in_while_kube_apiserver_cannot_be_asked(supervisor: &mut Supervisor) {
    let (kubectl, eve) = (supervisor.kubectl(), supervisor.kubectl_as("eve"));
    // What our own port needs of kube-apiserver is asked for beforehand.
    let (as_eve, anonymous) = (direct::way(supervisor, Some(&eve)), direct::way(supervisor, None));
    supervisor.host_mut().stop_apiserver();
    let (code, message) = as_eve.get(LIST, &[]).unwrap_err();
    assert_eq!(code, 500, "{message}");
    assert_eq!(anonymous.get("/livez", &[]), Ok("ok".to_owned()));

    supervisor.host_mut().start_apiserver();
    eventually(60, "everything works again", || {
        let output = kubectl.run("get guestclusters");
        if output.code == 0 { Ok(()) } else { Err(output.stderr) }
    });
    assert_eq!(as_eve.get(LIST, &[]).map_err(|(code, _)| code), Err(403));
    kubectl.create_guest(&Manifest::new("after", "v1.34", 1, 1));
}

#[test]
fn a_new_authority_of_clients_counts_without_a_restart() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    let (authority, pair) = CertificateAuthority::generate("another authority").unwrap();
    let zoe = authority.issue_client("zoe", None, Duration::from_mins(10)).unwrap();
    let zoe = direct::way(&team, None).showing(&zoe);
    assert_eq!(zoe.get(LIST, &[]).unwrap_err(), (401, "Unauthorized".to_owned()));

    let trusted = admin.json(&format!("{AUTHENTICATION} -o json"))["data"]["client-ca-file"].clone();
    let both = format!("{}{}", trusted.as_str().unwrap(), pair.certificate);
    let patch = json!({"data": {"client-ca-file": both}}).to_string();
    let change = AUTHENTICATION.replace("get", "patch");
    let change: Vec<_> = change.split(' ').chain(["--type=merge", "-p", &patch]).collect();
    admin.args(&change, None).success();
    eventually(20, "zoe is known", || match zoe.get(LIST, &[]) {
        Err((403, message)) if message.contains("User \"zoe\" cannot list") => Ok(()),
        other => Err(format!("{other:?}")),
    });
}
