//! Our server and upstream's managers are killed at any moment of a guest's life: it goes on to where it was asked to go, and no VM is
//! made that nobody asked for. `GUESTCLUSTERS_ROUNDS` is how many lives are led with each machine layer, each with other moments;
//! `GUESTCLUSTERS_SEED` repeats one.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use guestcluster_tests::{Background, Kubectl, MachineLayer, Manifest, Mix, Vms, eventually, seeds};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::wishes::at_rest;

/// Longest for a step while something is always being killed: after each restart a manager connects to the guest anew, and one that
/// comes too early tries again after 30 s.
const PATIENCE: u64 = 600;
/// How lives are led with a machine layer.
struct Lives {
    machine_layer: MachineLayer,
    /// Between two kills, milliseconds: such that all of them fall into the guest's life.
    pauses: Range<u64>,
    /// How many at once at most, each with a supervisor of its own: upstream's managers wait most of the time.
    at_once: usize,
}

const LIVES: [Lives; 2] = [
    Lives {
        machine_layer: MachineLayer::Ours,
        pauses: 500..5_000,
        at_once: 1,
    },
    Lives {
        machine_layer: MachineLayer::Upstream,
        pauses: 5_000..25_000,
        at_once: 3,
    },
];

#[test]
fn whoever_is_killed_at_whatever_step_the_guest_comes_to_be_as_asked() {
    let mut lives = Vec::new();
    for Lives {
        machine_layer,
        pauses,
        at_once,
    } in &LIVES
    {
        let mut shares = vec![Vec::new(); *at_once];
        for (number, seed) in seeds().enumerate() {
            shares[number % at_once].push(seed);
        }
        shares.retain(|share| !share.is_empty());
        lives.extend(shares.into_iter().map(|share| {
            thread::spawn(move || {
                let mut mix = Mix::start(*machine_layer, Vms::Sim);
                for seed in share {
                    println!("{machine_layer}, seed {seed}: {}", life(&mut mix, seed, pauses));
                }
            })
        }));
    }
    let lived: Vec<_> = lives.into_iter().map(thread::JoinHandle::join).collect();
    assert!(lived.iter().all(Result::is_ok), "a guest did not live as it should");
}

/// Leads a life and says what was killed in it.
fn life(mix: &mut Mix, seed: u64, pauses: &Range<u64>) -> String {
    let admin = mix.supervisor().kubectl();
    let name = format!("dev-{seed}");
    let vms = Background::start(admin.command(&[
        "get",
        "virtualmachines",
        "--watch",
        "--no-headers",
        "--output=custom-columns=UID:.metadata.uid,NAME:.metadata.name",
    ]));
    let mut chance = StdRng::seed_from_u64(seed);
    let is_over = AtomicBool::new(false);
    let killed = thread::scope(|scope| {
        let wished = scope.spawn(|| {
            let over = Over(&is_over);
            wish(&admin, &name);
            drop(over);
        });
        let mut killed = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            // The moment is the chance that is tested.
            thread::sleep(Duration::from_millis(chance.random_range(pauses.clone())));
            killed.push(mix.restart(chance.random_range(0..mix.programs())));
        }
        wished.join().expect("each wish came true");
        killed
    });
    let made: BTreeSet<_> = vms.lines().into_iter().filter(|line| line.contains(&name)).collect();
    // Three at first, and three of the next minor.
    assert_eq!(made.len(), 6, "{made:#?}");
    delete(&admin, &name);
    format!("{} killed: {}", killed.len(), killed.join(", "))
}

/// Says that the wishes are over, also when one of them failed.
struct Over<'o>(&'o AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wish(admin: &Kubectl, name: &str) {
    let manifest = Manifest::new(name, "v1.34", 1, 2).text();
    eventually(PATIENCE, "it is created", || {
        let created = admin.run_with("apply -f -", Some(&manifest));
        if created.code == 0 { Ok(()) } else { Err(created.stderr) }
    });
    comes_to_be(admin, name, "v1.34");
    admin.await_success(PATIENCE, &format!("guest upgrade {name} v1.35 --no-wait"));
    comes_to_be(admin, name, "v1.35");
}

fn comes_to_be(admin: &Kubectl, name: &str, version: &str) {
    eventually(PATIENCE, &format!("{name} is Running with {version}"), || {
        let read = admin.run(&format!("get guestcluster {name} -o json"));
        let guest = serde_json::from_str(&read.stdout).map_err(|_| read.stderr)?;
        at_rest(&guest, version, [1, 2])
    });
}

fn delete(admin: &Kubectl, name: &str) {
    admin.run(&format!("guest delete {name} --yes --no-wait")).success();
    eventually(PATIENCE, "nothing is left of it", || {
        let left = admin.names("virtualmachines,machines,clusters.cluster.x-k8s.io,guestclusters");
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}
