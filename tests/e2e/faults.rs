//! What does not work in a VM is said at the top, and when it works the cluster comes up.

use guestcluster_tests::{Kubectl, Manifest, Supervisor, Team, eventually};

use crate::MODE;

/// Of guests that no other test has.
const FAULTS: [(&str, &str); 3] = [
    ("noboot-*", "NeverBoots"),
    ("nopower-*", "NeverPowersOn"),
    ("noaddress-cp-*", "NoAddress"),
];
/// A VM class that no other test uses.
const FULL: &str = "best-effort-large";

#[test]
fn each_fault_shows_its_reason_and_goes_with_it() {
    let team = Team::new(MODE);
    team.set_faults(&FAULTS, &[FULL]);
    let kubectl = team.kubectl();
    let full = Manifest::new("full", "v1.34", 1, 0).with("/spec/topology/controlPlane/vmClass", FULL.into());
    let clusters = [
        (
            Manifest::new("noboot", "v1.34", 1, 0),
            "noboot-cp-",
            "the guest system does not start",
        ),
        (
            Manifest::new("nopower", "v1.34", 1, 0),
            "nopower-cp-",
            "the host refuses to power on the VM",
        ),
        (
            Manifest::new("noaddress", "v1.34", 1, 0),
            "noaddress-cp-",
            "waiting for DHCP on workload-1",
        ),
        (
            full,
            "full-cp-",
            r#"no host has room for another VM of class "best-effort-large""#,
        ),
    ];
    for (manifest, ..) in &clusters {
        kubectl.run_with("create -f -", Some(&manifest.text())).success();
    }
    for (manifest, vm, reason) in &clusters {
        let name = manifest.object["metadata"]["name"].as_str().unwrap();
        blocked(&kubectl, name, vm, reason);
    }
    let create = "guest create noboot-2 --version v1.34 --timeout 8s --vm-class best-effort-small --storage-class gold";
    let waited = kubectl.run(create).failure(3);
    assert!(waited.contains("the guest system does not start"), "{waited}");

    team.set_faults(&[], &[]);
    for name in ["noboot", "nopower", "noaddress", "full", "noboot-2"] {
        kubectl.await_ready(name);
    }
}

/// `Ready` is False, and MESSAGE names the VM and says why.
fn blocked(kubectl: &Kubectl, name: &str, vm: &str, reason: &str) {
    let wide = eventually(30, &format!("{name} says what blocks"), || {
        let wide = kubectl.run(&format!("get gcl {name} -o wide --no-headers")).success();
        if wide.contains(reason) { Ok(wide) } else { Err(wide) }
    });
    assert!(wide.contains(vm), "{wide}");
    let ready = kubectl.guest_field(name, ".status.conditions[?(@.type==\"Ready\")]");
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["status"], "False", "{ready}");
    let message = ready["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with(&format!("waiting for VM {vm}")) && message.contains(reason),
        "{ready}"
    );
    let described = kubectl.run(&format!("guest describe {name}")).success();
    assert!(described.contains(reason), "{described}");
}

#[test]
fn a_node_that_never_joins_is_named() {
    let team = Team::new(MODE);
    team.set_faults(&[("nojoin-default-*", "NeverJoins")], &[]);
    let kubectl = team.kubectl();
    kubectl
        .run_with("create -f -", Some(&Manifest::new("nojoin", "v1.34", 1, 1).text()))
        .success();
    eventually(30, "the control plane is there and the worker is named", || {
        let wide = kubectl.run("get gcl nojoin -o wide --no-headers").success();
        let is_such = wide.contains(" 1/1 ") && wide.contains(" 0/1 ") && wide.contains("nojoin-default-");
        if is_such { Ok(()) } else { Err(wide) }
    });
    team.set_faults(&[], &[]);
    kubectl.await_ready("nojoin");
}

#[test]
fn a_class_that_is_taken_away_blocks_what_is_not_there_yet() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    let class = kubectl
        .run("get virtualmachineclass best-effort-small -o json")
        .success();
    kubectl.run("delete virtualmachineclass best-effort-small").success();
    kubectl.run("scale guestcluster dev --replicas=2").success();
    let reason = format!(r#"class "best-effort-small" is not in namespace {}"#, team.namespace());
    blocked(&kubectl, "dev", "dev-default-", &reason);

    let mut class: serde_json::Value = serde_json::from_str(&class).unwrap();
    for field in ["resourceVersion", "uid", "managedFields", "creationTimestamp"] {
        class["metadata"].as_object_mut().unwrap().remove(field);
    }
    kubectl.run_with("create -f -", Some(&class.to_string())).success();
    kubectl.await_ready("dev");
}

#[test]
fn a_configuration_that_cannot_be_read_changes_nothing() {
    let supervisor = Supervisor::fast(MODE);
    supervisor.configure_sim("faults: [{name: '*', kind: Explodes}]");
    let kubectl = supervisor.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    eventually(10, "the log tells of it", || {
        let log = supervisor.log_tail();
        if log.contains("Explodes") { Ok(()) } else { Err(log) }
    });
}
