//! `kubectl guest describe`: a cluster as a tree, down to its VMs, and what blocks.

use guestcluster_types::{
    GuestCluster, conditions, labels,
    upstream::{capi::Machine, vmoperator::VirtualMachine},
};
use kube::{Api, ResourceExt as _, api::ListParams};

use super::running_version;
use crate::{connection::Connection, error::Result, output::age};

/// Show a cluster with its machines, and what blocks
#[derive(clap::Args)]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let cluster = connection.namespaced::<GuestCluster>().get(&self.name).await?;
        let of_cluster = ListParams::default().labels(&format!("{}={}", labels::CLUSTER_NAME, self.name));
        let machines = list(connection.namespaced::<Machine>(), &of_cluster, "machines").await?;
        let vms = list(
            connection.namespaced::<VirtualMachine>(),
            &of_cluster,
            "virtualmachines",
        )
        .await?;
        print!("{}", render(&cluster, &machines, &vms, jiff::Timestamp::now()));
        Ok(())
    }
}

/// Objects of a kind; what the user may not read is left out, and said.
async fn list<K>(api: Api<K>, params: &ListParams, what: &str) -> Result<Vec<K>>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match api.list(params).await {
        Ok(list) => Ok(list.items),
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => {
            eprintln!("note: {what} are not shown: {}", status.message);
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}

fn render(cluster: &GuestCluster, machines: &[Machine], vms: &[VirtualMachine], now: jiff::Timestamp) -> String {
    let mut lines = vec![headline(cluster, now)];
    let (control_plane, workers): (Vec<_>, Vec<_>) = machines
        .iter()
        .partition(|machine| machine.labels().contains_key(labels::CONTROL_PLANE));
    let mut branches = vec![(control_plane_line(cluster), control_plane)];
    for pool in &cluster.spec.topology.node_pools {
        let deployment = guestcluster_types::names::pool(&cluster.name_any(), &pool.name);
        let of_pool = |machine: &&Machine| machine.labels().get(labels::DEPLOYMENT_NAME) == Some(&deployment);
        branches.push((
            pool_line(cluster, &pool.name),
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
        lines.extend(machine_lines(machines, vms, stem));
    }
    lines.extend(ready_lines(cluster));
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

fn machine_lines(mut machines: Vec<&Machine>, vms: &[VirtualMachine], stem: &str) -> Vec<String> {
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
        let waits = blocker(machine)
            .map(|reason| format!("   ← {reason}"))
            .unwrap_or_default();
        format!("{stem} {branch} {name:<width$}  {phase:<12} {version}  {address}  {class}{waits}")
    };
    machines.into_iter().enumerate().map(line).collect()
}

/// Why a machine is not Ready.
fn blocker(machine: &Machine) -> Option<String> {
    let ready = conditions::find(&machine.status.conditions, "Ready")?;
    (ready.status != "True").then(|| format!("{}: {}", ready.reason, ready.message))
}

fn ready_lines(cluster: &GuestCluster) -> Vec<String> {
    let status = cluster.status.as_ref();
    let Some(ready) = status.and_then(|status| conditions::find(&status.conditions, conditions::READY)) else {
        return vec!["Ready=Unknown  nothing was reported yet".to_owned()];
    };
    match ready.status.as_str() {
        "True" => vec!["Ready=True".to_owned()],
        other => vec![format!("Ready={other}  {}: {}", ready.reason, ready.message)],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tree_goes_down_to_the_machine_that_blocks() {
        let time = "2026-01-01T00:00:00Z";
        let cluster: GuestCluster = serde_json::from_value(json!({
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
                "phase": "Provisioning", "distribution": {"version": "v1.34.2"},
                "conditions": [{"type": "Ready", "status": "False", "reason": "WaitingForVM", "message": "waiting for VM dev-cp-1",
                    "lastTransitionTime": time}],
            },
        }))
        .unwrap();
        let machine: Machine = serde_json::from_value(json!({
            "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
            "metadata": {"name": "dev-cp-1", "labels": {"cluster.x-k8s.io/control-plane": ""}},
            "spec": {"clusterName": "dev", "version": "v1.34.2"},
            "status": {"phase": "Provisioning", "conditions": [
                {"type": "Ready", "status": "False", "reason": "NoAddress", "message": "waiting for DHCP", "lastTransitionTime": time},
            ]},
        }))
        .unwrap();
        let text = render(&cluster, &[machine], &[], time.parse().unwrap());
        assert!(
            text.starts_with("dev   Provisioning v1.34.2\n├─ control plane  0/1\n│  └─ dev-cp-1"),
            "{text}"
        );
        assert!(text.contains("← NoAddress: waiting for DHCP"), "{text}");
        assert!(
            text.ends_with("Ready=False  WaitingForVM: waiting for VM dev-cp-1\n"),
            "{text}"
        );
    }
}
