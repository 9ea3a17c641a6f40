use std::sync::Arc;

use guestcluster_types::{
    GuestClusterRelease, conditions as types, labels,
    upstream::{
        ApiEndpoint as Endpoint,
        capi::{Cluster, Machine, MachineDeployment},
        capv::{VSphereCluster, VSphereMachine},
        kubeadm::KubeadmControlPlane,
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::json;

use super::*;
use crate::guest::build::{build, tests::plan};

mod changes;
mod waits;

/// A guest and the layer below it, which a test moves on. `reconcile` is what the layer does about it.
struct World {
    guest: GuestCluster,
    plan: Plan,
    layers: Layers,
    blocked: Option<Blocked>,
    catalogue: Vec<Arc<GuestClusterRelease>>,
    report: Report,
    second: i64,
}

impl World {
    /// Guest `dev`: 3 control-plane nodes, pool `default` of 2, on v1.34.2; nothing exists yet.
    fn new() -> Self {
        let plan = plan("v1.34.2");
        let guest = json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "spec": plan.spec,
            "metadata": {"name": "dev", "namespace": "team-a", "uid": "7b1c", "generation": 1},
        });
        let release = |version: &str| {
            let spec = json!({"version": version, "images": [{"os": "photon-5", "name": "img"}]});
            let object = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease", "metadata": {}, "spec": spec});
            Arc::new(serde_json::from_value(object).unwrap())
        };
        let catalogue = ["v1.33.7", "v1.34.2", "v1.34.4", "v1.35.0", "v1.36.1"]
            .map(release)
            .into();
        let guest = serde_json::from_value(guest).unwrap();
        Self {
            guest,
            plan,
            layers: Layers::default(),
            blocked: None,
            catalogue,
            report: Report::Unheard,
            second: 0,
        }
    }

    /// All its nodes come at once.
    fn nodes_come(&mut self) {
        self.write_objects();
        self.network_comes();
        self.cluster().status.initialization.control_plane_initialized = Some(true);
        for name in ["dev-cp-a", "dev-cp-b", "dev-cp-c"] {
            self.machine(name, None, "v1.34.2");
        }
        for name in ["dev-default-a", "dev-default-b"] {
            self.machine(name, Some("dev-default"), "v1.34.2");
        }
        self.count();
    }

    /// One that runs.
    fn running() -> Self {
        let mut world = Self::new();
        world.nodes_come();
        world.plan.running = Some(world.plan.target.clone());
        let status = world.reconcile();
        assert_eq!(
            (status.phase, steps(&status).as_str()),
            (Some(Phase::Running), "Create 10/10 login"),
            "{status:#?}"
        );
        world
    }

    fn reconcile(&mut self) -> GuestClusterStatus {
        self.second += 1;
        let desired = build(&self.plan);
        let wanted = self.blocked.is_none().then_some((&self.plan, &desired));
        let now = Timestamp::from_second(self.second).unwrap();
        let status = status(&Input {
            guest: &self.guest,
            guest_uid: Some("7b1c"),
            layers: &self.layers,
            wanted,
            blocked: self.blocked.as_ref(),
            catalogue: &self.catalogue,
            report: &self.report,
            now,
        });
        self.guest.status = Some(status.clone());
        status
    }

    /// What applying does: the objects say what is desired; nobody has read it yet.
    fn write_objects(&mut self) {
        let desired = build(&self.plan);
        let cluster = self.layers.cluster.take().map(Arc::unwrap_or_clone).unwrap_or_default();
        let infrastructure = self
            .layers
            .infrastructure
            .take()
            .map(Arc::unwrap_or_clone)
            .unwrap_or_default();
        let control_plane = self
            .layers
            .control_plane
            .take()
            .map(Arc::unwrap_or_clone)
            .unwrap_or_default();
        let mut wanted = desired.cluster;
        wanted.spec.control_plane_endpoint = cluster.spec.control_plane_endpoint;
        self.layers.cluster = Some(Arc::new(Cluster {
            status: cluster.status,
            ..wanted
        }));
        let mut wanted = desired.infrastructure;
        wanted.spec = infrastructure.spec;
        self.layers.infrastructure = Some(Arc::new(VSphereCluster {
            status: infrastructure.status,
            ..wanted
        }));
        let mut wanted = desired.control_plane;
        wanted.metadata.generation = Some(control_plane.metadata.generation.unwrap_or(0) + 1);
        self.layers.control_plane = Some(Arc::new(KubeadmControlPlane {
            status: control_plane.status,
            ..wanted
        }));
        let before = std::mem::take(&mut self.layers.deployments);
        for mut wanted in desired.deployments {
            let live = before.iter().find(|live| live.metadata.name == wanted.metadata.name);
            wanted.metadata.generation = Some(live.and_then(|live| live.metadata.generation).unwrap_or(0) + 1);
            wanted.status = live.map(|live| live.status.clone()).unwrap_or_default();
            self.layers.deployments.push(Arc::new(wanted));
        }
    }

    fn cluster(&mut self) -> &mut Cluster {
        Arc::make_mut(self.layers.cluster.as_mut().unwrap())
    }

    fn infrastructure(&mut self) -> &mut VSphereCluster {
        Arc::make_mut(self.layers.infrastructure.as_mut().unwrap())
    }

    fn network_comes(&mut self) {
        let endpoint = Endpoint {
            host: "10.20.0.17".to_owned(),
            port: 6443,
        };
        self.infrastructure().spec.control_plane_endpoint = endpoint.clone();
        self.infrastructure().status.initialization.provisioned = Some(true);
        self.cluster().spec.control_plane_endpoint = endpoint;
    }

    /// A machine that is a Ready node; of the control plane if there is no deployment.
    fn machine(&mut self, name: &str, deployment: Option<&str>, version: &str) -> &mut Machine {
        let mut machine = Machine::new(name, Default::default());
        machine.spec.version = Some(version.to_owned());
        machine.spec.infrastructure_ref.name = name.to_owned();
        machine.status.node_ref = Some(Default::default());
        machine.status.conditions = vec![
            condition("Ready", "True", "Ready", ""),
            condition("UpToDate", "True", "UpToDate", ""),
        ];
        let label = match deployment {
            Some(deployment) => (labels::DEPLOYMENT_NAME.to_owned(), deployment.to_owned()),
            None => (labels::CONTROL_PLANE.to_owned(), String::new()),
        };
        machine.metadata.labels = Some([label].into());
        self.layers.machines.push(Arc::new(machine));
        let mut vm = VSphereMachine::new(name, Default::default());
        vm.status.initialization.provisioned = Some(true);
        self.layers.vsphere_machines.push(Arc::new(vm));
        self.machine_named(name)
    }

    fn machine_named(&mut self, name: &str) -> &mut Machine {
        Arc::make_mut(
            self.layers
                .machines
                .iter_mut()
                .find(|machine| machine.metadata.name.as_deref() == Some(name))
                .unwrap(),
        )
    }

    fn vm_named(&mut self, name: &str) -> &mut VSphereMachine {
        Arc::make_mut(
            self.layers
                .vsphere_machines
                .iter_mut()
                .find(|vm| vm.metadata.name.as_deref() == Some(name))
                .unwrap(),
        )
    }

    /// A VM that is not there yet, for a reason.
    fn vm_waits(&mut self, name: &str, phase: &str, reason: &str, message: &str) {
        self.machine_named(name).status.conditions.clear();
        self.machine_named(name).status.node_ref = None;
        let vm = self.vm_named(name);
        vm.status = Default::default();
        vm.status.phase = Some(phase.to_owned());
        vm.status.conditions = vec![condition("VirtualMachineProvisioned", "False", reason, message)];
    }

    fn remove(&mut self, name: &str) {
        self.layers
            .machines
            .retain(|machine| machine.metadata.name.as_deref() != Some(name));
    }

    /// What the controllers below do: read the objects and count their machines.
    fn count(&mut self) {
        let machines: Vec<Machine> = self
            .layers
            .machines
            .iter()
            .map(|machine| machine.as_ref().clone())
            .collect();
        let counted = |deployment: Option<&str>, version: &str| {
            let is_of = |machine: &&Machine| {
                let labels = machine.metadata.labels.as_ref().unwrap();
                labels.get(labels::DEPLOYMENT_NAME).map(String::as_str) == deployment
            };
            let of: Vec<_> = machines.iter().filter(is_of).collect();
            let number = |count: usize| Some(i32::try_from(count).unwrap());
            let new = of
                .iter()
                .filter(|machine| machine.spec.version.as_deref() == Some(version))
                .count();
            let ready = of.iter().filter(|machine| progress::machine_is_ready(machine)).count();
            let lowest = of.iter().filter_map(|machine| machine.spec.version.clone()).min();
            (number(of.len()), number(new), number(ready), lowest)
        };
        let control_plane: &mut KubeadmControlPlane = Arc::make_mut(self.layers.control_plane.as_mut().unwrap());
        let status = &mut control_plane.status;
        let lowest;
        (
            status.replicas,
            status.up_to_date_replicas,
            status.ready_replicas,
            lowest,
        ) = counted(None, &control_plane.spec.version);
        status.version = lowest;
        status.observed_generation = control_plane.metadata.generation;
        for pool in &mut self.layers.deployments {
            let pool: &mut MachineDeployment = Arc::make_mut(pool);
            let version = pool.spec.template.spec.version.clone().unwrap();
            let status = &mut pool.status;
            (status.replicas, status.up_to_date_replicas, status.ready_replicas, _) =
                counted(pool.metadata.name.as_deref(), &version);
            status.observed_generation = pool.metadata.generation;
        }
    }

    fn upgrade_to(&mut self, version: &str) {
        self.guest.metadata.generation = Some(self.guest.metadata.generation.unwrap() + 1);
        self.guest.spec.distribution.version = version.to_owned();
        self.plan.target = version.parse().unwrap();
        self.plan.control_plane.version = self.plan.target.clone();
        self.plan.control_plane.image = format!("photon-5-{version}");
    }

    fn let_pools_move(&mut self) {
        self.plan.pools[0].machines = self.plan.control_plane.clone();
    }

    fn scale_pool(&mut self, replicas: i32) {
        self.guest.metadata.generation = Some(self.guest.metadata.generation.unwrap() + 1);
        self.guest.spec.topology.node_pools[0].replicas = replicas;
        self.plan.spec = self.guest.spec.clone();
        self.plan.pools[0].pool.replicas = replicas;
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: None,
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

/// `Create 3/10 first control-plane VM`
fn steps(status: &GuestClusterStatus) -> String {
    let operation = status.operation.as_ref().unwrap();
    format!(
        "{:?} {}/{} {}",
        operation.kind, operation.step, operation.of, operation.name
    )
}

/// `False reason: message` of Ready.
fn ready(status: &GuestClusterStatus) -> String {
    let ready = find(&status.conditions, READY).unwrap();
    format!("{} {}: {}", ready.status, ready.reason, ready.message)
}

#[test]
fn creation_goes_through_ten_steps() {
    let mut world = World::new();
    let mut seen = vec![];
    let mut look = |world: &mut World| {
        let status = world.reconcile();
        assert_eq!(
            status.message,
            find(&status.conditions, READY)
                .filter(|it| it.status != "True")
                .map(|it| it.message.clone())
        );
        seen.push(format!(
            "{} {}",
            steps(&status),
            status.phase.map(|phase| format!("{phase:?}")).unwrap()
        ));
        ready(&status)
    };
    assert_eq!(
        look(&mut world),
        "False CreatingObjects: waiting for the Cluster API objects"
    );
    world.write_objects();
    let waits = condition(
        "LoadBalancerReady",
        "False",
        "WaitingForIP",
        "the load balancer has no address yet",
    );
    world.infrastructure().status.conditions = vec![condition("Ready", "False", "X", ""), waits];
    assert_eq!(
        look(&mut world),
        "False WaitingForIP: waiting for the network of dev: WaitingForIP: the load balancer has no address yet"
    );
    world.network_comes();
    assert_eq!(
        look(&mut world),
        "False WaitingForMachines: waiting for the first machine of dev-cp"
    );
    world.machine("dev-cp-a", None, "v1.34.2");
    world.vm_waits("dev-cp-a", "Pending", "Provisioning", "");
    assert_eq!(
        look(&mut world),
        "False Provisioning: waiting for VM dev-cp-a: Provisioning"
    );
    world.vm_waits("dev-cp-a", "Created", "PoweringOn", "");
    look(&mut world);
    world.vm_waits(
        "dev-cp-a",
        "PoweredOn",
        "WaitingForNetworkAddress",
        "no DHCP lease on workload-1",
    );
    assert_eq!(
        look(&mut world),
        "False WaitingForNetworkAddress: waiting for VM dev-cp-a: WaitingForNetworkAddress: no DHCP lease on workload-1"
    );
    world.vm_named("dev-cp-a").status = Default::default();
    world.vm_named("dev-cp-a").status.initialization.provisioned = Some(true);
    world.machine_named("dev-cp-a").status.conditions = vec![condition("Ready", "False", "NotReady", "")];
    look(&mut world);
    world.cluster().status.initialization.control_plane_initialized = Some(true);
    look(&mut world);
    for name in ["dev-cp-b", "dev-cp-c"] {
        world.machine(name, None, "v1.34.2");
    }
    world.machine_named("dev-cp-a").status.conditions = vec![condition("Ready", "True", "Ready", "")];
    world.count();
    assert_eq!(look(&mut world), "False WaitingForNodes: 0 of 2 worker nodes are Ready");
    for name in ["dev-default-a", "dev-default-b"] {
        world.machine(name, Some("dev-default"), "v1.34.2");
    }
    world.count();
    world.cluster().status.conditions = vec![condition("RemoteConnectionProbe", "False", "ProbeFailed", "")];
    assert_eq!(
        look(&mut world),
        "False WaitingForCredentials: waiting for working credentials of the cluster"
    );
    world.report = Report::Waiting("waiting for dev-cp-a to report".to_owned());
    world.cluster().status.conditions = vec![condition("RemoteConnectionProbe", "True", "ProbeSucceeded", "")];
    assert_eq!(
        look(&mut world),
        "False WaitingForReport: waiting for dev-cp-a to report"
    );
    world.report = Report::InForce;
    assert_eq!(look(&mut world), "True AsExpected: ");
    // Another server has not looked into the guest yet.
    world.report = Report::Waiting(String::new());
    assert_eq!(look(&mut world), "True AsExpected: ");
    assert_eq!(
        seen,
        [
            "Create 1/10 Cluster API objects Provisioning",
            "Create 2/10 network and address Provisioning",
            "Create 3/10 first control-plane VM Provisioning",
            "Create 3/10 first control-plane VM Provisioning",
            "Create 4/10 powered on Provisioning",
            "Create 5/10 address Provisioning",
            "Create 6/10 API server Provisioning",
            "Create 7/10 control plane Provisioning",
            "Create 8/10 nodes Provisioning",
            "Create 9/10 login Provisioning",
            "Create 9/10 login Provisioning",
            "Create 10/10 login Running",
            "Create 10/10 login Running",
        ]
    );
    let status = world.guest.status.clone().unwrap();
    assert_eq!(
        status.operation.unwrap().since.0.as_second(),
        1,
        "one operation from the first look to the last"
    );
    assert_eq!(status.api_endpoint.unwrap().to_string(), "10.20.0.17:6443");
    assert_eq!(
        status.control_plane,
        Some(ControlPlaneStatus {
            desired: 3,
            ready: 3,
            up_to_date: 3
        })
    );
    assert_eq!(
        (
            status.node_pools[0].ready,
            status.node_pools[0].up_to_date,
            status.replicas
        ),
        (2, 2, Some(2))
    );
    let distribution = status.distribution.unwrap();
    assert_eq!(
        (distribution.version.as_deref(), distribution.target),
        (Some("v1.34.2"), None)
    );
    assert_eq!(distribution.updates_available, ["v1.34.4", "v1.35.0"]);
}

#[test]
fn nothing_new_gives_the_same_status() {
    let mut world = World::running();
    let before = world.reconcile();
    assert_eq!(world.reconcile(), before);
    let mut world = World::new();
    let before = world.reconcile();
    assert_eq!(world.reconcile(), before, "times do not move by themselves");
}
