//! What is made to happen beside what the VM layer says. Each ends when a lower object shows it.

use serde_json::{Value, json};

use super::{
    played::{
        Played,
        Role::{ControlPlane, Worker},
    },
    vms::{
        self,
        Stage::{Identified, Wanted},
    },
};

/// Guests whose namespaces may have none of a kind.
const LIMITED: [(&str, &str); 4] = [
    ("no-vms", "virtualmachines.vmoperator.vmware.com"),
    ("no-machines", "machines.cluster.x-k8s.io"),
    ("no-balancers", "virtualmachineservices.vmoperator.vmware.com"),
    (
        "no-control-planes",
        "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io",
    ),
];

pub(super) fn no_address_yet(played: &mut Played<'_>) -> Result<(), String> {
    // The others come up meanwhile.
    for (guest, workers) in [("live", 1), ("vms", 0), ("net", 0)] {
        played.namespace(guest);
        played.create(guest, workers);
    }
    for (guest, count) in LIMITED {
        played.namespace(guest);
        played.quota(guest, count, 0);
    }
    played.publish("live")?;
    played.publish("vms")?;
    played.answer("live")?;
    played.report_service("net", "[]", None)
}

pub(super) fn balancer_goes(played: &mut Played<'_>) -> Result<(), String> {
    // The control plane of the one that is to run has time until it is looked at.
    let vm = played.boot("live", ControlPlane)?;
    played.join("live", &vm, ControlPlane);
    played.report_service("net", "[]", None)?;
    let kubectl = played.kubectl("net");
    let keep = r#"{"metadata":{"finalizers":["example.com/hold"]}}"#;
    let patch = ["patch", "virtualmachineservice", "net", "--type=merge", "-p", keep];
    kubectl.args(&patch, None).success();
    kubectl.run("delete virtualmachineservice net --wait=false").success();
    Ok(())
}

pub(super) fn api_silent(played: &mut Played<'_>) -> Result<(), String> {
    // By now the quotas count; what they refuse is looked at later.
    for guest in ["no-vms", "no-machines", "no-balancers"] {
        played.quota_counts(guest);
        played.create(guest, 0);
    }
    for guest in ["no-vms", "no-machines"] {
        played.publish(guest)?;
    }
    played.boot("vms", ControlPlane).map(drop)
}

pub(super) fn never_joins(played: &mut Played<'_>) -> Result<(), String> {
    played.awaited("live", "guestclusters", |guest| {
        condition(guest, "ControlPlaneReady")["status"] == "True"
    })?;
    let worker = played.boot("live", Worker)?;
    let name = worker.metadata.name.clone().unwrap_or_default();
    played
        .awaited("live", "machines", |machine| {
            let healthy = condition(machine, "NodeHealthy");
            let provisioned = machine["status"]["initialization"]["infrastructureProvisioned"] == true;
            machine["metadata"]["name"] == name.as_str()
                && provisioned
                && healthy["status"] != "True"
                && !healthy.is_null()
        })
        .map(drop)
}

pub(super) fn join_fails(played: &mut Played<'_>) -> Result<(), String> {
    let mut status = vms::status(
        Identified,
        &[(
            "GuestBootstrap",
            "BootstrapFailed",
            "kubeadm join: x509: unknown authority",
        )],
    );
    let vm = played.vm("live", Worker)?;
    status["biosUUID"] = json!(vm.metadata.uid);
    played.report("live", Worker, &status)
}

pub(super) fn node_not_ready(played: &mut Played<'_>) -> Result<(), String> {
    let vm = played.boot("live", Worker)?;
    played.join("live", &vm, Worker);
    let name = vm.metadata.name.clone().unwrap_or_default();
    let is_its = |machine: &Value| machine["metadata"]["name"] == name.as_str();
    played.awaited("live", "machines", |machine| {
        is_its(machine) && condition(machine, "Ready")["status"] == "True"
    })?;
    played.node_says("live", &name, "False");
    let shows = |machine: &Value| is_its(machine) && condition(machine, "NodeHealthy")["status"] == "False";
    played.awaited("live", "machines", shows).map(drop)
}

pub(super) fn vm_falls(played: &mut Played<'_>) -> Result<(), String> {
    let vm = played.vm("live", Worker)?;
    let name = vm.metadata.name.clone().unwrap_or_default();
    played.node_says("live", &name, "True");
    let is_well = |machine: &Value| {
        machine["metadata"]["name"] == name.as_str() && condition(machine, "Ready")["status"] == "True"
    };
    played.awaited("live", "machines", is_well)?;
    let mut status = vms::status(Identified, &[]);
    status["biosUUID"] = json!(vm.metadata.uid);
    status["powerState"] = json!("PoweredOff");
    played.report("live", Worker, &status)
}

pub(super) fn set_meets_quota(played: &mut Played<'_>) -> Result<(), String> {
    played.boot("live", Worker)?;
    played.awaited("live", "guestclusters", |guest| {
        condition(guest, "NodePoolsReady")["status"] == "True"
    })?;
    played.quota("live", "machines.cluster.x-k8s.io", 2);
    played.quota_counts("live");
    let kubectl = played.kubectl("live");
    kubectl
        .run("guest scale live --pool default --workers 2 --no-wait")
        .success();
    played
        .awaited("live", "machinesets", |set| {
            set["status"].to_string().contains("exceeded quota")
        })
        .map(drop)
}

pub(super) fn class_gone(played: &mut Played<'_>) -> Result<(), String> {
    played.kubectl("live").run("delete quota few").success();
    played.awaited("live", "virtualmachines", |vm| {
        is_worker(vm) && vm["status"]["biosUUID"].is_null()
    })?;
    played.report(
        "live",
        Worker,
        &vms::status(Wanted, &[("VirtualMachineClassReady", "NotFound", "class is gone")]),
    )
}

pub(super) fn drain_blocked(played: &mut Played<'_>) -> Result<(), String> {
    let node = played.awaited("live", "machines", |machine| {
        is_worker_machine(machine) && !machine["status"]["nodeRef"].is_null()
    })?;
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    played.stuck_pod("live", name);
    let kubectl = played.kubectl("live");
    let keep = r#"{"metadata":{"finalizers":["example.com/backup"]}}"#;
    kubectl
        .args(&["patch", "virtualmachine", name, "--type=merge", "-p", keep], None)
        .success();
    kubectl
        .run("guest scale live --pool default --workers 0 --no-wait")
        .success();
    played
        .awaited("live", "machines", |machine| {
            let deleting = condition(machine, "Deleting");
            deleting["reason"] == "DrainingNode" && deleting["message"].to_string().contains("stuck")
        })
        .map(drop)
}

pub(super) fn vm_kept(played: &mut Played<'_>) -> Result<(), String> {
    played
        .awaited("live", "virtualmachines", |vm| {
            !vm["metadata"]["deletionTimestamp"].is_null()
        })
        .map(drop)
}

pub(super) fn no_vms(played: &mut Played<'_>) -> Result<(), String> {
    // Whoever drains looks again after a while.
    played.release_pod("live");
    let refused = |machine: &Value| {
        let message = &condition(machine, "VirtualMachineProvisioned")["message"];
        message.to_string().contains("exceeded quota")
    };
    played.awaited("no-vms", "vspheremachines", refused).map(drop)
}

pub(super) fn no_machines(played: &mut Played<'_>) -> Result<(), String> {
    let refused = |control_plane: &Value| control_plane["status"].to_string().contains("exceeded quota");
    played.awaited("no-machines", "kubeadmcontrolplanes", refused).map(drop)
}

pub(super) fn no_balancers(played: &mut Played<'_>) -> Result<(), String> {
    let refused = |cluster: &Value| cluster["status"].to_string().contains("exceeded quota");
    played.awaited("no-balancers", "vsphereclusters", refused).map(drop)
}

pub(super) fn no_control_planes(played: &mut Played<'_>) -> Result<(), String> {
    played.quota_counts("no-control-planes");
    played.create("no-control-planes", 0);
    played
        .awaited("no-control-planes", "guestclusters", Value::is_object)
        .map(drop)
}

pub(super) fn name_taken(played: &mut Played<'_>) -> Result<(), String> {
    let kubectl = played.namespace("taken");
    let other = r#"{"apiVersion":"vmware.infrastructure.cluster.x-k8s.io/v1beta2","kind":"VSphereCluster","metadata":{"name":"taken"}}"#;
    kubectl.run_with("create -f -", Some(other)).success();
    played.create("taken", 0);
    played.awaited("taken", "guestclusters", Value::is_object).map(drop)
}

pub(super) fn cluster_kept(played: &mut Played<'_>) -> Result<(), String> {
    let kubectl = played.kubectl("net");
    let release = r#"{"metadata":{"finalizers":null}}"#;
    kubectl
        .args(
            &["patch", "virtualmachineservice", "net", "--type=merge", "-p", release],
            None,
        )
        .success();
    let keep = r#"[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/hold"}]"#;
    kubectl
        .args(
            &["patch", "cluster.cluster.x-k8s.io", "net", "--type=json", "-p", keep],
            None,
        )
        .success();
    kubectl.run("delete guestcluster net --wait=false").success();
    let left_alone = |cluster: &Value| cluster["metadata"]["finalizers"] == json!(["example.com/hold"]);
    played.awaited("net", "clusters.cluster.x-k8s.io", left_alone).map(drop)
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

fn is_worker(vm: &Value) -> bool {
    vm["metadata"]["labels"]["capv.vmware.com/cluster.role"] == "node"
}

fn is_worker_machine(machine: &Value) -> bool {
    machine["metadata"]["labels"]["cluster.x-k8s.io/control-plane"].is_null()
}
