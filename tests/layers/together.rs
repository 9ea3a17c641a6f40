//! The guest layer over the machine layer: a GuestCluster becomes machines; the VM layer and the guest are played by the test.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use guestcluster_controllers::{
    guest,
    machine::{self, GuestClients},
    reports::Hearer,
    runs::Runs,
};
use guestcluster_types::{
    GuestCluster, GuestClusterRelease, OperationKind, Phase, conditions, labels,
    upstream::{
        capi::{Cluster, Machine, MachineDeployment, MachineSet},
        capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
        kubeadm::{KubeadmConfig, KubeadmConfigTemplate, KubeadmControlPlane},
        vmoperator::VirtualMachine,
    },
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Event, Namespace, Node, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::{WatchStreamExt, wait::await_condition, watcher},
};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    played_vms::PlayedVms,
    supervisor::{PATIENCE, cluster, definitions},
};

/// A supervisor with releases, the two layers, and a played VM layer.
struct World {
    client: Client,
    vms: PlayedVms,
    history: Arc<Mutex<History>>,
    _watches: Vec<JoinHandle<()>>,
    layers: Option<DropGuard>,
    _cluster: Arc<kubernetes_apiserver::Cluster>,
}

/// What was seen on the way.
#[derive(Default)]
struct History {
    /// Each step of each operation, once.
    steps: Vec<String>,
    machines: BTreeMap<String, Machine>,
    /// Workers that were newer than a control-plane machine.
    overtakers: Vec<String>,
}

impl World {
    async fn start(number: u8, missing_classes: &[&str]) -> Result<Self> {
        let (cluster, client) = cluster(definitions()?).await?;
        for name in ["guestclusters-system", "team-a"] {
            let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
            Api::<Namespace>::all(client.clone())
                .create(&PostParams::default(), &namespace)
                .await?;
        }
        for version in ["v1.34.2", "v1.35.0"] {
            release(&client, version).await?;
        }
        let history = Arc::new(Mutex::new(History::default()));
        let watches = vec![
            watch::<GuestCluster>(&client, &history, |history, guest| history.record_step(&guest)),
            watch::<Machine>(&client, &history, History::record_machine),
        ];
        let vms = PlayedVms::start(client.clone(), number, missing_classes, None);
        let mut world = Self {
            client,
            vms,
            history,
            _watches: watches,
            layers: None,
            _cluster: cluster,
        };
        world.run_layers();
        Ok(world)
    }

    /// Runs both layers; those that run already are stopped.
    fn run_layers(&mut self) {
        let stop = CancellationToken::new();
        tokio::spawn(guest::run(
            self.client.clone(),
            guest::Gauges::default(),
            Hearer::default(),
            Runs::default(),
            stop.clone(),
        ));
        tokio::spawn(machine::run(
            self.client.clone(),
            GuestClients::default(),
            Runs::default(),
            stop.clone(),
        ));
        self.layers = Some(stop.drop_guard());
    }

    fn guests(&self) -> Api<GuestCluster> {
        Api::namespaced(self.client.clone(), "team-a")
    }

    async fn create(&self, workers: i32, class: &str) -> Result<()> {
        let guest = json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "dev"},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {
                    "controlPlane": {"replicas": 1, "vmClass": "small", "storageClass": "gold"},
                    "nodePools": [{"name": "default", "replicas": workers, "vmClass": class, "storageClass": "gold"}],
                },
            },
        });
        self.guests()
            .create(&PostParams::default(), &serde_json::from_value(guest)?)
            .await?;
        Ok(())
    }

    async fn change(&self, patch: &Value) -> Result<()> {
        self.guests()
            .patch("dev", &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    async fn guest(&self, what: &str, is_such: impl Fn(&GuestCluster) -> bool) -> Result<GuestCluster> {
        let condition = |guest: Option<&GuestCluster>| guest.is_some_and(&is_such);
        if let Ok(guest) = tokio::time::timeout(PATIENCE, await_condition(self.guests(), "dev", condition)).await {
            return guest?.context("gone");
        }
        let last = self.guests().get_opt("dev").await?;
        anyhow::bail!("never {what}: {last:#?}\n{:#?}", self.history.lock().machines)
    }

    /// Waits until everything that the spec asks for is there.
    async fn settled(&self) -> Result<GuestCluster> {
        self.guest("settled", |guest| {
            let Some(status) = &guest.status else { return false };
            status.observed_generation == guest.metadata.generation
                && status.phase == Some(Phase::Running)
                && conditions::is_true(&status.conditions, conditions::READY)
        })
        .await
    }

    /// Kubernetes versions of the guest's nodes.
    async fn nodes(&self) -> Result<Vec<String>> {
        let nodes = Api::<Node>::all(self.vms.guest().await?)
            .list(&ListParams::default())
            .await?;
        let version = |node: Node| {
            node.status
                .and_then(|status| status.node_info)
                .map(|info| info.kubelet_version)
        };
        Ok(nodes.into_iter().filter_map(version).collect())
    }

    async fn versions<K: Kind>(&self) -> Result<BTreeMap<String, String>> {
        let list = Api::<K>::namespaced(self.client.clone(), "team-a")
            .list_metadata(&ListParams::default())
            .await?;
        Ok(list
            .iter()
            .map(|object| {
                (
                    format!("{}/{}", K::kind(&()), object.name_any()),
                    object.resource_version().unwrap_or_default(),
                )
            })
            .collect())
    }

    /// Every object of all layers, with its resource version.
    async fn objects(&self) -> Result<BTreeMap<String, String>> {
        let mut all = self.versions::<Cluster>().await?;
        all.extend(self.versions::<VSphereCluster>().await?);
        all.extend(self.versions::<KubeadmControlPlane>().await?);
        all.extend(self.versions::<KubeadmConfig>().await?);
        all.extend(self.versions::<KubeadmConfigTemplate>().await?);
        all.extend(self.versions::<VSphereMachineTemplate>().await?);
        all.extend(self.versions::<MachineDeployment>().await?);
        all.extend(self.versions::<MachineSet>().await?);
        all.extend(self.versions::<Machine>().await?);
        all.extend(self.versions::<VSphereMachine>().await?);
        all.extend(self.versions::<VirtualMachine>().await?);
        all.extend(self.versions::<Secret>().await?);
        Ok(all)
    }

    async fn count<K: Kind>(&self) -> Result<usize> {
        Ok(self.versions::<K>().await?.len())
    }
}

trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static
{
}

impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static>
    Kind for K
{
}

fn watch<K: Kind>(client: &Client, history: &Arc<Mutex<History>>, record: fn(&mut History, K)) -> JoinHandle<()> {
    let (api, history) = (Api::<K>::namespaced(client.clone(), "team-a"), history.clone());
    tokio::spawn(async move {
        let events = watcher(api, watcher::Config::default())
            .default_backoff()
            .touched_objects();
        let each = events.try_for_each(|object| {
            record(&mut history.lock(), object);
            std::future::ready(Ok(()))
        });
        if let Err(error) = each.await {
            eprintln!("watch: {error}");
        }
    })
}

impl History {
    fn record_step(&mut self, guest: &GuestCluster) {
        let Some(operation) = guest.status.as_ref().and_then(|status| status.operation.as_ref()) else {
            return;
        };
        let step = format!(
            "{:?} {:02}/{} {}",
            operation.kind, operation.step, operation.of, operation.name
        );
        if self.steps.last() != Some(&step) {
            self.steps.push(step);
        }
    }

    fn record_machine(&mut self, machine: Machine) {
        self.machines.insert(machine.name_any(), machine);
        let is_control_plane = |machine: &Machine| machine.labels().contains_key(labels::CONTROL_PLANE);
        let alive = self
            .machines
            .values()
            .filter(|machine| machine.metadata.deletion_timestamp.is_none());
        let (control_plane, workers): (Vec<_>, Vec<_>) = alive.partition(|machine| is_control_plane(machine));
        let lowest = control_plane
            .iter()
            .filter_map(|machine| machine.spec.version.clone())
            .min();
        let newer = |machine: &&&Machine| lowest.is_some() && machine.spec.version > lowest;
        let overtakers: Vec<_> = workers.iter().filter(newer).map(|machine| machine.name_any()).collect();
        self.overtakers.extend(overtakers);
    }

    /// The steps of one kind of operation, in the order they were seen.
    fn steps_of(&self, kind: OperationKind) -> Vec<String> {
        let prefix = format!("{kind:?} ");
        self.steps
            .iter()
            .filter(|step| step.starts_with(&prefix))
            .cloned()
            .collect()
    }
}

async fn release(client: &Client, version: &str) -> Result<()> {
    let spec = json!({"version": version, "images": [{"os": "photon", "name": format!("photon-{version}")}]});
    let object = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease",
        "metadata": {"name": version}, "spec": spec});
    let releases: Api<GuestClusterRelease> = Api::all(client.clone());
    releases
        .create(&PostParams::default(), &serde_json::from_value(object)?)
        .await?;
    Ok(())
}

fn updates(guest: &GuestCluster) -> Vec<String> {
    let distribution = guest.status.as_ref().and_then(|status| status.distribution.clone());
    distribution
        .map(|distribution| distribution.updates_available)
        .unwrap_or_default()
}

fn ready_message(guest: &GuestCluster) -> String {
    let ready = guest
        .status
        .as_ref()
        .and_then(|status| conditions::find(&status.conditions, conditions::READY));
    ready
        .map(|ready| format!("{}: {}", ready.reason, ready.message))
        .unwrap_or_default()
}

#[tokio::test]
async fn a_guest_is_created_scaled_upgraded_resized_and_deleted() -> Result<()> {
    let world = World::start(90, &[]).await?;
    world.create(2, "small").await?;
    let guest = world.settled().await?;
    assert_eq!(world.nodes().await?, ["v1.34.2"; 3]);
    let status = guest.status.context("status")?;
    assert!(
        status
            .api_endpoint
            .is_some_and(|endpoint| endpoint.host.starts_with("127.90."))
    );
    assert_eq!((status.replicas, status.message), (Some(2), None));

    world
        .change(
            &json!({"spec": {"topology": {"controlPlane": {"replicas": 3}, "nodePools": [
        {"name": "default", "replicas": 3, "vmClass": "small", "storageClass": "gold"}]}}}),
        )
        .await?;
    world.settled().await?;
    assert_eq!(world.nodes().await?, ["v1.34.2"; 6]);

    world
        .change(&json!({"spec": {"distribution": {"version": "v1.35"}}}))
        .await?;
    let guest = world.settled().await?;
    assert_eq!(world.nodes().await?, ["v1.35.0"; 6]);
    let distribution = guest
        .status
        .and_then(|status| status.distribution)
        .context("distribution")?;
    assert_eq!(
        (distribution.version.as_deref(), distribution.target),
        (Some("v1.35.0"), None)
    );
    assert_eq!(
        world.history.lock().overtakers,
        Vec::<String>::new(),
        "no worker is newer than the control plane"
    );

    world
        .change(
            &json!({"spec": {"topology": {"controlPlane": {"replicas": 1}, "nodePools": [
        {"name": "default", "replicas": 1, "vmClass": "large", "storageClass": "gold"}]}}}),
        )
        .await?;
    world.settled().await?;
    let vms: Api<VirtualMachine> = Api::namespaced(world.client.clone(), "team-a");
    let mut classes: Vec<_> = vms
        .list(&ListParams::default())
        .await?
        .into_iter()
        .filter_map(|vm| vm.spec.class_name)
        .collect();
    classes.sort();
    assert_eq!(
        classes,
        ["large", "small"],
        "the pool's VM is another one, the control plane's is not"
    );

    world.guests().delete("dev", &DeleteParams::default()).await?;
    let gone = await_condition(world.guests(), "dev", |guest: Option<&GuestCluster>| guest.is_none());
    tokio::time::timeout(PATIENCE, gone).await.context("it stays")??;
    assert_eq!(world.objects().await?, BTreeMap::new(), "nothing is left in any layer");

    let history = world.history.lock();
    for kind in [OperationKind::Create, OperationKind::Upgrade, OperationKind::Delete] {
        let steps = history.steps_of(kind);
        let numbers: Vec<_> = steps
            .iter()
            .map(|step| step.split('/').next().unwrap_or_default().to_owned())
            .collect();
        if kind != OperationKind::Upgrade {
            assert!(numbers.is_sorted(), "steps go forward: {steps:#?}");
        }
        ensure!(steps.len() >= 3, "progress is seen on the way: {steps:#?}");
    }
    assert_eq!(
        history.steps_of(OperationKind::Create).last().map(String::as_str),
        Some("Create 10/10 login")
    );
    Ok(())
}

#[tokio::test]
async fn what_keeps_a_vm_from_running_is_said_by_the_guest() -> Result<()> {
    let world = World::start(91, &["huge"]).await?;
    world.create(1, "huge").await?;
    let guest = world
        .guest("told", |guest| {
            ready_message(guest).contains("class \"huge\" does not exist")
        })
        .await?;
    let message = ready_message(&guest);
    assert!(
        message.starts_with("NotFound: waiting for VM dev-default-"),
        "{message}"
    );
    assert_eq!(guest.status.and_then(|status| status.phase), Some(Phase::Provisioning));
    let told = |event: &Event| event.reason.as_deref() == Some("NotFound") && event.type_.as_deref() == Some("Warning");
    let events: Api<Event> = Api::namespaced(world.client.clone(), "team-a");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !events.list(&ListParams::default()).await?.iter().any(told) {
        ensure!(tokio::time::Instant::now() < deadline, "no event tells it");
        tokio::task::yield_now().await;
    }

    world
        .change(&json!({"spec": {"topology": {"nodePools": [
        {"name": "default", "replicas": 1, "vmClass": "small", "storageClass": "gold"}]}}}))
        .await?;
    world.settled().await?;
    assert_eq!(world.count::<VirtualMachine>().await?, 2);
    Ok(())
}

#[tokio::test]
async fn layers_that_start_again_find_nothing_to_write() -> Result<()> {
    let mut world = World::start(92, &[]).await?;
    world.create(2, "small").await?;
    world.settled().await?;
    // Lower layers may count once more after the guest is Ready: two equal looks in a row are rest.
    let mut before = world.objects().await?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let after = world.objects().await?;
        if after == before {
            break;
        }
        ensure!(tokio::time::Instant::now() < deadline, "never at rest");
        before = after;
    }
    world.run_layers();
    // The answer to a new release shows that the guest layer has looked at the guest again.
    release(&world.client, "v1.34.9").await?;
    world
        .guest("offered the new release", |guest| {
            updates(guest).contains(&"v1.34.9".to_owned())
        })
        .await?;
    let after = world.objects().await?;
    assert_eq!(after, before);
    Ok(())
}
