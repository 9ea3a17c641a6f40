//! Where in the tree what blocks is marked, and what is said of it below.

use guestcluster_types::{
    BlockedBy, GuestCluster, conditions,
    upstream::capi::{Machine, condition},
};
use kube::ResourceExt as _;

/// What blocks a cluster, and the place where it is marked.
pub(super) struct Mark<'a> {
    blocked: Option<&'a BlockedBy>,
    place: Place<'a>,
}

/// A place in the tree.
#[derive(PartialEq)]
enum Place<'a> {
    Cluster,
    Network,
    ControlPlane,
    /// A pool, by its MachineDeployment or a MachineSet of it.
    Pool(&'a str),
    /// A machine by its name.
    Machine(String),
}

impl<'a> Mark<'a> {
    pub(super) fn of(cluster: &'a GuestCluster, machines: &[Machine]) -> Self {
        let blocked = cluster.status.as_ref().and_then(|status| status.blocked_by.as_ref());
        let place = blocked.map_or(Place::Cluster, |blocked| place(blocked, machines));
        Self { blocked, place }
    }

    /// What no other line stands for: the object is named.
    pub(super) fn on_cluster(&self) -> String {
        match self.blocked.filter(|_| self.place == Place::Cluster) {
            Some(blocked) if blocked.kind == "GuestCluster" => said(blocked, ""),
            Some(blocked) => said(blocked, &format!("{} {}: ", blocked.kind, blocked.name)),
            None => String::new(),
        }
    }

    pub(super) fn on_network(&self) -> String {
        self.at(&Place::Network)
    }

    pub(super) fn on_control_plane(&self) -> String {
        self.at(&Place::ControlPlane)
    }

    pub(super) fn on_pool(&self, deployment: &str) -> String {
        match self.place {
            Place::Pool(owner) if is_of(owner, deployment) => self.at(&self.place),
            _ => String::new(),
        }
    }

    /// Of another machine that is not Ready, what is said of it stands in brackets.
    pub(super) fn on_machine(&self, machine: &Machine) -> String {
        let name = machine.name_any();
        if self.place == Place::Machine(name) {
            return self.at(&self.place);
        }
        let ready = conditions::find(&machine.status.conditions, condition::READY);
        let waits = ready.filter(|ready| ready.status != "True");
        let words = waits.map(|waits| sentence(&waits.reason, &waits.message));
        match (words, self.blocked) {
            (Some(words), Some(_)) => format!("   ({words})"),
            // A server that says no object.
            (Some(words), None) => format!("   ← {words}"),
            (None, _) => String::new(),
        }
    }

    fn at(&self, place: &Place<'_>) -> String {
        let blocked = self.blocked.filter(|_| self.place == *place);
        blocked.map(|blocked| said(blocked, "")).unwrap_or_default()
    }
}

fn place<'a>(blocked: &'a BlockedBy, machines: &[Machine]) -> Place<'a> {
    match blocked.kind.as_str() {
        "VirtualMachineService" | "VSphereCluster" => Place::Network,
        "KubeadmControlPlane" => Place::ControlPlane,
        "MachineDeployment" | "MachineSet" => Place::Pool(&blocked.name),
        "VirtualMachine" | "VSphereMachine" | "KubeadmConfig" | "Machine" | "Node" => machines
            .iter()
            .find(|machine| is_part_of(blocked, machine))
            .map_or(Place::Cluster, |machine| Place::Machine(machine.name_any())),
        _ => Place::Cluster,
    }
}

/// Whether an object is a machine, or what a machine is made of.
fn is_part_of(blocked: &BlockedBy, machine: &Machine) -> bool {
    let (spec, status) = (&machine.spec, &machine.status);
    let configuration = spec.bootstrap.config_ref.as_ref().map(|config| &config.name);
    let node = status.node_ref.as_ref().map(|node| &node.name);
    let own = machine.metadata.name.as_ref();
    let names = match blocked.kind.as_str() {
        "KubeadmConfig" => [configuration, None],
        "Node" => [node, None],
        "Machine" => [own, None],
        _ => [Some(&spec.infrastructure_ref.name), own],
    };
    names.contains(&Some(&blocked.name))
}

/// Whether a MachineDeployment, or a MachineSet by its name, is this deployment or of it.
fn is_of(owner: &str, deployment: &str) -> bool {
    let rest = owner.strip_prefix(deployment);
    rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && !rest[1..].contains('-')))
}

fn said(blocked: &BlockedBy, object: &str) -> String {
    format!("   ← {object}{}", sentence(&blocked.reason, &blocked.message))
}

fn sentence(reason: &str, message: &str) -> String {
    let lines = message.lines().map(|line| line.trim().trim_start_matches("* ").trim());
    let message = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    if message.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {message}")
    }
}

/// Whether the cluster is Ready, and if not, why, what blocks, and what to do.
pub(super) fn ready_lines(cluster: &GuestCluster) -> Vec<String> {
    let status = cluster.status.as_ref();
    let Some(ready) = status.and_then(|status| conditions::find(&status.conditions, conditions::READY)) else {
        return vec!["Ready=Unknown  nothing was reported yet".to_owned()];
    };
    if ready.status == "True" {
        return vec!["Ready=True".to_owned()];
    }
    let mut lines = vec![format!("Ready={}  {}: {}", ready.status, ready.reason, ready.message)];
    if let Some(blocked) = status.and_then(|status| status.blocked_by.as_ref()) {
        lines.push(format!("Blocked by  {} {}", blocked.kind, blocked.name));
        lines.push(format!("What to do  {}", blocked.advice));
    }
    lines
}
