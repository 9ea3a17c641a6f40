//! The questions that a status asks of the layers.

use guestcluster_types::{
    GuestCluster, conditions as types, labels, names,
    upstream::{
        ApiEndpoint, HasConditions,
        capi::{Machine, condition},
        capv::VSphereMachine,
    },
    version::KubernetesVersion,
};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{Input, blockers};
use crate::guest::{
    build::Desired,
    dereference::Layers,
    plan::{Blocked, Object, Plan},
    progress,
};
use crate::reports::Report;

/// How long after a guest's first answer its nodes' reports are waited for. An agent needs its image, and twenty seconds.
const REPORTS_COME: SignedDuration = SignedDuration::from_mins(2);

/// One guest, looked at from above.
pub(super) struct View<'a> {
    pub(super) guest: &'a GuestCluster,
    pub(super) layers: &'a Layers,
    pub(super) wanted: Option<(&'a Plan, &'a Desired)>,
    pub(super) blocked: Option<&'a Blocked>,
    report: &'a Report,
    now: Timestamp,
}

/// Whether people can sign in to a guest.
pub(super) enum SignIn<'a> {
    /// Nobody can, as far as Cluster API can tell.
    Unconnected,
    /// A node is about to say so.
    Waits(&'a str),
    /// No node has said so for long; there may be none that ever does, where nothing runs our agent.
    Unreported(&'a str),
    Works,
}

/// How far a VM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum VmStage {
    /// It does not exist.
    Absent,
    /// It exists.
    Created,
    /// It runs.
    PoweredOn,
    /// It has an address.
    Addressed,
}

impl<'a> View<'a> {
    pub(super) fn new(input: &Input<'a>) -> Self {
        Self {
            guest: input.guest,
            layers: input.layers,
            wanted: input.wanted,
            blocked: input.blocked,
            report: input.report,
            now: input.now,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.guest.metadata.name.as_deref().unwrap_or_default()
    }

    /// The GuestCluster itself, of which something is said where no other object is to blame.
    pub(super) fn object(&self) -> Object {
        Object::of(self.guest)
    }

    pub(super) fn is_deleting(&self) -> bool {
        self.guest.metadata.deletion_timestamp.is_some()
    }

    /// Where the API answers, as soon as either object knows.
    pub(super) fn endpoint(&self) -> Option<&ApiEndpoint> {
        let cluster = self
            .layers
            .cluster
            .as_deref()
            .map(|cluster| &cluster.spec.control_plane_endpoint);
        let infrastructure = self
            .layers
            .infrastructure
            .as_deref()
            .map(|object| &object.spec.control_plane_endpoint);
        [cluster, infrastructure]
            .into_iter()
            .flatten()
            .find(|endpoint| endpoint.is_known())
    }

    pub(super) fn network_is_ready(&self) -> bool {
        let provisioned = self
            .layers
            .infrastructure
            .as_deref()
            .and_then(|object| object.status.initialization.provisioned);
        provisioned == Some(true) && self.endpoint().is_some()
    }

    pub(super) fn api_has_answered(&self) -> bool {
        let initialization = self
            .layers
            .cluster
            .as_deref()
            .map(|cluster| &cluster.status.initialization);
        initialization.and_then(|initialization| initialization.control_plane_initialized) == Some(true)
    }

    pub(super) fn objects_exist(&self) -> bool {
        let all_pools = |desired: &Desired| {
            desired
                .deployments
                .iter()
                .all(|pool| self.layers.deployment(&pool.name_any()).is_some())
        };
        self.layers.cluster.is_some()
            && self.layers.infrastructure.is_some()
            && self.layers.control_plane.is_some()
            && self.wanted.is_some_and(|(_, desired)| all_pools(desired))
    }

    /// How far the control-plane VM is that is furthest.
    pub(super) fn first_vm(&self) -> VmStage {
        let of = |machine: &Machine| {
            // The VM itself is ahead of what is said of it.
            let vm = self.layers.vm(machine).map(blockers::stage);
            vm.max(self.layers.vsphere_machine(machine).map(stage))
        };
        let machines = self.layers.control_plane_machines();
        machines.filter_map(of).max().unwrap_or(VmStage::Absent)
    }

    /// Whether all control-plane nodes are there and Ready, and no more than wanted.
    pub(super) fn control_plane_is_ready(&self) -> bool {
        let wanted = self.guest.spec.topology.control_plane.replicas;
        self.layers.control_plane.as_deref().is_some_and(|live| {
            live.status.ready_replicas.unwrap_or(0) >= wanted
                && live.status.replicas.unwrap_or(0) <= self.surged(wanted)
        })
    }

    /// A rollout adds one machine for a time; that is no fault of the control plane.
    fn surged(&self, wanted: i32) -> i32 {
        let rolls = self.rolls();
        wanted.saturating_add(i32::from(rolls))
    }

    /// Whether all nodes of all pools are there and Ready, and none of a pool that was removed.
    pub(super) fn pools_are_ready(&self, desired: &Desired) -> bool {
        let all_ready = desired.deployments.iter().all(|wanted| {
            let live = self.layers.deployment(&wanted.name_any());
            let replicas = wanted.spec.replicas.unwrap_or(1);
            live.is_some_and(|live| {
                live.spec.replicas == wanted.spec.replicas
                    && live.status.ready_replicas.unwrap_or(0) >= replicas
                    && (live.status.replicas.unwrap_or(0) == replicas || progress::pool_rolls(live, wanted))
            })
        });
        all_ready && self.layers.deployments.len() == desired.deployments.len()
    }

    pub(super) fn control_plane_is_told(&self, desired: &Desired) -> bool {
        let live = self.layers.control_plane.as_deref();
        live.is_some_and(|live| progress::control_plane_is_told(live, &desired.control_plane))
    }

    pub(super) fn control_plane_is_complete(&self) -> bool {
        self.layers
            .control_plane
            .as_deref()
            .is_some_and(progress::control_plane_is_complete)
    }

    /// Whether each pool is what is desired, and no other is left.
    pub(super) fn pools_are_told(&self, desired: &Desired) -> bool {
        desired.deployments.iter().all(|wanted| {
            self.layers
                .deployment(&wanted.name_any())
                .is_some_and(|live| progress::pool_is_told(live, wanted))
        })
    }

    pub(super) fn pools_are_complete(&self, desired: &Desired) -> bool {
        self.layers.deployments.len() == desired.deployments.len()
            && self
                .layers
                .deployments
                .iter()
                .all(|pool| progress::pool_is_complete(pool))
    }

    /// Whether every pool is to be on the version that the cluster goes to.
    pub(super) fn pools_move(&self) -> bool {
        self.wanted
            .is_some_and(|(plan, _)| plan.pools.iter().all(|pool| pool.machines.version == plan.target))
    }

    /// Whether everything is as it is desired, and nothing is on its way out.
    pub(super) fn is_complete(&self) -> bool {
        let leaves = |machine: &Machine| machine.metadata.deletion_timestamp.is_some();
        self.wanted.is_some_and(|(plan, desired)| {
            !self.layers.machines.iter().any(|machine| leaves(machine))
                && self.machines_have_their_versions(plan)
                && self.control_plane_is_told(desired)
                && self.control_plane_is_complete()
                && self.pools_move()
                && self.pools_are_told(desired)
                && self.pools_are_complete(desired)
        })
    }

    /// Whether no machine is of another version than its plan's. Owners may count machines as up to date for a moment after they
    /// were told of a new version.
    fn machines_have_their_versions(&self, plan: &Plan) -> bool {
        let has = |machine: &Machine, version: &KubernetesVersion| {
            machine.spec.version.as_deref() == Some(version.to_string().as_str())
        };
        let of_pools = plan.pools.iter().all(|pool| {
            let name = names::pool(&plan.identity.name, &pool.pool.name);
            self.machines_of_pool(&name)
                .all(|machine| has(machine, &pool.machines.version))
        });
        let mut of_control_plane = self.layers.control_plane_machines();
        of_pools && of_control_plane.all(|machine| has(machine, &plan.control_plane.version))
    }

    /// Whether what is desired replaces machines, or machines are being replaced.
    pub(super) fn rolls(&self) -> bool {
        let Some((plan, desired)) = self.wanted else {
            return false;
        };
        let control_plane = self.layers.control_plane.as_deref();
        let outdated = |machine: &Machine| {
            machine
                .condition(condition::UP_TO_DATE)
                .is_some_and(|it| it.status == "False")
        };
        plan.running.as_ref().is_some_and(|running| *running != plan.target)
            || control_plane.is_some_and(|live| progress::control_plane_rolls(live, &desired.control_plane))
            || desired.deployments.iter().any(|wanted| {
                let live = self.layers.deployment(&wanted.name_any());
                live.is_some_and(|live| progress::pool_rolls(live, wanted))
            })
            || self.layers.machines.iter().any(|machine| outdated(machine))
    }

    pub(super) fn machines_of_pool(&self, deployment: &str) -> impl Iterator<Item = &Machine> {
        self.layers.pool_machines().filter(move |machine| {
            let labels = machine.metadata.labels.as_ref();
            labels
                .and_then(|labels| labels.get(labels::DEPLOYMENT_NAME))
                .is_some_and(|name| name == deployment)
        })
    }

    /// Whether people can sign in. Once they could, they can as long as Cluster API reaches the guest.
    pub(super) fn sign_in(&self) -> SignIn<'a> {
        if !self.connection_works() {
            return SignIn::Unconnected;
        }
        let could = self.previous_condition(types::CREDENTIALS_READY);
        let could = could.is_some_and(|could| could.status == "True");
        match self.report {
            Report::Unheard | Report::InForce => SignIn::Works,
            Report::Waiting(_) if could => SignIn::Works,
            Report::Waiting(why) if self.has_answered_for() < REPORTS_COME => SignIn::Waits(why),
            Report::Waiting(why) => SignIn::Unreported(why),
        }
    }

    /// How long ago the guest's API answered for the first time, as far as that was told.
    fn has_answered_for(&self) -> SignedDuration {
        let answered = self.previous_condition(types::CONTROL_PLANE_INITIALIZED);
        let answered = answered.filter(|answered| answered.status == "True");
        answered.map_or(SignedDuration::ZERO, |answered| {
            self.now.duration_since(answered.last_transition_time.0)
        })
    }

    /// Whether the admin credentials that Cluster API made work. What people sign in with builds on them.
    fn connection_works(&self) -> bool {
        let Some(cluster) = self.layers.cluster.as_deref() else {
            return false;
        };
        match cluster.condition(condition::REMOTE_CONNECTION_PROBE) {
            Some(probe) => probe.status == "True",
            // An older Cluster API does not say; but a node that was found was found with them.
            None => self
                .layers
                .machines
                .iter()
                .any(|machine| machine.status.node_ref.is_some()),
        }
    }

    /// Whether anything but its finalizer is left of a cluster.
    pub(super) fn leftovers(&self) -> bool {
        !self.layers.is_empty()
    }

    pub(super) fn previous_condition(
        &self,
        kind: &str,
    ) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
        types::find(&self.guest.status.as_ref()?.conditions, kind)
    }
}

/// How far the VM of a VSphereMachine is, from its phase, or where that is not set, from what it waits for.
fn stage(machine: &VSphereMachine) -> VmStage {
    let status = &machine.status;
    if status.initialization.provisioned == Some(true) || !status.addresses.is_empty() {
        return VmStage::Addressed;
    }
    let waits_for = machine.condition(guestcluster_types::upstream::capv::condition::VIRTUAL_MACHINE_PROVISIONED);
    match (
        status.phase.as_deref(),
        waits_for.map(|condition| condition.reason.as_str()),
    ) {
        (Some("Ready"), _) | (_, Some("WaitingForBIOSUUID")) => VmStage::Addressed,
        (Some("PoweredOn"), _) | (_, Some("WaitingForNetworkAddress")) => VmStage::PoweredOn,
        (Some("Created"), _) | (_, Some("PoweringOn")) => VmStage::Created,
        _ => VmStage::Absent,
    }
}
