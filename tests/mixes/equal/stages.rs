//! What both machine layers are asked for, one after the other.

use guestcluster_tests::{Kubectl, Manifest, Mix, eventually};
use serde_json::{Value, json};

use crate::wishes::{PATIENCE, guest_command, is_running};

/// A wish, and how it is told to a mix and awaited.
pub(super) type Stage = (&'static str, fn(&Mix));

pub(super) const STAGES: [Stage; 10] = [
    ("create", create),
    ("scale up", |mix| {
        let admin = mix.supervisor().kubectl();
        guest_command(&admin, "scale dev --control-plane 3");
        guest_command(&admin, "scale dev --pool default --workers 3");
        is_running(mix, "v1.34", [3, 3]);
    }),
    ("a worker deleted by hand", |mix| {
        replaced(mix, WORKERS, |admin, machine| {
            admin.run(&format!("delete machine {machine} --wait=false")).success();
        });
        is_running(mix, "v1.34", [3, 3]);
    }),
    ("a worker that somebody wants replaced", |mix| {
        replaced(mix, WORKERS, |admin, machine| {
            let annotate = format!("annotate machine {machine} cluster.x-k8s.io/remediate-machine=");
            admin.run(&annotate).success();
        });
        is_running(mix, "v1.34", [3, 3]);
    }),
    ("paused", |mix| pause(mix, true)),
    ("unpaused", |mix| pause(mix, false)),
    ("upgrade, and another number of workers while it runs", |mix| {
        let admin = mix.supervisor().kubectl();
        guest_command(&admin, "upgrade dev v1.35");
        eventually(PATIENCE, "a machine has the new version", || {
            let machines = machines(&admin, CONTROL_PLANE);
            let is_new = |machine: &Value| {
                let version = machine["spec"]["version"].as_str().unwrap_or_default();
                version.starts_with("v1.35.")
            };
            if machines.iter().any(is_new) {
                Ok(())
            } else {
                Err(String::new())
            }
        });
        guest_command(&admin, "scale dev --pool default --workers 4");
        is_running(mix, "v1.35", [3, 4]);
    }),
    ("a control-plane machine deleted by hand", |mix| {
        replaced(mix, CONTROL_PLANE, |admin, machine| {
            admin.run(&format!("delete machine {machine} --wait=false")).success();
        });
        is_running(mix, "v1.35", [3, 4]);
    }),
    ("scale down", |mix| {
        let admin = mix.supervisor().kubectl();
        guest_command(&admin, "scale dev --control-plane 1");
        guest_command(&admin, "scale dev --pool default --workers 1");
        is_running(mix, "v1.35", [1, 1]);
    }),
    ("zones", zones),
];

/// Labels of Machines.
const CONTROL_PLANE: &str = "cluster.x-k8s.io/control-plane";
const WORKERS: &str = "cluster.x-k8s.io/deployment-name";

fn create(mix: &Mix) {
    let mut manifest = Manifest::new("dev", "v1.34", 1, 2);
    let pool = &mut manifest.object["spec"]["topology"]["nodePools"][0];
    pool["labels"] = json!({"tier": "web"});
    pool["taints"] = json!([{"key": "dedicated", "value": "web", "effect": "NoSchedule"}]);
    let admin = mix.supervisor().kubectl();
    admin.run_with("create -f -", Some(&manifest.text())).success();
    is_running(mix, "v1.34", [1, 2]);
}

fn machines(admin: &Kubectl, label: &str) -> Vec<Value> {
    let all = admin.json(&format!(
        "get machines -l {label} --sort-by=.metadata.creationTimestamp"
    ));
    all["items"].as_array().cloned().unwrap_or_default()
}

fn name(machine: &Value) -> &str {
    machine["metadata"]["name"].as_str().unwrap_or_default()
}

/// Does something to the oldest Machine with a label, and waits until it is gone and there are as many as before.
fn replaced(mix: &Mix, label: &str, act: impl Fn(&Kubectl, &str)) {
    let admin = mix.supervisor().kubectl();
    let before = machines(&admin, label);
    let oldest = before.first().map(name).expect("a Machine").to_owned();
    act(&admin, &oldest);
    eventually(PATIENCE, &format!("another one in the place of {oldest}"), || {
        let now = machines(&admin, label);
        let names: Vec<_> = now.iter().map(name).collect();
        if names.len() == before.len() && !names.contains(&oldest.as_str()) {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    });
}

/// Machines in zones: a control plane in each of them, a pool in one.
fn zones(mix: &Mix) {
    let admin = mix.supervisor().kubectl();
    for zone in ["a", "b", "c"] {
        let zone = json!({"apiVersion": "topology.tanzu.vmware.com/v1alpha1", "kind": "AvailabilityZone", "metadata": {"name": zone}});
        admin.run_with("create -f -", Some(&zone.to_string())).success();
    }
    // Upstream reads them whenever it looks at the object for another reason.
    admin.run("annotate vspherecluster dev zones=new").success();
    eventually(PATIENCE, "the zones are failure domains", || {
        let cluster = admin.json("get clusters.cluster.x-k8s.io dev");
        let domains = &cluster["status"]["failureDomains"];
        if domains.as_array().is_some_and(|domains| domains.len() == 3) {
            Ok(())
        } else {
            Err(domains.to_string())
        }
    });
    let patch = json!([{"op": "add", "path": "/spec/topology/nodePools/0/failureDomain", "value": "b"}]).to_string();
    let patch = ["patch", "guestcluster", "dev", "--type=json", "-p", &patch];
    assert_eq!(admin.args(&patch, None).code, 0);
    guest_command(&admin, "scale dev --control-plane 3");
    is_running(mix, "v1.35", [3, 1]);
    // The one from before is in none.
    replaced(mix, CONTROL_PLANE, |admin, machine| {
        admin.run(&format!("delete machine {machine} --wait=false")).success();
    });
    is_running(mix, "v1.35", [3, 1]);
}

/// Until every object of the machine layer that can say so does.
fn pause(mix: &Mix, paused: bool) {
    let admin = mix.supervisor().kubectl();
    let patch = json!({"spec": {"paused": paused}}).to_string();
    let patch = ["patch", "guestcluster", "dev", "--type=merge", "-p", &patch];
    assert_eq!(admin.args(&patch, None).code, 0);
    let kinds = "clusters.cluster.x-k8s.io,kubeadmcontrolplanes,machinedeployments,machinesets,machines,kubeadmconfigs,\
        machinehealthchecks,vsphereclusters,vspheremachines";
    let wanted = if paused { "True" } else { "False" };
    eventually(PATIENCE, &format!("Paused is {wanted} everywhere"), || {
        let all = admin.json(&format!("get {kinds}"));
        let others = all["items"].as_array().into_iter().flatten().filter(|object| {
            let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
            !conditions.any(|condition| condition["type"] == "Paused" && condition["status"] == wanted)
        });
        let others: Vec<_> = others
            .map(|object| format!("{} {}", object["kind"], name(object)))
            .collect();
        if others.is_empty() {
            Ok(())
        } else {
            Err(others.join(", "))
        }
    });
}
