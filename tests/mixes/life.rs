//! The life of a guest whose machine layer is upstream's.

use std::time::Instant;

use guestcluster_tests::{ClusterApi, Kubectl, LAYERS, Manifest, Mode, Start, Supervisor, eventually};

/// Longest for a step of upstream's, whose managers look again every 30 s for what they don't watch, and back off for minutes.
const PATIENCE: u64 = 400;

#[test]
fn upstreams_machine_layer_makes_scales_upgrades_and_deletes_a_guest_of_our_vms() {
    let supervisor = Supervisor::start(Start {
        mode: Mode::Aggregated,
        layers: Some("guest,vm".to_owned()),
        sim: Some("delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}\n".to_owned()),
        ..Start::default()
    });
    let managers = ClusterApi::start(supervisor.host());
    let admin = supervisor.kubectl();
    let mut times = Times::default();
    let manifest = Manifest::new("dev", "v1.34", 1, 2).text();
    times.take("create, 1 and 2 nodes", || {
        admin.run_with("create -f -", Some(&manifest)).success();
        is_running(&admin, &managers, "v1.34.", [1, 2]);
    });
    let guest = supervisor.guest_kubectl("team-a", "dev");
    assert_eq!(guest.names("nodes").len(), 3);
    times.take("scale workers to 4", || {
        guest_command(&admin, "scale dev --pool default --workers 4");
        is_running(&admin, &managers, "v1.34.", [1, 4]);
    });
    times.take("scale the control plane to 3", || {
        guest_command(&admin, "scale dev --control-plane 3");
        is_running(&admin, &managers, "v1.34.", [3, 4]);
    });
    times.take("upgrade by a minor", || {
        guest_command(&admin, "upgrade dev v1.35");
        is_running(&admin, &managers, "v1.35.", [3, 4]);
    });
    let versions = guest
        .run("get nodes -o jsonpath={.items[*].status.nodeInfo.kubeletVersion}")
        .success();
    assert!(
        versions.split_whitespace().all(|version| version.starts_with("v1.35.")),
        "{versions}"
    );
    times.take("delete", || {
        guest_command(&admin, "delete dev --yes");
        nothing_is_left(&admin);
    });
    times.print();
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

fn guest_command(admin: &Kubectl, command: &str) {
    admin.run(&format!("guest {command} --no-wait")).success();
}

/// In this version, with so many nodes in the control plane and in its pool.
fn is_running(admin: &Kubectl, managers: &ClusterApi, version: &str, nodes: [u64; 2]) {
    eventually(PATIENCE, "it is Running", || {
        let guest = admin.json("get guestcluster dev");
        let status = &guest["status"];
        let ready = [&status["controlPlane"], &status["nodePools"][0]].map(|part| part["ready"].as_u64());
        let runs = status["distribution"]["version"].as_str().unwrap_or_default();
        let is_seen = status["observedGeneration"] == guest["metadata"]["generation"];
        let is_over = status["operation"]["step"] == status["operation"]["of"];
        let is_at_rest = status["phase"] == "Running" && is_seen && is_over;
        if is_at_rest && ready == nodes.map(Some) && runs.starts_with(version) {
            Ok(())
        } else {
            Err(format!("{status}\n{}", managers.log_tail()))
        }
    });
}

/// How long each step took.
#[derive(Default)]
struct Times(Vec<(&'static str, f64)>);

impl Times {
    fn take(&mut self, step: &'static str, run: impl FnOnce()) {
        let begun = Instant::now();
        run();
        self.0.push((step, begun.elapsed().as_secs_f64()));
    }

    fn print(&self) {
        println!("| step | seconds |\n|---|---|");
        for (step, seconds) in &self.0 {
            println!("| {step} | {seconds:.1} |");
        }
    }
}
