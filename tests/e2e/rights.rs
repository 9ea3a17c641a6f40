//! What the roles for users allow, and what they don't.

use std::time::Duration;

use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::{Kubectl, Team};

use crate::MODE;

#[test]
fn an_editor_needs_no_administrator_and_reaches_nothing_else() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin
        .run("create rolebinding devs --clusterrole guestcluster-editor --user dev")
        .success();
    let dev = team.kubectl_as("dev");

    let create = "guest create mine --version v1.33 --workers 1 --vm-class best-effort-small --storage-class gold";
    dev.run(create).success();
    cannot_reach_secrets(&team, &dev);
    dev.run("guest kubeconfig mine").refused("mine-kubeconfig");
    dev.run("guest scale mine --workers 2").success();
    dev.run("scale guestcluster mine --replicas=1").success();
    dev.await_ready("mine");
    dev.run("guest upgrade mine v1.34").success();
    assert_eq!(dev.guest_field("mine", ".status.distribution.version"), "v1.34.2");
    dev.run("guest describe mine").success();
    dev.run("get clusters.cluster.x-k8s.io,machines,vspheremachines,virtualmachines")
        .success();
    writes_only_guest_clusters(&dev);
    stays_in_its_namespace(&dev);
    dev.run("guest delete mine --yes").success();
    assert_eq!(admin.names("virtualmachines"), Vec::<String>::new());
}

fn cannot_reach_secrets(team: &Team, dev: &Kubectl) {
    for what in [
        "get secrets",
        "get secret mine-kubeconfig",
        "get secret mine-ca",
        "get kubeadmconfigs",
        "get kubeadmconfigs -o yaml --watch-only",
        "get configmaps",
    ] {
        dev.run(what).refused("Error from server (Forbidden): ");
    }
    let output = dev.run("create secret generic mine-ca --from-literal=a=b");
    output.refused(&format!(
        "User \"dev\" cannot create resource \"secrets\" in API group \"\" in the namespace \"{}\"",
        team.namespace()
    ));
    assert_eq!(dev.run("auth can-i get secrets").stdout.trim(), "no");
    assert_eq!(dev.run("auth can-i create guestclusters").stdout.trim(), "yes");
}

fn writes_only_guest_clusters(dev: &Kubectl) {
    for kind in [
        "clusters.cluster.x-k8s.io",
        "machinedeployments",
        "virtualmachines",
        "virtualmachineclasses",
    ] {
        let name = dev
            .names(kind)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no {kind}"));
        dev.run(&format!("label {name} a=b")).refused("(Forbidden)");
        dev.run(&format!("delete {name}")).refused("(Forbidden)");
    }
    dev.run("create rolebinding more --clusterrole cluster-admin --user dev")
        .refused("is forbidden");
    dev.run("patch guestcluster mine --subresource=status --type=merge -p {}")
        .refused("(Forbidden)");
}

fn stays_in_its_namespace(dev: &Kubectl) {
    for what in [
        "-n team-b get guestclusters",
        "-n team-b get guestcluster mine",
        "-n team-b get virtualmachines",
        "-n team-b get secrets",
        "get guestclusters -A",
        "get namespaces",
        // They tell of the namespaces that are in them.
        "get availabilityzones",
        "-n guestclusters-system get configmaps",
    ] {
        dev.run(what).refused("Error from server (Forbidden): ");
    }
    let create = "guest create other -n team-b --version v1.34 --vm-class best-effort-small --storage-class gold";
    dev.run(create).refused("namespace \"team-b\"");
    let raw = r#"{"apiVersion":"guestclusters.dev/v1alpha1","kind":"GuestCluster","metadata":{"name":"other"}}"#;
    let path = "/apis/guestclusters.dev/v1alpha1/namespaces/team-b/guestclusters";
    dev.run_with(&format!("create --raw {path} -f -"), Some(raw))
        .refused("(Forbidden)");
}

#[test]
fn a_viewer_lists_and_changes_nothing() {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    admin
        .run("create rolebinding eyes --clusterrole guestcluster-viewer --user eve")
        .success();
    admin.run("guest create dev --version v1.34 --workers 1").success();
    let eve = team.kubectl_as("eve");
    assert_eq!(eve.names("guestclusters"), ["guestcluster.guestclusters.dev/dev"]);
    eve.run("guest get").success();
    eve.run("guest describe dev").success();
    eve.run("get virtualmachines").success();
    let create = "guest create mine --version v1.34 --vm-class best-effort-small --storage-class gold";
    eve.run(create)
        .refused("User \"eve\" cannot create resource \"guestclusters\"");
    eve.run("guest scale dev --workers 2")
        .refused("cannot patch resource \"guestclusters\"");
    eve.run("scale guestcluster dev --replicas=2").refused("(Forbidden)");
    eve.run("guest delete dev --yes")
        .refused("cannot delete resource \"guestclusters\"");
    eve.run("get secrets").refused("(Forbidden)");
    eve.run("get kubeadmconfigs").refused("(Forbidden)");
    assert_eq!(admin.guest_field("dev", ".metadata.generation"), "1");
}

#[test]
fn nobody_is_let_in_without_a_certificate_of_ours() {
    let team = Team::new(MODE);
    let stranger = team.kubectl_as("stranger");
    stranger
        .run("get guestclusters")
        .refused("User \"stranger\" cannot list resource \"guestclusters\"");
    // Of the same name as ours, and of nobody whom this supervisor knows.
    let (foreign, _) = CertificateAuthority::generate("kubernetes").unwrap();
    let admin = foreign
        .issue_client("admin", Some("system:masters"), Duration::from_mins(10))
        .unwrap();
    team.kubectl()
        .with_identity(&admin)
        .run("get guestclusters --request-timeout=5s")
        .refused("(Unauthorized)");
}
