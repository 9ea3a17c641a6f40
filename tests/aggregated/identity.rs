//! Who a request is from: what kube-apiserver says with its certificate, and nobody else.

use guestcluster_tests::{Kubectl, Manifest, Team};

use crate::{MODE, direct};

const FORGED: [(&str, &str); 2] = [("X-Remote-User", "admin"), ("X-Remote-Group", "system:masters")];

#[test]
fn an_identity_in_headers_counts_only_with_the_front_proxys_certificate() {
    let team = Team::new(MODE);
    let namespace = team.namespace();
    let list = format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters");
    for headers in [&[][..], &FORGED] {
        let (code, message) = direct::get(&team, None, &list, headers).unwrap_err();
        assert_eq!(code, 403, "{message}");
        assert!(
            message.contains("User \"system:anonymous\" cannot list resource"),
            "{message}"
        );
    }
    // Somebody whom the host knows stays who they are, whatever else they say.
    let eve = team.kubectl_as("eve");
    let (code, message) = direct::get(&team, Some(&eve), &list, &FORGED).unwrap_err();
    assert_eq!(code, 403, "{message}");
    let forbidden = format!(
        "guestclusters.guestclusters.dev is forbidden: User \"eve\" cannot list resource \"guestclusters\" \
         in API group \"guestclusters.dev\" in the namespace \"{namespace}\""
    );
    assert_eq!(message, forbidden);
    let admin = team.kubectl();
    assert!(direct::get(&team, Some(&admin), &list, &[]).is_ok());

    // Health and version are for everyone, everything else of ours is not.
    for path in ["/healthz", "/livez", "/readyz", "/version"] {
        assert!(direct::get(&team, None, path, &[]).is_ok(), "{path}");
    }
    assert_eq!(
        direct::get(&team, None, "/metrics", &FORGED).map_err(|(code, _)| code),
        Err(403)
    );
}

#[test]
fn through_the_front_proxy_the_words_are_those_of_kube_apiserver() {
    let team = Team::new(MODE);
    let namespace = team.namespace();
    let (admin, eve) = (team.kubectl(), team.kubectl_as("eve"));
    let words = |kind: &str, group: &str| {
        format!(
            "Error from server (Forbidden): {kind}.{group} is forbidden: User \"eve\" cannot list resource \"{kind}\" \
             in API group \"{group}\" in the namespace \"{namespace}\""
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
    let manifest = Manifest::new("dev", "v1.34", 1, 1);
    admin
        .run_with(create, Some(&manifest.text()))
        .refused("User \"eve\" cannot create resource \"guestclusters\" in API group \"guestclusters.dev\"");
}

#[test]
fn an_apply_that_creates_needs_the_right_to_create() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin
        .run("create role patcher --verb=get,patch --resource=guestclusters.guestclusters.dev")
        .success();
    admin
        .run("create rolebinding patcher --role patcher --user pat")
        .success();
    let apply = |user: &Kubectl| {
        let manifest = Manifest::new("dev", "v1.34", 1, 0);
        user.run_with("apply --server-side -f -", Some(&manifest.text()))
    };
    // kube-apiserver lets it through, as it is a patch.
    let pat = team.kubectl_as("pat");
    apply(&pat).refused("User \"pat\" cannot create resource \"guestclusters\" in API group \"guestclusters.dev\"");
    apply(&admin).success();
    apply(&pat).success();
}

/// Somebody in a directory of a large company.
#[test]
fn the_last_of_five_hundred_groups_counts() {
    let team = Team::new(MODE);
    let groups: Vec<String> = (0..500)
        .map(|number| format!("sso:department-{number:04}-of-{}@example.com", team.namespace()))
        .collect();
    let last = groups.last().unwrap();
    let bind = format!("create rolebinding last --clusterrole guestcluster-viewer --group {last}");
    team.kubectl().run(&bind).success();
    let all = groups.iter().flat_map(|group| ["--as-group", group]);
    let list: Vec<_> = ["get", "guestclusters", "--as", "sso:ana@example.com"]
        .into_iter()
        .chain(all)
        .collect();
    team.kubectl().args(&list, None).success();
    // Without the last one they give nothing.
    team.kubectl()
        .args(&list[..list.len() - 2], None)
        .refused("User \"sso:ana@example.com\" cannot list resource \"guestclusters\"");
}
