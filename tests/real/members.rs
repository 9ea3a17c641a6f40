//! Control planes of several VMs: their members come and go, and no write fails meanwhile. Not in every run: four control planes and
//! an older Kubernetes are much for a small machine.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use guestcluster_tests::{Kubectl, Manifest, Supervisor, built, eventually};

use crate::{
    guest::{supervisor, supervisor_with},
    login::{credential, signed_in, text},
};

/// Longest for a control plane to be as wanted, on a machine with much else to do.
const PATIENCE: u64 = 240;

#[test]
#[ignore = "four control planes at once: hack/test --full"]
fn members_come_and_go_while_somebody_writes() {
    let supervisor = supervisor();
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.37", 1, 0));
    let writer = Writer::start(supervisor.guest_kubectl("team-a", "dev"));
    scale(&admin, 3);
    let before = machines(&admin);
    assert_eq!(members(&supervisor), before);
    a_revocation_is_in_force_at_each_of_them(&supervisor);

    admin
        .run(&format!("delete machine {} --timeout=60s", before[0]))
        .success();
    eventually(PATIENCE, "another member in its place", || {
        let (now, members) = (machines(&admin), members(&supervisor));
        let is_replaced = now.len() == 3 && !now.contains(&before[0]) && members == now;
        is_replaced
            .then_some(())
            .ok_or(format!("{before:?} {now:?} {members:?}"))
    });
    admin.await_ready("dev");

    scale(&admin, 1);
    assert_eq!(members(&supervisor), machines(&admin));
    // All of them are others than the first, which began the cluster.
    assert!(writer.stop() > 10);
}

/// The command returns when none of them accepts the credential any more.
fn a_revocation_is_in_force_at_each_of_them(supervisor: &Supervisor) {
    let admin = supervisor.kubectl();
    let credential = credential(&signed_in(supervisor, "ann"), "dev");
    let listed = "get virtualmachines -l capv.vmware.com/cluster.role=controlplane -o jsonpath={.items[*].status.network.primaryIP4}";
    let addresses = admin.run(listed).success();
    let node = |address: &str| {
        let (authority, token) = (
            text(&credential, "certificateAuthorityData"),
            text(&credential, "token"),
        );
        supervisor.kubectl_with_token(&format!("https://{address}:6443"), authority, token)
    };
    let nodes: Vec<_> = addresses.split_whitespace().map(node).collect();
    assert_eq!(nodes.len(), 3, "{addresses}");
    for node in &nodes {
        node.await_success(PATIENCE, "get namespace default");
    }
    let (record, deleted) = (text(&credential, "credentialName"), Instant::now());
    let delete = format!("delete guestcredential {record} --timeout={PATIENCE}s");
    admin.run(&delete).success();
    println!(
        "in force at three nodes, and told, after {:.1} s",
        deleted.elapsed().as_secs_f64()
    );
    for node in &nodes {
        node.run("get namespace default").refused("Unauthorized");
    }
}

#[test]
#[ignore = "needs hack/components/build kubernetes-1.36: hack/test --full"]
fn a_guest_is_upgraded_by_a_minor_while_somebody_writes() {
    let supervisor = supervisor_with(&built("kubernetes-1.36"));
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.36", 1, 1));
    let guest = supervisor.guest_kubectl("team-a", "dev");
    assert!(guest.run("version -o json").success().contains("\"v1.36."));
    guest.run("create deployment web --image=nginx").success();
    let writer = Writer::start(guest.clone());
    admin
        .run(&format!("guest upgrade dev v1.37 --timeout {PATIENCE}s"))
        .success();
    assert!(guest.run("version -o json").success().contains("\"v1.37."));
    let versions = guest
        .run("get nodes -o jsonpath={.items[*].status.nodeInfo.kubeletVersion}")
        .success();
    assert_eq!(versions, "v1.37.2 v1.37.2");
    guest.run("get deployment web").success();
    assert!(writer.stop() > 10);
}

/// Writes into the guest all the time.
struct Writer {
    stop: Arc<AtomicBool>,
    writes: JoinHandle<u32>,
}

impl Writer {
    fn start(guest: Kubectl) -> Self {
        guest.run("create configmap written").success();
        let stop = Arc::<AtomicBool>::default();
        let told = stop.clone();
        let writes = thread::spawn(move || {
            let mut count = 0;
            while !told.load(Ordering::Relaxed) {
                count += 1;
                guest
                    .run(&format!(
                        "--request-timeout=10s annotate configmap written at={count} --overwrite"
                    ))
                    .success();
            }
            count
        });
        Self { stop, writes }
    }

    /// How many writes there were; panics if one failed.
    fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.writes.join().expect("no write failed")
    }
}

fn scale(admin: &Kubectl, replicas: u32) {
    admin
        .run(&format!(
            "guest scale dev --control-plane {replicas} --timeout {PATIENCE}s"
        ))
        .success();
}

fn machines(admin: &Kubectl) -> Vec<String> {
    let listed = admin.run("get machines -l cluster.x-k8s.io/control-plane -o jsonpath={.items[*].metadata.name}");
    let mut names: Vec<_> = listed.success().split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

/// Names of the voting members of the guest's etcd, as one of them tells.
fn members(supervisor: &Supervisor) -> Vec<String> {
    let vms = supervisor.data_dir().join("process/vms");
    let folders = std::fs::read_dir(vms).unwrap().map(|entry| entry.unwrap().path());
    let lists = folders.filter_map(|folder| list(&folder));
    let mut names: Vec<_> = lists.last().expect("one answers");
    names.sort();
    names
}

fn list(vm: &Path) -> Option<Vec<String>> {
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(vm.join("vm.json")).ok()?).ok()?;
    let pki = vm.join("root/etc/kubernetes/pki/etcd");
    let output = Command::new("curl")
        .args(["--silent", "--fail", "--max-time", "10", "--data", "{}"])
        .arg("--cacert")
        .arg(pki.join("ca.crt"))
        .arg("--cert")
        .arg(pki.join("peer.crt"))
        .arg("--key")
        .arg(pki.join("peer.key"))
        .arg(format!(
            "https://{}:2379/v3/cluster/member/list",
            record["address"].as_str()?
        ))
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let members = list["members"].as_array()?.iter();
    let voting = members.filter(|member| member["isLearner"] != true);
    Some(
        voting
            .filter_map(|member| Some(member["name"].as_str()?.to_owned()))
            .collect(),
    )
}
