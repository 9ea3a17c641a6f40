//! A cluster's life by `kubectl guest`, and what its user sees inside.

use std::collections::BTreeSet;

use guestcluster_tests::{Background, Kubectl, Manifest, Team};

use crate::MODE;

const CREATE: &str = "guest create dev --version v1.33 --workers 2 --vm-class best-effort-small --storage-class gold";

#[test]
fn create_shows_progress_and_the_guest_is_usable() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    let created = kubectl.run(CREATE);
    assert_eq!(created.code, 0, "{created:?}");
    assert_eq!(created.stdout, "guestcluster.guestclusters.dev/dev created\n");
    let progress = &created.stderr;
    assert!(
        progress.starts_with("dev: v1.33.7, 1 control plane + 2 workers, best-effort-small, gold"),
        "{progress}"
    );
    assert!(progress.contains("v1.33 resolved to v1.33.7"), "{progress}");
    assert!(
        progress.lines().filter(|line| line.contains("dev: done: ")).count() >= 3,
        "{progress}"
    );
    assert!(
        !progress.contains('\u{1b}'),
        "no terminal codes in a pipe: {progress:?}"
    );

    let guest = team.guest_kubectl("dev");
    assert_eq!(nodes(&guest).len(), 3);
    for node in nodes(&guest) {
        assert_eq!(
            (node.ready.as_str(), node.version.as_str()),
            ("True", "v1.33.7"),
            "{node:?}"
        );
    }
    let version = guest.json("version")["serverVersion"]["gitVersion"].clone();
    assert_eq!(version, "v1.33.7");

    guest.run("create namespace shop").success();
    guest
        .run("-n shop create configmap prices --from-literal=tea=2")
        .success();
    assert_eq!(guest.json("-n shop get configmap prices")["data"]["tea"], "2");
    assert_eq!(guest.run("auth can-i create deployments -A").success().trim(), "yes");
    kubectl.run("get namespace shop").refused("NotFound");
    // The guest's certificate is none for the supervisor, and the other way round.
    guest
        .with_credential_of(&kubectl)
        .run("get nodes")
        .refused("Unauthorized");
    kubectl
        .with_credential_of(&guest)
        .run("get guestclusters")
        .refused("Unauthorized");
}

#[test]
fn scale_goes_both_ways_for_workers_and_control_plane() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.34", 1, 2));
    let guest = team.guest_kubectl("dev");
    for (flags, control_plane, workers) in [
        ("--workers 4", 1, 4),
        ("--workers 1", 1, 1),
        ("--control-plane 3", 3, 1),
        ("--control-plane 1 --workers 0", 1, 0),
    ] {
        kubectl.run(&format!("guest scale dev {flags}")).success();
        let vms = kubectl.names("virtualmachines");
        assert_eq!(vms.len(), control_plane + workers, "{flags}: {vms:?}");
        let nodes = nodes(&guest);
        let of_control_plane = nodes.iter().filter(|node| node.control_plane).count();
        assert_eq!(
            (of_control_plane, nodes.len()),
            (control_plane, control_plane + workers),
            "{flags}: {nodes:?}"
        );
        let names: BTreeSet<_> = vms
            .iter()
            .filter_map(|vm| vm.rsplit_once('/'))
            .map(|(_, name)| name)
            .collect();
        assert_eq!(
            nodes.iter().map(|node| node.name.as_str()).collect::<BTreeSet<_>>(),
            names,
            "{flags}"
        );
        assert!(nodes.iter().all(|node| node.ready == "True"), "{flags}: {nodes:?}");
    }
}

#[test]
fn an_upgrade_replaces_the_control_plane_first_and_one_at_a_time() {
    let team = Team::new(MODE);
    let kubectl = team.kubectl();
    kubectl.create_guest(&Manifest::new("dev", "v1.33", 3, 2));
    let guest = team.guest_kubectl("dev");
    guest.run("create configmap kept --from-literal=a=b").success();
    let before: BTreeSet<_> = nodes(&guest).into_iter().map(|node| node.name).collect();

    let next = kubectl.run("guest upgrade dev").success();
    assert!(next.contains("v1.34.2") && next.contains("v1.33.7"), "{next}");
    let form = r#"jsonpath={.type} {.object.metadata.name} {.object.spec.version}{"\n"}"#;
    let watch = Background::start(kubectl.command(&["get", "machines", "-w", "--output-watch-events", "-o", form]));
    watch.await_line(10, "the watch has begun", |line| line.starts_with("ADDED"));
    kubectl.run("guest upgrade dev v1.34").success();

    let after = nodes(&guest);
    assert_eq!(after.len(), 5);
    for node in &after {
        assert_eq!(
            (node.ready.as_str(), node.version.as_str()),
            ("True", "v1.34.2"),
            "{node:?}"
        );
        assert!(!before.contains(&node.name), "{} is not new", node.name);
    }
    assert_eq!(guest.json("version")["serverVersion"]["gitVersion"], "v1.34.2");
    assert_eq!(guest.json("get configmap kept")["data"]["a"], "b");
    // A real machine that joins runs its components by this.
    let kubeadm = guest.json("-n kube-system get configmap kubeadm-config").to_string();
    assert!(kubeadm.contains("v1.34.2") && !kubeadm.contains("v1.33.7"), "{kubeadm}");
    assert_eq!(kubectl.guest_field("dev", ".spec.distribution.version"), "v1.34.2");
    in_order(&watch.lines());
}

/// At no time more than one control-plane machine too many, and no worker of the new version before the last one of them.
fn in_order(events: &[String]) {
    let (mut control_plane, mut all_new) = (BTreeSet::new(), 0);
    let mut new_workers = 0;
    for event in events {
        let words: Vec<_> = event.split(' ').collect();
        let [kind, name, version] = words[..] else {
            panic!("{event}")
        };
        let (is_control_plane, is_new) = (name.starts_with("dev-cp-"), version == "v1.34.2");
        match (kind, is_control_plane) {
            ("ADDED", true) => {
                control_plane.insert(name);
                all_new += usize::from(is_new);
            }
            ("DELETED", true) => {
                control_plane.remove(name);
            }
            ("ADDED", false) if is_new => {
                new_workers += 1;
                assert_eq!(
                    all_new,
                    3,
                    "{name} came before the control plane was done:\n{}",
                    events.join("\n")
                );
            }
            _ => {}
        }
        assert!(
            control_plane.len() <= 4,
            "{control_plane:?} at {event}:\n{}",
            events.join("\n")
        );
    }
    assert_eq!((all_new, new_workers), (3, 2), "{}", events.join("\n"));
}

/// A Node as its user sees it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ready: String,
    pub(crate) version: String,
    pub(crate) control_plane: bool,
}

/// The nodes of a guest.
#[track_caller]
pub(crate) fn nodes(guest: &Kubectl) -> Vec<Node> {
    let list = guest.json("get nodes");
    let items = list["items"].as_array().expect("a list");
    let node = |node: &serde_json::Value| Node {
        name: node["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        ready: ready(node),
        version: node["status"]["nodeInfo"]["kubeletVersion"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        control_plane: !node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"].is_null(),
    };
    items.iter().map(node).collect()
}

fn ready(node: &serde_json::Value) -> String {
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    ready
        .and_then(|condition| condition["status"].as_str())
        .unwrap_or("absent")
        .to_owned()
}
