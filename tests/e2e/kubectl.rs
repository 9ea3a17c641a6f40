//! Every standard verb of kubectl on our kinds and those of the layers.

use guestcluster_tests::{Background, Kubectl, Manifest, Team, eventually};
use serde_json::json;

use crate::MODE;

#[test]
fn api_resources_and_explain_know_our_kinds_and_those_below() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let kinds = kubectl.run("api-resources").success();
    for (name, short, kind) in [
        ("guestclusters", "gcl", "GuestCluster"),
        ("guestclusterreleases", "gcr", "GuestClusterRelease"),
        ("kubeadmcontrolplanes", "kcp", "KubeadmControlPlane"),
        ("machinedeployments", "md", "MachineDeployment"),
        ("vspheremachines", "", "VSphereMachine"),
        ("virtualmachines", "vm", "VirtualMachine"),
        ("configmaps", "cm", "ConfigMap"),
        ("rolebindings", "", "RoleBinding"),
    ] {
        let found = kinds.lines().any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            words.first() == Some(&name)
                && words.last() == Some(&kind)
                && (short.is_empty() || words[1].split(',').any(|word| word == short))
        });
        assert!(found, "{name} ({short}) of kind {kind} in:\n{kinds}");
    }
    let explained = kubectl.run("explain guestcluster.spec.topology").success();
    for text in ["controlPlane", "nodePools", "<[]Object>", "-required-"] {
        assert!(explained.contains(text), "{text} in:\n{explained}");
    }
    let explained = kubectl
        .run("explain guestcluster.spec.topology.nodePools.replicas")
        .success();
    assert!(explained.contains("<integer>"), "{explained}");
}

#[test]
fn a_guest_cluster_is_handled_as_any_other_object() {
    let team = Team::new(MODE);
    is_handled(&team.kubectl());
}

#[test]
fn the_newest_kubectl_handles_it_too() {
    let team = Team::new(MODE);
    is_handled(&team.kubectl().newest());
}

fn is_handled(kubectl: &Kubectl) {
    let manifest = Manifest::new("dev", "v1.34", 1, 2);
    let watch = Background::start(kubectl.command(&["get", "guestclusters", "-w"]));
    let applied = kubectl.run_with("apply -f -", Some(&manifest.text())).success();
    assert_eq!(applied, "guestcluster.guestclusters.dev/dev created\n");
    kubectl.await_ready("dev");
    // kubectl sends the list of pools again, as it lacks the defaults: a write that changes nothing.
    kubectl.run_with("apply -f -", Some(&manifest.text())).success();
    assert_eq!(kubectl.guest_field("dev", ".metadata.generation"), "1");

    watch.await_line(10, "the watch shows it Running", |line| line.contains("Running"));
    let lines = watch.lines();
    assert!(lines[0].starts_with("NAME"), "{lines:?}");
    assert!(
        lines.iter().any(|line| line.contains("Provisioning")),
        "progress before Running: {lines:#?}"
    );

    shows(kubectl);
    changes(kubectl);
    drop(watch);
    kubectl.run("delete guestcluster dev --wait --timeout=60s").success();
    kubectl
        .run("get guestcluster dev")
        .refused("(NotFound): guestclusters.guestclusters.dev \"dev\" not found");
}

fn shows(kubectl: &Kubectl) {
    let table = kubectl.run("get gcl dev").success();
    let words: Vec<_> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(
        words[..6],
        ["dev", "v1.34.2", "1/1", "2/2", "Running", "10/10"],
        "{table}"
    );
    let wide = kubectl.run("get gcl dev -o wide").success();
    for header in ["ENDPOINT", "UPDATES", "MESSAGE"] {
        assert!(
            wide.contains(header) && !table.contains(header),
            "{header}:\n{wide}\n{table}"
        );
    }
    assert!(wide.contains("v1.35.0") && wide.contains(":6443"), "{wide}");
    let yaml = kubectl.run("get gcl dev -o yaml").success();
    for line in [
        "kind: GuestCluster",
        "  phase: Running",
        "      vmClass: best-effort-small",
    ] {
        assert!(yaml.lines().any(|found| found == line), "{line:?} in:\n{yaml}");
    }
    assert_eq!(kubectl.guest_field("dev", ".status.distribution.version"), "v1.34.2");
    let described = kubectl.run("describe guestcluster dev").success();
    for text in [
        "API Version:  guestclusters.dev/v1alpha1",
        "Phase:",
        "Running",
        "Node Pools:",
    ] {
        assert!(described.contains(text), "{text} in:\n{described}");
    }
    for (kind, expected) in [
        ("clusters.cluster.x-k8s.io", 1),
        ("kubeadmcontrolplanes", 1),
        ("kubeadmconfigs", 3),
        ("machinedeployments", 1),
        ("machinesets", 1),
        ("machines", 3),
        ("vsphereclusters", 1),
        ("vspheremachines", 3),
        ("virtualmachines", 3),
        ("virtualmachineservices", 1),
    ] {
        let table = kubectl.run(&format!("get {kind} --no-headers")).success();
        assert_eq!(table.lines().count(), expected, "{kind}:\n{table}");
        assert!(table.lines().all(|line| line.starts_with("dev")), "{kind}:\n{table}");
    }
}

fn changes(kubectl: &Kubectl) {
    let workers = |expected: &str| {
        kubectl.await_ready("dev");
        assert_eq!(kubectl.guest_field("dev", ".status.replicas"), expected);
    };
    kubectl.run("scale guestcluster dev --replicas=3").success();
    workers("3");
    assert_eq!(kubectl.guest_field("dev", ".spec.topology.nodePools[0].replicas"), "3");
    let pool = r#"{"name":"default","replicas":2,"vmClass":"best-effort-small","storageClass":"gold"}"#;
    let merge = format!(r#"{{"spec":{{"topology":{{"nodePools":[{pool}]}}}}}}"#);
    kubectl
        .args(&["patch", "gcl", "dev", "--type=merge", "-p", &merge], None)
        .success();
    workers("2");
    let patch = r#"[{"op":"replace","path":"/spec/topology/nodePools/0/replicas","value":1}]"#;
    kubectl
        .args(&["patch", "gcl", "dev", "--type=json", "-p", patch], None)
        .success();
    workers("1");
    kubectl.run("label gcl dev stage=test").success();
    assert_eq!(
        kubectl.names("gcl -l stage=test"),
        ["guestcluster.guestclusters.dev/dev"]
    );
    assert!(kubectl.names("gcl -l stage=other").is_empty());
}

#[test]
fn server_side_apply_twice_changes_nothing_and_conflicts_are_told() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let manifest = Manifest::new("dev", "v1.34", 1, 1);
    kubectl
        .run_with("apply --server-side -f -", Some(&manifest.text()))
        .success();
    kubectl.await_ready("dev");
    let version = settled_version(&kubectl);
    let again = kubectl
        .run_with("apply --server-side -f -", Some(&manifest.text()))
        .success();
    assert_eq!(again, "guestcluster.guestclusters.dev/dev serverside-applied\n");
    assert_eq!(kubectl.guest_field("dev", ".metadata.resourceVersion"), version);

    let other = manifest.with("/spec/distribution/version", json!("v1.35"));
    let refused = kubectl.run_with("apply --server-side --field-manager=other -f -", Some(&other.text()));
    refused.refused("conflict with \"kubectl\": .spec.distribution.version");
    kubectl
        .run_with(
            "apply --server-side --field-manager=other --force-conflicts -f -",
            Some(&other.text()),
        )
        .success();
    kubectl.await_ready("dev");
    assert_eq!(kubectl.guest_field("dev", ".status.distribution.version"), "v1.35.0");
}

/// The resourceVersion once the controllers have nothing more to say: the same at several looks.
fn settled_version(kubectl: &Kubectl) -> String {
    let (mut last, mut same) = (String::new(), 0);
    eventually(20, "nobody writes to dev", || {
        let version = kubectl.guest_field("dev", ".metadata.resourceVersion");
        same = if version == last { same + 1 } else { 0 };
        last.clone_from(&version);
        if same < 5 { Err(version) } else { Ok(version) }
    })
}
