//! A supervisor with the machine layer and a played VM layer.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use guestcluster_controllers::{
    machine::{self, GuestClients},
    runs::Runs,
};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, MachineSet, condition},
    capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
    kubeadm::{KubeadmConfig, KubeadmConfigTemplate, KubeadmControlPlane},
    vmoperator::{VirtualMachine, VirtualMachineService, VirtualMachineSetResourcePolicy},
};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{ConfigMap, Namespace, Node, Secret},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use rand::{RngExt, rngs::StdRng};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    played_evictions::Evictions,
    played_vms::PlayedVms,
    supervisor::{PATIENCE, cluster, upstream},
};

pub(super) trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}
impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize> Kind
    for K
{
}

/// A supervisor with the machine layer and a played VM layer.
pub(super) struct World {
    pub(super) client: Client,
    pub(super) vms: PlayedVms,
    layer: Option<Layer>,
    _cluster: Arc<kubernetes_apiserver::Cluster>,
}

struct Layer {
    stop: CancellationToken,
    task: JoinHandle<Result<(), machine::Error>>,
}

impl World {
    pub(super) async fn start(number: u8, missing_classes: &[&str]) -> Result<Self> {
        Self::start_with(number, missing_classes, None).await
    }

    /// A world whose guest has evictions.
    pub(super) async fn start_with(
        number: u8,
        missing_classes: &[&str],
        evictions: Option<Arc<Evictions>>,
    ) -> Result<Self> {
        let (cluster, client) = cluster(upstream()?).await?;
        let namespace = json!({"metadata": {"name": "team-a"}});
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &serde_json::from_value(namespace)?)
            .await?;
        let vms = PlayedVms::start(client.clone(), number, missing_classes, evictions);
        let mut world = Self {
            client,
            vms,
            layer: None,
            _cluster: cluster,
        };
        world.run_layer();
        Ok(world)
    }

    pub(super) fn run_layer(&mut self) {
        let stop = CancellationToken::new();
        let guests = GuestClients::default();
        let task = tokio::spawn(machine::run(self.client.clone(), guests, Runs::default(), stop.clone()));
        self.layer = Some(Layer { stop, task });
    }

    pub(super) async fn stop_layer(&mut self) -> Result<()> {
        if let Some(layer) = self.layer.take() {
            layer.stop.cancel();
            tokio::time::timeout(PATIENCE, layer.task)
                .await
                .context("the layer did not stop")???;
        }
        Ok(())
    }

    /// Ends the layer in the middle of whatever it does.
    pub(super) async fn kill_layer(&mut self) {
        if let Some(layer) = self.layer.take() {
            layer.task.abort();
            let _ = layer.task.await;
        }
    }

    /// Runs the layer for short times and kills it, as often as `random` says.
    pub(super) async fn run_and_kill(&mut self, random: &mut StdRng) {
        for _ in 0..random.random_range(3..12) {
            self.kill_layer().await;
            self.run_layer();
            tokio::time::sleep(Duration::from_millis(random.random_range(1..80))).await;
        }
        self.kill_layer().await;
        self.run_layer();
    }

    pub(super) fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "team-a")
    }

    /// Objects of a kind as they are sent, whatever is in them.
    pub(super) fn dynamic(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), "team-a", kind)
    }

    pub(super) async fn apply<K: Kind>(&self, object: Value) -> Result<K> {
        let object: K = serde_json::from_value(object)?;
        let params = PatchParams::apply("test").force();
        Ok(self
            .api::<K>()
            .patch(&object.name_any(), &params, &Patch::Apply(&object))
            .await?)
    }

    pub(super) async fn patch<K: Kind>(&self, name: &str, patch: Value) -> Result<K> {
        Ok(self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?)
    }

    /// What the guest layer writes for a cluster.
    pub(super) async fn create_cluster(&self, workers: i32, class: &str) -> Result<()> {
        let labels = json!({"cluster.x-k8s.io/cluster-name": "dev"});
        self.apply::<VSphereCluster>(json!({"metadata": {"name": "dev", "labels": labels}}))
            .await?;
        self.template("small-1", "v1.34.0", "small").await?;
        self.template("first", "v1.34.0", class).await?;
        self.apply::<KubeadmControlPlane>(json!({
            "metadata": {"name": "dev-cp", "labels": labels},
            "spec": {
                "replicas": 1, "version": "v1.34.0",
                "machineTemplate": {"spec": {"infrastructureRef": reference::<VSphereMachineTemplate>("first")}},
                "kubeadmConfigSpec": {
                    "clusterConfiguration": {"encryptionAlgorithm": "ECDSA-P256"},
                    "initConfiguration": {"nodeRegistration": {"name": "{{ ds.meta_data.hostname }}"}},
                    "joinConfiguration": {"nodeRegistration": {"name": "{{ ds.meta_data.hostname }}"}},
                },
            },
        }))
        .await?;
        self.apply::<Cluster>(json!({
            "metadata": {"name": "dev", "labels": labels},
            "spec": {
                "clusterNetwork": {"pods": {"cidrBlocks": ["192.168.0.0/16"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}, "serviceDomain": "cluster.local"},
                "infrastructureRef": reference::<VSphereCluster>("dev"),
                "controlPlaneRef": reference::<KubeadmControlPlane>("dev-cp"),
            },
        }))
        .await?;
        self.apply::<KubeadmConfigTemplate>(json!({
            "metadata": {"name": "dev-a", "labels": labels},
            "spec": {"template": {"spec": {"joinConfiguration": {"nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": "a=b"}]}}}}},
        }))
        .await?;
        self.apply::<MachineDeployment>(json!({
            "metadata": {"name": "dev-a", "labels": labels},
            "spec": {
                "clusterName": "dev", "replicas": workers,
                "rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
                "selector": {"matchLabels": {"cluster.x-k8s.io/deployment-name": "dev-a"}},
                "template": {
                    "metadata": {"labels": {"cluster.x-k8s.io/deployment-name": "dev-a", "cluster.x-k8s.io/cluster-name": "dev"}},
                    "spec": {
                        "clusterName": "dev", "version": "v1.34.0",
                        "bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("dev-a")},
                        "infrastructureRef": reference::<VSphereMachineTemplate>("small-1"),
                    },
                },
            },
        }))
        .await?;
        Ok(())
    }

    /// Asks for another version, everywhere at once.
    pub(super) async fn upgrade(&self, version: &str) -> Result<()> {
        self.template(version, version, "small").await?;
        let template = reference::<VSphereMachineTemplate>(version);
        let machines = json!({"spec": {"infrastructureRef": template}});
        self.patch::<KubeadmControlPlane>(
            "dev-cp",
            json!({"spec": {"version": version, "machineTemplate": machines}}),
        )
        .await?;
        let machines = json!({"spec": {"version": version, "infrastructureRef": template}});
        self.patch::<MachineDeployment>("dev-a", json!({"spec": {"template": machines}}))
            .await?;
        Ok(())
    }

    pub(super) async fn template(&self, name: &str, version: &str, class: &str) -> Result<()> {
        let spec = json!({"className": class, "imageName": format!("photon-{version}"), "storageClass": "gold"});
        self.apply::<VSphereMachineTemplate>(json!({"metadata": {"name": name}, "spec": {"template": {"spec": spec}}}))
            .await?;
        Ok(())
    }

    /// Waits until the cluster has so many ready machines of the first version, all up to date, and no others.
    pub(super) async fn settled(&self, control_plane: i32, workers: i32) -> Result<Cluster> {
        self.settled_at("v1.34.0", control_plane, workers).await
    }

    pub(super) async fn settled_at(&self, version: &str, control_plane: i32, workers: i32) -> Result<Cluster> {
        self.cluster(&format!("{control_plane}+{workers} machines"), |cluster| {
            let is = |counts: &Option<guestcluster_types::upstream::capi::ReplicaCounts>, wanted: i32| {
                counts.as_ref().is_some_and(|counts| {
                    let versions: Vec<_> = counts
                        .versions
                        .iter()
                        .map(|count| (count.version.as_str(), count.replicas))
                        .collect();
                    let expected = if wanted > 0 {
                        vec![(version, Some(wanted))]
                    } else {
                        vec![]
                    };
                    let replicas = [
                        counts.replicas,
                        counts.ready_replicas,
                        counts.available_replicas,
                        counts.up_to_date_replicas,
                    ];
                    replicas == [Some(wanted); 4] && versions == expected
                })
            };
            is(&cluster.status.control_plane, control_plane)
                && is(&cluster.status.workers, workers)
                && cluster.is_true(condition::AVAILABLE)
        })
        .await
    }

    pub(super) async fn cluster(&self, what: &str, is_such: impl Fn(&Cluster) -> bool) -> Result<Cluster> {
        let api = self.api::<Cluster>();
        let mut last = None;
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let cluster = api.get("dev").await?;
                if is_such(&cluster) {
                    return anyhow::Ok(cluster);
                }
                last = Some(cluster.status);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        match found {
            Ok(found) => found,
            Err(_) => anyhow::bail!(
                "no {what}: {}\n{}",
                serde_json::to_string_pretty(&last)?,
                self.machines_text().await?
            ),
        }
    }

    /// The name of the first Machine that is such.
    pub(super) async fn machine(&self, is_such: impl Fn(&Machine) -> bool) -> Result<String> {
        let machines = self.api::<Machine>().list(&ListParams::default()).await?;
        let found = machines.iter().find(|machine| is_such(machine));
        Ok(found.context("no such Machine")?.name_any())
    }

    /// Names of the workers that are to stay.
    pub(super) async fn workers(&self) -> Result<BTreeSet<String>> {
        let machines = self.api::<Machine>().list(&ListParams::default()).await?;
        let stays = |machine: &&Machine| !is_control_plane(machine) && machine.metadata.deletion_timestamp.is_none();
        Ok(machines.iter().filter(stays).map(ResourceExt::name_any).collect())
    }

    /// Waits until there is no Machine of this name.
    pub(super) async fn without(&self, name: &str) -> Result<()> {
        let end = tokio::time::Instant::now() + PATIENCE;
        while self.api::<Machine>().get_opt(name).await?.is_some() {
            ensure!(tokio::time::Instant::now() < end, "Machine {name} is there for ever");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until the object `name` is such.
    pub(super) async fn until<K: Kind>(&self, name: &str, what: &str, is_such: impl Fn(&K) -> bool) -> Result<K> {
        let api = self.api::<K>();
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let object = api.get(name).await?;
            if is_such(&object) {
                return Ok(object);
            }
            ensure!(
                tokio::time::Instant::now() < end,
                "{name} never shows {what}: {}",
                serde_json::to_string_pretty(&object)?
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn machines_text(&self) -> Result<String> {
        let mut text = String::new();
        for machine in self.api::<Machine>().list(&ListParams::default()).await? {
            text.push_str(&format!(
                "{} {}\n",
                machine.name_any(),
                serde_json::to_string_pretty(&machine.status)?
            ));
        }
        for object in self.api::<KubeadmControlPlane>().list(&ListParams::default()).await? {
            text.push_str(&serde_json::to_string_pretty(&object.status)?);
        }
        Ok(text)
    }

    pub(super) async fn names<K: Kind>(&self) -> Result<BTreeSet<String>> {
        Ok(self
            .api::<K>()
            .list(&ListParams::default())
            .await?
            .iter()
            .map(ResourceExt::name_any)
            .collect())
    }

    /// Waits until the sets of old templates are gone.
    pub(super) async fn only_one_set(&self) -> Result<()> {
        let end = tokio::time::Instant::now() + PATIENCE;
        while self.names::<MachineSet>().await?.len() != 1 {
            ensure!(tokio::time::Instant::now() < end, "an old set is left");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        Ok(Api::<Node>::all(self.vms.guest().await?)
            .list(&ListParams::default())
            .await?
            .items)
    }

    /// All objects that the layer writes.
    pub(super) async fn objects(&self) -> Result<Vec<Value>> {
        let mut all = vec![];
        all.extend(self.of::<Cluster>().await?);
        all.extend(self.of::<KubeadmControlPlane>().await?);
        all.extend(self.of::<KubeadmConfig>().await?);
        all.extend(self.of::<MachineDeployment>().await?);
        all.extend(self.of::<MachineSet>().await?);
        all.extend(self.of::<Machine>().await?);
        all.extend(self.of::<VSphereCluster>().await?);
        all.extend(self.of::<VSphereMachine>().await?);
        all.extend(self.of::<VirtualMachine>().await?);
        all.extend(self.of::<VirtualMachineService>().await?);
        all.extend(self.of::<VirtualMachineSetResourcePolicy>().await?);
        Ok(all)
    }

    pub(super) async fn of<K: Kind>(&self) -> Result<Vec<Value>> {
        let list = self.api::<K>().list(&ListParams::default()).await?;
        Ok(list.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    /// The revision of the whole store.
    pub(super) async fn revision(&self) -> Result<String> {
        let list = self.api::<Secret>().list_metadata(&ListParams::default()).await?;
        list.metadata.resource_version.context("no revision")
    }

    /// Waits until nothing is written any more, and fails if that does not come to be.
    pub(super) async fn quiet(&self) -> Result<String> {
        let mut before = self.revision().await?;
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let after = self.revision().await?;
            if after == before {
                return Ok(after);
            }
            before = after;
        }
        anyhow::bail!("it is never quiet")
    }
}

pub(super) fn reference<K: Resource<DynamicType = ()>>(name: &str) -> Value {
    json!({"apiGroup": K::group(&()), "kind": K::kind(&()), "name": name})
}

pub(super) fn is_control_plane(machine: &Machine) -> bool {
    machine.labels().contains_key("cluster.x-k8s.io/control-plane")
}

/// Waits until nothing of the cluster is left but what the guest layer would delete.
pub(super) async fn gone(world: &World) -> Result<()> {
    let mut left = vec![];
    for _ in 0..2000 {
        left.clear();
        left.extend(world.names::<Cluster>().await?);
        left.extend(world.names::<KubeadmControlPlane>().await?);
        left.extend(world.names::<KubeadmConfig>().await?);
        left.extend(world.names::<MachineDeployment>().await?);
        left.extend(world.names::<MachineSet>().await?);
        left.extend(world.names::<Machine>().await?);
        left.extend(world.names::<VSphereCluster>().await?);
        left.extend(world.names::<VSphereMachine>().await?);
        left.extend(world.names::<VirtualMachine>().await?);
        left.extend(world.names::<VirtualMachineService>().await?);
        left.extend(world.names::<VirtualMachineSetResourcePolicy>().await?);
        left.extend(world.names::<Secret>().await?);
        left.extend(
            world
                .names::<ConfigMap>()
                .await?
                .into_iter()
                .filter(|name| name.starts_with("dev")),
        );
        if left.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("left: {left:?}")
}
