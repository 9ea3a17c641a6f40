//! kill -9 at seeded moments of a cluster's life: what was acknowledged stays, everything converges, no VM is doubled or left behind.
//!
//! `GUESTCLUSTERS_ROUNDS` is how many lives are led, each with other moments; `GUESTCLUSTERS_SEED` repeats one.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod leftovers;
mod writer;

use std::{collections::BTreeSet, thread, time::Duration};

use guestcluster_tests::{Kubectl, LAYERS, Manifest, Mode, Start, Supervisor, eventually, seeds};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use writer::Writer;

/// Slow enough for a kill to hit every step, fast enough for many.
const DELAYS: &str = "delays: {create: 30, powerOn: 30, boot: 50, join: 30, remove: 30}\n";
/// The latest moment of a kill after the command.
const LATEST: Duration = Duration::from_secs(1);

/// A change of the cluster, and what there shall be afterwards.
struct Step {
    command: &'static str,
    version: &'static str,
    control_plane: usize,
    workers: usize,
}

const LIFE: [Step; 4] = [
    Step {
        command: "guest create dev --no-wait --version v1.33 --workers 2 --vm-class best-effort-small --storage-class gold",
        version: "v1.33.7",
        control_plane: 1,
        workers: 2,
    },
    Step {
        command: "guest scale dev --no-wait --workers 4",
        version: "v1.33.7",
        control_plane: 1,
        workers: 4,
    },
    Step {
        command: "guest scale dev --no-wait --control-plane 3",
        version: "v1.33.7",
        control_plane: 3,
        workers: 4,
    },
    Step {
        command: "guest upgrade dev v1.34.2 --no-wait",
        version: "v1.34.2",
        control_plane: 3,
        workers: 4,
    },
];

#[test]
fn a_life_with_a_kill_in_every_change() {
    lives(Mode::Embedded);
}

#[test]
fn a_life_with_a_kill_of_our_server_in_every_change_behind_kube_apiserver() {
    lives(Mode::Aggregated);
}

fn lives(mode: Mode) {
    for seed in seeds() {
        println!("seed {seed}");
        live(mode, seed);
    }
}

fn live(mode: Mode, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut supervisor = Supervisor::start(Start {
        mode,
        sim: Some(DELAYS.to_owned()),
        ..Start::default()
    });
    let kubectl = supervisor.kubectl();
    let mut written = BTreeSet::new();
    for step in &LIFE {
        let writer = Writer::start(&kubectl, random.random());
        kubectl.run(step.command).success();
        let acknowledged = kubectl.guest_field("dev", ".spec");
        written.extend(kill_at_some_moment(&mut supervisor, writer, &mut random));
        assert_eq!(
            kubectl.guest_field("dev", ".spec"),
            acknowledged,
            "after: {}",
            step.command
        );
        kubectl.await_ready("dev");
        as_asked(&supervisor, &kubectl, step);
    }
    let writer = Writer::start(&kubectl, random.random());
    kubectl.run("delete guestcluster dev --wait=false").success();
    written.extend(kill_at_some_moment(&mut supervisor, writer, &mut random));
    gone(&kubectl);
    let found: BTreeSet<_> = kubectl.names("configmaps").into_iter().collect();
    let lost: Vec<_> = written.difference(&found).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    supervisor.stop();
    leftovers::none(mode, &supervisor.data_dir());
}

/// Kills and restarts the supervisor while somebody writes. What was acknowledged to them until then.
fn kill_at_some_moment(supervisor: &mut Supervisor, writer: Writer, random: &mut StdRng) -> Vec<String> {
    let moment = random.random_range(Duration::ZERO..LATEST);
    // Not a wait for anything: the moment itself is what the seed chooses.
    thread::sleep(moment);
    println!("kill -9 after {moment:?}");
    supervisor.kill();
    let written = writer.stop();
    supervisor.restart();
    written
}

/// The VMs, the nodes and the layers between are those that the spec asks for, each once.
fn as_asked(supervisor: &Supervisor, kubectl: &Kubectl, step: &Step) {
    let expected = step.control_plane + step.workers;
    for kind in ["virtualmachines", "vspheremachines", "machines"] {
        eventually(30, &format!("{expected} {kind} after: {}", step.command), || {
            let names = kubectl.names(kind);
            if names.len() == expected {
                Ok(())
            } else {
                Err(format!("{names:?}"))
            }
        });
    }
    assert_eq!(kubectl.guest_field("dev", ".status.distribution.version"), step.version);
    let machines: BTreeSet<_> = names(kubectl, "virtualmachines");
    let guest = supervisor.guest_kubectl("team-a", "dev");
    let nodes = names(&guest, "nodes");
    assert_eq!(nodes, machines, "nodes and VMs after: {}", step.command);
    let versions = "get nodes -o jsonpath={range.items[*]}{.status.nodeInfo.kubeletVersion}{.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let found = guest.run(versions).success();
    let each = format!("{}True", step.version);
    assert!(
        found.lines().all(|line| line == each) && found.lines().count() == expected,
        "{found}"
    );
    if step.version != LIFE[0].version {
        return;
    }
    // What users put into the guest is theirs through all of this.
    let marker = format!("create configmap after-{}-{}", step.control_plane, step.workers);
    guest.run(&marker).success();
}

fn names(kubectl: &Kubectl, kind: &str) -> BTreeSet<String> {
    let name = |full: String| full.rsplit_once('/').map_or(full.clone(), |(_, name)| name.to_owned());
    kubectl.names(kind).into_iter().map(name).collect()
}

fn gone(kubectl: &Kubectl) {
    let kinds = format!("guestclusters,secrets,{}", LAYERS.join(","));
    eventually(60, "everything of the cluster is gone", || {
        let left = kubectl.names(&kinds);
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}

#[test]
fn a_cluster_whose_creation_was_acknowledged_survives_the_next_moment() {
    let mut supervisor = Supervisor::start(Start {
        sim: Some(DELAYS.to_owned()),
        ..Start::default()
    });
    let kubectl = supervisor.kubectl();
    kubectl
        .run_with("create -f -", Some(&Manifest::new("dev", "v1.34", 1, 1).text()))
        .success();
    for _ in 0..3 {
        supervisor.kill();
        supervisor.restart();
    }
    kubectl.await_ready("dev");
    assert_eq!(kubectl.names("virtualmachines").len(), 2);
}
