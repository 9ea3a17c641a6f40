//! The life of one guest: made, used, its server killed and stopped, deleted. One guest for all of it, as it takes seconds.

use std::fs;

use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually};
use serde_json::json;

use crate::{
    guest::supervisor,
    login::a_person_works_in_a_guest_and_nowhere_else,
    processes::{await_another, children, is_alive, signal},
};

/// What a control plane runs; the second one is the guest's agent. The system cuts names.
const NAMES: [&str; 4] = ["etcd", "guestcluster-ap", "kube-apiserver", "kube-controller"];
/// Longest for a control plane to answer again, on a machine with much else to do.
const PATIENCE: u64 = 60;

#[test]
fn a_guest_of_real_programs_lives_through_its_servers_deaths_and_leaves_nothing() {
    let mut supervisor = supervisor();
    let admin = supervisor.kubectl();
    let other = Manifest::new("other", "v1.37", 1, 0);
    admin.run_with("create -f -", Some(&other.text())).success();
    let zone = json!({"apiVersion": "topology.tanzu.vmware.com/v1alpha1", "kind": "AvailabilityZone", "metadata": {"name": "a"}});
    admin.run_with("create -f -", Some(&zone.to_string())).success();
    let dev = Manifest::new("dev", "v1.37", 1, 2).with("/spec/topology/nodePools/0/failureDomain", json!("a"));
    admin.create_guest(&dev);
    admin.await_ready("other");
    let guest = supervisor.guest_kubectl("team-a", "dev");
    nodes_are_ready(&guest);
    objects_are_worked_on(&guest);
    a_person_works_in_a_guest_and_nowhere_else(&supervisor, "dev", "other");
    admin.run("guest delete other --yes").success();
    assert_eq!(names(&programs(&supervisor)), NAMES);
    a_program_that_is_killed_comes_back(&supervisor, &guest);
    no_program_outlives_a_server_that_is_killed(&mut supervisor, &guest);
    no_program_outlives_a_server_that_is_stopped(&mut supervisor, &guest);
    nothing_is_left_of_a_guest_that_is_deleted(&supervisor);
}

fn nodes_are_ready(guest: &Kubectl) {
    let nodes = guest.json("get nodes");
    let nodes = nodes["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        let conditions = node["status"]["conditions"].as_array().unwrap();
        let ready = conditions
            .iter()
            .find(|condition| condition["type"] == "Ready")
            .unwrap();
        assert_eq!(ready["status"], "True", "{node}");
        assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "a", "{node}");
    }
    let version = guest.run("version -o json").success();
    assert!(version.contains("\"gitVersion\": \"v1.37.2\""), "{version}");
    // Workers joined by themselves: the guest's controllers signed their certificates.
    let requests = guest.json("get certificatesigningrequests");
    assert_eq!(requests["items"].as_array().unwrap().len(), 2);
}

/// The real controllers do with objects what only they do.
fn objects_are_worked_on(guest: &Kubectl) {
    guest.run("create deployment web --image=nginx --replicas=2").success();
    eventually(PATIENCE, "two pods of the Deployment", || {
        let pods = guest.names("pods -l app=web");
        (pods.len() == 2).then_some(()).ok_or(format!("{pods:?}"))
    });
    guest.run("create configmap kept --from-literal=tea=2").success();
}

fn a_program_that_is_killed_comes_back(supervisor: &Supervisor, guest: &Kubectl) {
    let before = programs(supervisor);
    signal(supervisor, "kube-apiserver", "KILL");
    await_another(supervisor, &before, "kube-apiserver");
    guest.await_success(PATIENCE, "get configmap kept");
    assert_eq!(names(&programs(supervisor)), NAMES);
}

fn no_program_outlives_a_server_that_is_killed(supervisor: &mut Supervisor, guest: &Kubectl) {
    let before = programs(supervisor);
    assert_eq!(names(&before), NAMES);
    supervisor.kill();
    all_end(&before);
    supervisor.restart();
    all_is_as_before(supervisor, guest);
}

fn no_program_outlives_a_server_that_is_stopped(supervisor: &mut Supervisor, guest: &Kubectl) {
    let before = programs(supervisor);
    supervisor.stop();
    let alive: Vec<_> = before.iter().filter(|(pid, _)| is_alive(*pid)).collect();
    assert!(alive.is_empty(), "{alive:?}");
    supervisor.restart();
    all_is_as_before(supervisor, guest);
}

fn nothing_is_left_of_a_guest_that_is_deleted(supervisor: &Supervisor) {
    let before = programs(supervisor);
    supervisor.kubectl().run("guest delete dev --yes").success();
    all_end(&before);
    assert_eq!(programs(supervisor), []);
    for folder in ["vms", "load-balancers"] {
        let folder = supervisor.data_dir().join("process").join(folder);
        let left: Vec<_> = fs::read_dir(folder).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The guest with its objects, and nothing twice.
fn all_is_as_before(supervisor: &Supervisor, guest: &Kubectl) {
    guest.await_success(PATIENCE, "get configmap kept");
    supervisor.kubectl().await_ready("dev");
    assert_eq!(guest.names("nodes").len(), 3);
    assert_eq!(names(&programs(supervisor)), NAMES);
}

fn all_end(programs: &[(u32, String)]) {
    eventually(10, "the end of all programs", || {
        let alive: Vec<_> = programs.iter().filter(|(pid, _)| is_alive(*pid)).collect();
        alive.is_empty().then_some(()).ok_or(format!("{alive:?}"))
    });
}

fn programs(supervisor: &Supervisor) -> Vec<(u32, String)> {
    children(supervisor.pid())
}

fn names(programs: &[(u32, String)]) -> Vec<&str> {
    programs.iter().map(|(_, name)| name.as_str()).collect()
}
