//! kube-apiserver and our server know each other by certificates, and without kube-apiserver nobody gets in.

use guestcluster_tests::{Supervisor, eventually};

use crate::{MODE, direct};

const LIST: &str = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters";

#[test]
fn the_registrations_trust_is_mended_whoever_breaks_it() {
    let supervisor = Supervisor::fast(MODE);
    let kubectl = supervisor.kubectl();
    let trusted = || kubectl.json("get apiservice v1alpha1.guestclusters.dev")["spec"].clone();
    let before = trusted();
    assert!(
        before["caBundle"].as_str().is_some_and(|bundle| !bundle.is_empty()),
        "{before}"
    );
    for wrong in [
        r#"{"spec":{"caBundle":null}}"#,
        r#"{"spec":{"caBundle":null,"insecureSkipTLSVerify":true}}"#,
    ] {
        let patch = [
            "patch",
            "apiservice",
            "v1alpha1.guestclusters.dev",
            "--type=merge",
            "-p",
            wrong,
        ];
        kubectl.args(&patch, None).success();
        eventually(30, "the trust is as it was", || {
            let spec = trusted();
            if spec == before { Ok(()) } else { Err(spec.to_string()) }
        });
    }
    eventually(30, "kube-apiserver reaches us again", || {
        let output = kubectl.run("get guestclusters");
        if output.code == 0 { Ok(()) } else { Err(output.stderr) }
    });
}

#[test]
fn nobody_gets_in_while_kube_apiserver_cannot_be_asked() {
    let mut supervisor = Supervisor::fast(MODE);
    let (kubectl, eve) = (supervisor.kubectl(), supervisor.kubectl_as("eve"));
    // What our own port needs of kube-apiserver is asked for beforehand.
    let (as_eve, anonymous) = (direct::way(&supervisor, Some(&eve)), direct::way(&supervisor, None));
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
    kubectl.create_guest(&guestcluster_tests::Manifest::new("dev", "v1.34", 1, 1));
}
