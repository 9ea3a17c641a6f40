//! The life of a guest in each mix of layers, and how long its steps take.

use std::{env, fmt::Write as _, fs, process::Command, thread, time::Instant};

use guestcluster_tests::{Kubectl, LAYERS, MachineLayer, Manifest, Mix, Vms, binaries, eventually};

use crate::hung;
use crate::wishes::{PATIENCE, guest_command, is_running};

/// A mix, and the minors that its guest begins with and is upgraded to.
const MIXES: [(MachineLayer, Vms, [&str; 2]); 4] = [
    (MachineLayer::Ours, Vms::Sim, ["v1.34", "v1.35"]),
    (MachineLayer::Ours, Vms::Process, ["v1.36", "v1.37"]),
    (MachineLayer::Upstream, Vms::Sim, ["v1.34", "v1.35"]),
    (MachineLayer::Upstream, Vms::Process, ["v1.36", "v1.37"]),
];

/// Labels of Machines.
const CONTROL_PLANE: &str = "cluster.x-k8s.io/control-plane";
const WORKERS: &str = "cluster.x-k8s.io/deployment-name";
/// Names mixes, `MACHINE-VM` with commas between them, that run instead of all.
const CHOSEN: &str = "GUESTCLUSTERS_MIXES";

#[test]
fn every_mix_makes_scales_upgrades_and_deletes_a_guest() {
    let chosen = env::var(CHOSEN).unwrap_or_default();
    let mixes: Vec<_> = MIXES
        .into_iter()
        .filter(|(machine_layer, vms, _)| {
            let name = format!("{machine_layer}-{vms}");
            chosen.is_empty() || chosen.split(',').any(|chosen| chosen == name)
        })
        .collect();
    assert!(!mixes.is_empty(), "{CHOSEN}={chosen} names no mix");
    let lives: Vec<_> = mixes
        .into_iter()
        .map(|(machine_layer, vms, versions)| {
            thread::spawn(move || {
                (
                    format!("{machine_layer}, {vms}"),
                    live(&Mix::start(machine_layer, vms), remediated(machine_layer), versions),
                )
            })
        })
        .collect();
    let lived: Vec<_> = lives.into_iter().map(thread::JoinHandle::join).collect();
    let lived: Vec<_> = lived
        .into_iter()
        .map(|life| life.expect("the guest lived as it should"))
        .collect();
    println!("{}", table(&lived));
}

/// The steps of a guest's life, and how long each took, seconds; none where there was nothing to do.
type Steps = Vec<(&'static str, Option<f64>)>;

/// Upstream's control plane asks its etcd before it replaces a member, which it can't where it does not manage it: 1.14.2 then never
/// does (0043).
fn remediated(machine_layer: MachineLayer) -> &'static [&'static str] {
    match machine_layer {
        MachineLayer::Ours => &[CONTROL_PLANE, WORKERS],
        MachineLayer::Upstream => &[WORKERS],
    }
}

fn live(mix: &Mix, remediated: &[&str], [from, to]: [&str; 2]) -> Steps {
    let admin = mix.supervisor().kubectl();
    let mut steps = Steps::new();
    let mut take = |step, run: &dyn Fn()| {
        let begun = Instant::now();
        run();
        steps.push((step, Some(begun.elapsed().as_secs_f64())));
    };
    take("create, 1 and 2 nodes", &|| {
        let manifest = Manifest::new("dev", from, 1, 2).text();
        admin.run_with("create -f -", Some(&manifest)).success();
        is_running(mix, from, [1, 2]);
    });
    let guest = mix.supervisor().guest_kubectl("team-a", "dev");
    assert_eq!(guest.names("nodes").len(), 3);
    passes_the_check(mix);
    take("scale workers to 4", &|| {
        guest_command(&admin, "scale dev --pool default --workers 4");
        is_running(mix, from, [1, 4]);
    });
    take("scale the control plane to 3", &|| {
        guest_command(&admin, "scale dev --control-plane 3");
        is_running(mix, from, [3, 4]);
    });
    take("hung VMs replaced by their health checks", &|| {
        // Before that, no health check looks at a node.
        let available = format!("wait cluster dev --for=condition=Available --timeout={PATIENCE}s");
        admin.run(&available).success();
        for kind in remediated {
            hung::is_replaced(mix, &guest, kind);
        }
        is_running(mix, from, [3, 4]);
    });
    guest.run("create configmap kept").success();
    take("upgrade by a minor, 7 nodes", &|| {
        guest_command(&admin, &format!("upgrade dev {to}"));
        is_running(mix, to, [3, 4]);
    });
    has_version(&guest, to);
    guest.run("get configmap kept").success();
    take("delete, nothing left", &|| {
        guest_command(&admin, "delete dev --yes");
        nothing_is_left(&admin);
        no_disk_is_left(mix);
    });
    steps
}

/// What an administrator asks finds nothing that does not work.
fn passes_the_check(mix: &Mix) {
    let output = Command::new(binaries().join("guestcluster-apiserver"))
        .args(["check", "--layers", mix.layers(), "--kubeconfig"])
        .arg(mix.supervisor().admin_kubeconfig())
        .output()
        .expect("the program is there");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

fn has_version(guest: &Kubectl, version: &str) {
    let listed = "get nodes -o jsonpath={.items[*].status.nodeInfo.kubeletVersion}";
    let versions = guest.run(listed).success();
    let minor = format!("{version}.");
    assert!(
        versions.split_whitespace().all(|version| version.starts_with(&minor)),
        "{versions}"
    );
}

fn nothing_is_left(admin: &Kubectl) {
    let kinds = LAYERS.iter().copied().chain(["guestclusters", "secrets"]);
    eventually(PATIENCE, "nothing is left", || {
        let left: Vec<_> = kinds
            .clone()
            .map(|kind| (kind, admin.names(kind)))
            .filter(|(_, names)| !names.is_empty())
            .collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    });
}

/// Of VMs that are processes: their folders go when their processes have ended.
fn no_disk_is_left(mix: &Mix) {
    let vms = mix.supervisor().data_dir().join("process/vms");
    eventually(PATIENCE, "no disk is left", || {
        let folders = fs::read_dir(&vms).into_iter().flatten();
        match folders.count() {
            0 => Ok(()),
            left => Err(format!("{left} folders in {}", vms.display())),
        }
    });
}

fn table(lived: &[(String, Steps)]) -> String {
    let names: Vec<_> = lived.iter().map(|(name, _)| name.as_str()).collect();
    let mut table = format!(
        "| step, seconds | {} |\n|---{}|\n",
        names.join(" | "),
        "|---".repeat(lived.len())
    );
    let steps = lived.first().map_or(0, |(_, steps)| steps.len());
    for step in 0..steps {
        let (name, _) = lived[0].1[step];
        let times: Vec<_> = lived
            .iter()
            .map(|(_, steps)| {
                steps[step]
                    .1
                    .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"))
            })
            .collect();
        // A string takes everything.
        let _ = writeln!(table, "| {name} | {} |", times.join(" | "));
    }
    table
}
