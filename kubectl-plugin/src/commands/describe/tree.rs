//! The tree of a cluster: its load balancer, control plane and pools, with their machines.

use guestcluster_types::{
    GuestCluster, labels,
    upstream::{capi::Machine, vmoperator::VirtualMachine},
};
use kube::ResourceExt as _;

use super::blocking::{self, Mark};
use crate::{commands::running_version, output::age};

/// The cluster, its parts, what blocks it, and what to do.
pub(super) fn render(
    cluster: &GuestCluster,
    machines: &[Machine],
    vms: &[VirtualMachine],
    now: jiff::Timestamp,
) -> String {
    let mark = Mark::of(cluster, machines);
    let mut lines = vec![headline(cluster, now) + &mark.on_cluster()];
    lines.push(format!("├─ load balancer  {}", balancer(cluster)) + &mark.on_network());
    let (control_plane, workers): (Vec<_>, Vec<_>) = machines
        .iter()
        .partition(|machine| machine.labels().contains_key(labels::CONTROL_PLANE));
    let mut branches = vec![(control_plane_line(cluster) + &mark.on_control_plane(), control_plane)];
    for pool in &cluster.spec.topology.node_pools {
        let deployment = guestcluster_types::names::pool(&cluster.name_any(), &pool.name);
        let of_pool = |machine: &&Machine| machine.labels().get(labels::DEPLOYMENT_NAME) == Some(&deployment);
        branches.push((
            pool_line(cluster, &pool.name) + &mark.on_pool(&deployment),
            workers.iter().copied().filter(of_pool).collect(),
        ));
    }
    let last = branches.len() - 1;
    for (index, (line, machines)) in branches.into_iter().enumerate() {
        let (branch, stem) = if index == last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        lines.push(format!("{branch} {line}"));
        lines.extend(machine_lines(machines, vms, &mark, stem));
    }
    lines.extend(blocking::ready_lines(cluster));
    lines.join("\n") + "\n"
}

fn headline(cluster: &GuestCluster, now: jiff::Timestamp) -> String {
    let status = cluster.status.clone().unwrap_or_default();
    let phase = status
        .phase
        .map_or_else(|| "Pending".to_owned(), |phase| format!("{phase:?}"));
    let distribution = status.distribution.unwrap_or_default();
    let version = match (&distribution.version, &distribution.target) {
        (Some(version), Some(target)) if version != target => format!("{version} -> {target}"),
        _ => running_version(cluster)
            .unwrap_or(&cluster.spec.distribution.version)
            .clone(),
    };
    let mut line = format!("{}   {phase} {version}", cluster.name_any());
    if let Some(operation) = status.operation.filter(|operation| !operation.is_complete()) {
        let since = age(now.duration_since(operation.since.0).as_secs());
        line += &format!(
            ", {:?} for {since}, step {}/{}: {}",
            operation.kind, operation.step, operation.of, operation.name
        );
    }
    if let Some(endpoint) = status.api_endpoint {
        line += &format!("   https://{endpoint}");
    }
    line
}

fn balancer(cluster: &GuestCluster) -> String {
    let endpoint = cluster.status.as_ref().and_then(|status| status.api_endpoint.as_ref());
    endpoint.map_or_else(|| "-".to_owned(), ToString::to_string)
}

fn control_plane_line(cluster: &GuestCluster) -> String {
    let numbers = cluster
        .status
        .as_ref()
        .and_then(|status| status.control_plane.clone())
        .unwrap_or_default();
    format!(
        "control plane  {}/{}",
        numbers.ready, cluster.spec.topology.control_plane.replicas
    ) + &behind(numbers.ready, numbers.up_to_date)
}

fn pool_line(cluster: &GuestCluster, name: &str) -> String {
    let pools = cluster
        .status
        .as_ref()
        .map(|status| status.node_pools.as_slice())
        .unwrap_or_default();
    let numbers = pools.iter().find(|pool| pool.name == name).cloned().unwrap_or_default();
    format!("pool {name}  {}/{}", numbers.ready, numbers.desired) + &behind(numbers.ready, numbers.up_to_date)
}

/// How many nodes are still of the old kind.
fn behind(ready: i32, up_to_date: i32) -> String {
    match ready - up_to_date {
        ..1 => String::new(),
        old => format!(" ({up_to_date} new, {old} old)"),
    }
}

fn machine_lines(mut machines: Vec<&Machine>, vms: &[VirtualMachine], mark: &Mark<'_>, stem: &str) -> Vec<String> {
    machines.sort_by_key(|machine| machine.name_any());
    let last = machines.len().saturating_sub(1);
    let width = machines
        .iter()
        .map(|machine| machine.name_any().len())
        .max()
        .unwrap_or_default();
    let line = |(index, machine): (usize, &Machine)| {
        let branch = if index == last { "└─" } else { "├─" };
        let name = machine.name_any();
        let vm = vms.iter().find(|vm| vm.name_any() == name);
        let address = vm
            .and_then(|vm| vm.status.network.as_ref()?.primary_ip4.clone())
            .unwrap_or_else(|| "-".to_owned());
        let class = vm.and_then(|vm| vm.spec.class_name.clone()).unwrap_or_default();
        let version = machine.spec.version.clone().unwrap_or_default();
        let phase = machine.status.phase.clone().unwrap_or_else(|| "Pending".to_owned());
        let zone = machine
            .status
            .failure_domain
            .as_ref()
            .or(machine.spec.failure_domain.as_ref());
        let zone = zone.map(|zone| format!("  {zone}")).unwrap_or_default();
        let waits = mark.on_machine(machine);
        format!("{stem} {branch} {name:<width$}  {phase:<12} {version}  {address}  {class}{zone}{waits}")
    };
    machines.into_iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TIME: &str = "2026-01-01T00:00:00Z";

    fn cluster(blocked: &Value) -> GuestCluster {
        serde_json::from_value(json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster",
            "metadata": {"name": "dev", "namespace": "team-a"},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {
                    "controlPlane": {"vmClass": "small", "storageClass": "gold"},
                    "nodePools": [{"name": "default", "replicas": 1, "vmClass": "small", "storageClass": "gold"}],
                },
            },
            "status": {
                "phase": "Provisioning", "distribution": {"version": "v1.34.2"}, "blockedBy": blocked,
                "conditions": [{"type": "Ready", "status": "False", "reason": "NoAddress", "message": "waiting for VM dev-cp-1",
                    "lastTransitionTime": TIME}],
            },
        }))
        .unwrap()
    }

    fn machine(name: &str) -> Machine {
        serde_json::from_value(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
            "metadata": {"name": name, "labels": {"cluster.x-k8s.io/control-plane": ""}},
            "spec": {"clusterName": "dev", "version": "v1.34.2", "infrastructureRef": {"kind": "VSphereMachine", "name": format!("{name}-i")},
                "bootstrap": {"configRef": {"kind": "KubeadmConfig", "name": format!("{name}-b")}}},
            "status": {"phase": "Provisioning", "nodeRef": {"name": format!("{name}.local")}, "conditions": [
                {"type": "Ready", "status": "False", "reason": "NotReady", "message": "* one:\n  * two", "lastTransitionTime": TIME},
            ]},
        }))
        .unwrap()
    }

    fn shown(blocked: &Value) -> String {
        render(
            &cluster(blocked),
            &[machine("dev-cp-1"), machine("dev-cp-2")],
            &[],
            TIME.parse().unwrap(),
        )
    }

    #[test]
    fn the_tree_goes_down_to_the_machine_that_blocks() {
        let blocked = json!({"kind": "VirtualMachine", "name": "dev-cp-1", "reason": "NoAddress", "message": "waiting for DHCP",
            "advice": "ask for more addresses", "others": 0});
        let text = shown(&blocked);
        assert!(
            text.starts_with("dev   Provisioning v1.34.2\n├─ load balancer  -\n├─ control plane  0/1\n│  ├─ dev-cp-1"),
            "{text}"
        );
        assert_eq!(text.matches('←').count(), 1, "{text}");
        assert!(text.contains("   (NotReady: one:; two)\n"), "{text}");
        let end = "Ready=False  NoAddress: waiting for VM dev-cp-1\n\
                   Blocked by  VirtualMachine dev-cp-1\n\
                   What to do  ask for more addresses\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn each_object_is_marked_in_its_place() {
        for (kind, name, line) in [
            ("VirtualMachine", "dev-cp-1", "dev-cp-1  "),
            ("VSphereMachine", "dev-cp-1-i", "dev-cp-1  "),
            ("KubeadmConfig", "dev-cp-2-b", "dev-cp-2  "),
            ("Machine", "dev-cp-2", "dev-cp-2  "),
            ("Node", "dev-cp-2.local", "dev-cp-2  "),
            ("VirtualMachineService", "dev", "load balancer  -"),
            ("VSphereCluster", "dev", "load balancer  -"),
            ("KubeadmControlPlane", "dev-cp", "control plane  0/1"),
            ("MachineDeployment", "dev-default", "pool default  0/0"),
            ("MachineSet", "dev-default-x7", "pool default  0/0"),
            ("GuestCluster", "dev", "dev   Provisioning v1.34.2   ← Reason: why"),
            (
                "Cluster",
                "dev",
                "dev   Provisioning v1.34.2   ← Cluster dev: Reason: why",
            ),
            (
                "VirtualMachine",
                "not-shown",
                "dev   Provisioning v1.34.2   ← VirtualMachine not-shown: ",
            ),
        ] {
            let text = shown(
                &json!({"kind": kind, "name": name, "reason": "Reason", "message": "why", "advice": "do", "others": 0}),
            );
            let marked: Vec<_> = text.lines().filter(|line| line.contains('←')).collect();
            assert!(
                marked.len() == 1 && marked[0].contains(line) && marked[0].ends_with("Reason: why"),
                "{kind}: {text}"
            );
        }
    }

    #[test]
    fn a_machine_shows_its_zone_or_the_one_it_is_asked_to_be_in() {
        let [one, mut two, mut three] = ["dev-cp-1", "dev-cp-2", "dev-cp-3"].map(machine);
        two.spec.failure_domain = Some("asked".to_owned());
        three.status.failure_domain = Some("there".to_owned());
        let text = render(&cluster(&Value::Null), &[one, two, three], &[], TIME.parse().unwrap());
        let has = |line: &str| text.lines().any(|shown| shown.contains(line));
        let lines = [
            "cp-1  Provisioning v1.34.2  -     ←",
            "-    asked   ←",
            "-    there   ←",
        ];
        assert!(lines.into_iter().all(has), "{text}");
    }

    #[test]
    fn a_server_that_names_no_object_shows_what_machines_say() {
        let text = shown(&Value::Null);
        assert_eq!(text.matches("   ← NotReady: one:; two").count(), 2, "{text}");
        assert!(
            text.ends_with("Ready=False  NoAddress: waiting for VM dev-cp-1\n"),
            "{text}"
        );
    }
}
