//! Who a request is from: what kube-apiserver says with its certificate, and nobody else.

use guestcluster_tests::{Supervisor, eventually};

use crate::{MODE, direct};

const LIST: &str = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters";
const FORGED: [(&str, &str); 2] = [("X-Remote-User", "admin"), ("X-Remote-Group", "system:masters")];

#[test]
fn an_identity_in_headers_counts_only_with_the_front_proxys_certificate() {
    let supervisor = Supervisor::fast(MODE);
    for headers in [&[][..], &FORGED] {
        let (code, message) = direct::get(&supervisor, None, LIST, headers).unwrap_err();
        assert_eq!(code, 403, "{message}");
        assert!(
            message.contains("User \"system:anonymous\" cannot list resource"),
            "{message}"
        );
    }
    // Somebody whom the host knows stays who they are, whatever else they say.
    let eve = supervisor.kubectl_as("eve");
    let (code, message) = direct::get(&supervisor, Some(&eve), LIST, &FORGED).unwrap_err();
    assert_eq!(code, 403, "{message}");
    let forbidden = "guestclusters.guestclusters.dev is forbidden: User \"eve\" cannot list resource \"guestclusters\" \
                     in API group \"guestclusters.dev\" in the namespace \"team-a\"";
    assert_eq!(message, forbidden);
    let admin = supervisor.kubectl();
    assert!(direct::get(&supervisor, Some(&admin), LIST, &[]).is_ok());

    // Health and version are for everyone, everything else of ours is not.
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert!(direct::get(&supervisor, None, path, &[]).is_ok(), "{path}");
    }
    assert_eq!(
        direct::get(&supervisor, None, "/metrics", &FORGED).map_err(|(code, _)| code),
        Err(403)
    );
}

#[test]
fn through_the_front_proxy_the_words_are_those_of_kube_apiserver() {
    let supervisor = Supervisor::fast(MODE);
    the_audit_id_of_kube_apiserver_is_ours(&supervisor);
    let (admin, eve) = (supervisor.kubectl(), supervisor.kubectl_as("eve"));
    let words = |kind: &str, group: &str| {
        format!(
            "Error from server (Forbidden): {kind}.{group} is forbidden: User \"eve\" cannot list resource \"{kind}\" \
             in API group \"{group}\" in the namespace \"team-a\""
        )
    };
    eve.run("get guestclusters")
        .refused(&words("guestclusters", "guestclusters.dev"));
    eve.run("get machines.cluster.x-k8s.io")
        .refused(&words("machines", "cluster.x-k8s.io"));
    // An identity that kube-apiserver impersonates arrives as such, with its groups.
    let bind = "create rolebinding eyes --clusterrole guestcluster-viewer --group auditors";
    admin.run(bind).success();
    admin.run("get guestclusters --as eve --as-group auditors").success();
    admin
        .run("get guestclusters --as eve")
        .refused(&words("guestclusters", "guestclusters.dev"));
    let create = "create -f - --as eve --as-group auditors";
    let manifest = guestcluster_tests::Manifest::new("dev", "v1.34", 1, 1);
    admin
        .run_with(create, Some(&manifest.text()))
        .refused("User \"eve\" cannot create resource \"guestclusters\" in API group \"guestclusters.dev\"");
}

/// Under one id a request is found in the audit logs of both: kube-apiserver tells its client which.
fn the_audit_id_of_kube_apiserver_is_ours(supervisor: &Supervisor) {
    let listed = supervisor.kubectl().run("get guestclusters -v=8");
    let told: Vec<_> = listed.stderr.split("Audit-Id: ").skip(1).collect();
    let told: Vec<_> = told.iter().filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(!told.is_empty(), "{}", listed.stderr);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    eventually(10, "the list is in our audit log under that id", || {
        let events = supervisor.audit_events();
        let ids = events
            .iter()
            .filter(|event| event["verb"] == "list" && event["objectRef"]["resource"] == "guestclusters")
            .filter(|event| event["user"]["username"] == "admin")
            .filter_map(|event| event["auditID"].as_str());
        let known: Vec<_> = ids.collect();
        let found = known.iter().any(|id| told.contains(id));
        if found {
            Ok(())
        } else {
            Err(format!("{known:?}, not {told:?}"))
        }
    });
}
