//! The machine layer: Cluster API objects become VMs and Nodes; the VM layer and the guest are played by the test.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use generic_apiserver::{authn::User, serve::VersionInfo, storage::redb::Engine};
use guestcluster_controllers::machine::{self, GuestClients};
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
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use kubernetes_apiserver::ClusterOptions;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    played_vms::PlayedVms,
    supervisor::{PATIENCE, upstream},
};

trait Kind:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}
impl<K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize> Kind
    for K
{
}

/// A supervisor with the machine layer and a played VM layer.
struct World {
    client: Client,
    vms: PlayedVms,
    layer: Option<Layer>,
    _cluster: Arc<kubernetes_apiserver::Cluster>,
}

struct Layer {
    stop: CancellationToken,
    task: JoinHandle<Result<(), machine::Error>>,
}

impl World {
    async fn start(number: u8, missing_classes: &[&str]) -> Result<Self> {
        let engine = Engine::in_memory()?;
        let version = VersionInfo {
            git_version: "v1.37.2".into(),
            major: "1".into(),
            minor: "37".into(),
        };
        let mut options = ClusterOptions::new(engine.keyspace("sup/"), Arc::new(version));
        options.definitions = upstream()?;
        let cluster = kubernetes_apiserver::Cluster::start(options).await?;
        let root = User {
            name: "root".into(),
            groups: vec!["system:masters".into()],
            ..User::default()
        };
        let client = Client::new(cluster.server().local_service(root), "team-a");
        let namespace = json!({"metadata": {"name": "team-a"}});
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &serde_json::from_value(namespace)?)
            .await?;
        let vms = PlayedVms::start(client.clone(), number, missing_classes);
        let mut world = Self {
            client,
            vms,
            layer: None,
            _cluster: cluster,
        };
        world.run_layer();
        Ok(world)
    }

    fn run_layer(&mut self) {
        let stop = CancellationToken::new();
        let guests = GuestClients::default();
        let task = tokio::spawn(machine::run(self.client.clone(), guests, stop.clone()));
        self.layer = Some(Layer { stop, task });
    }

    async fn stop_layer(&mut self) -> Result<()> {
        if let Some(layer) = self.layer.take() {
            layer.stop.cancel();
            tokio::time::timeout(PATIENCE, layer.task)
                .await
                .context("the layer did not stop")???;
        }
        Ok(())
    }

    /// Ends the layer in the middle of whatever it does.
    async fn kill_layer(&mut self) {
        if let Some(layer) = self.layer.take() {
            layer.task.abort();
            let _ = layer.task.await;
        }
    }

    /// Runs the layer for short times and kills it, as often as `random` says.
    async fn run_and_kill(&mut self, random: &mut StdRng) {
        for _ in 0..random.random_range(3..12) {
            self.kill_layer().await;
            self.run_layer();
            tokio::time::sleep(Duration::from_millis(random.random_range(1..80))).await;
        }
        self.kill_layer().await;
        self.run_layer();
    }

    fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "team-a")
    }

    async fn apply<K: Kind>(&self, object: Value) -> Result<K> {
        let object: K = serde_json::from_value(object)?;
        let params = PatchParams::apply("test").force();
        Ok(self
            .api::<K>()
            .patch(&object.name_any(), &params, &Patch::Apply(&object))
            .await?)
    }

    async fn patch<K: Kind>(&self, name: &str, patch: Value) -> Result<K> {
        Ok(self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?)
    }

    /// What the guest layer writes for a cluster.
    async fn create_cluster(&self, workers: i32, class: &str) -> Result<()> {
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
    async fn upgrade(&self, version: &str) -> Result<()> {
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

    async fn template(&self, name: &str, version: &str, class: &str) -> Result<()> {
        let spec = json!({"className": class, "imageName": format!("photon-{version}"), "storageClass": "gold"});
        self.apply::<VSphereMachineTemplate>(json!({"metadata": {"name": name}, "spec": {"template": {"spec": spec}}}))
            .await?;
        Ok(())
    }

    /// Waits until the cluster has so many ready machines of the first version, all up to date, and no others.
    async fn settled(&self, control_plane: i32, workers: i32) -> Result<Cluster> {
        self.settled_at("v1.34.0", control_plane, workers).await
    }

    async fn settled_at(&self, version: &str, control_plane: i32, workers: i32) -> Result<Cluster> {
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

    async fn cluster(&self, what: &str, is_such: impl Fn(&Cluster) -> bool) -> Result<Cluster> {
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

    async fn machines_text(&self) -> Result<String> {
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

    async fn names<K: Kind>(&self) -> Result<BTreeSet<String>> {
        Ok(self
            .api::<K>()
            .list(&ListParams::default())
            .await?
            .iter()
            .map(ResourceExt::name_any)
            .collect())
    }

    /// Waits until the sets of old templates are gone.
    async fn only_one_set(&self) -> Result<()> {
        let end = tokio::time::Instant::now() + PATIENCE;
        while self.names::<MachineSet>().await?.len() != 1 {
            ensure!(tokio::time::Instant::now() < end, "an old set is left");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<Node>> {
        Ok(Api::<Node>::all(self.vms.guest().await?)
            .list(&ListParams::default())
            .await?
            .items)
    }

    /// All objects that the layer writes.
    async fn objects(&self) -> Result<Vec<Value>> {
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

    async fn of<K: Kind>(&self) -> Result<Vec<Value>> {
        let list = self.api::<K>().list(&ListParams::default()).await?;
        Ok(list.items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }

    /// The revision of the whole store.
    async fn revision(&self) -> Result<String> {
        let list = self.api::<Secret>().list_metadata(&ListParams::default()).await?;
        list.metadata.resource_version.context("no revision")
    }

    /// Waits until nothing is written any more, and fails if that does not come to be.
    async fn quiet(&self) -> Result<String> {
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

fn reference<K: Resource<DynamicType = ()>>(name: &str) -> Value {
    json!({"apiGroup": K::group(&()), "kind": K::kind(&()), "name": name})
}

fn is_control_plane(machine: &Machine) -> bool {
    machine.labels().contains_key("cluster.x-k8s.io/control-plane")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_comes_up_and_is_left_alone_then() -> Result<()> {
    let mut world = World::start(101, &[]).await?;
    world.create_cluster(2, "small").await?;
    let created = world.revision().await?;
    let cluster = world.settled(1, 2).await?;
    ensure!(cluster.status.phase.as_deref() == Some("Provisioned"));

    let nodes = world.nodes().await?;
    let machines: BTreeSet<_> = nodes
        .iter()
        .map(|node| node.annotations()["cluster.x-k8s.io/machine"].clone())
        .collect();
    ensure!(
        machines == world.names::<Machine>().await? && machines.len() == 3,
        "{machines:?}"
    );
    ensure!(nodes.iter().all(|node| {
        node.spec
            .as_ref()
            .is_some_and(|spec| spec.taints.iter().flatten().next().is_none())
    }));

    let booted = world.vms.booted().await;
    let (first, workers): (Vec<_>, Vec<_>) = booted.values().partition(|data| data.contains("kubeadm init"));
    ensure!(
        first.len() == 1
            && first[0].contains("/etc/kubernetes/pki/ca.key")
            && first[0].contains("kind: ClusterConfiguration")
    );
    ensure!(
        workers.len() == 2
            && workers
                .iter()
                .all(|data| data.contains("kubeadm join") && !data.contains("PRIVATE KEY"))
    );

    let revision = world.quiet().await?;
    let writes = revision.parse::<u64>()? - created.parse::<u64>()?;
    // About 100 in practice; with each Machine's every step written upwards it would be twice that.
    ensure!(writes < 150, "{writes} writes");
    let before = world.objects().await?;
    world.stop_layer().await?;
    world.run_layer();
    // Nothing is to be done, and a restarted layer finds that out without a write.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let after = world.objects().await?;
    let written = before.iter().zip(&after).filter(|(before, after)| before != after);
    let written: Vec<_> = written
        .map(|(before, after)| format!("\n{}\n{}", before["status"], after["status"]))
        .collect();
    ensure!(
        world.revision().await? == revision,
        "a restart wrote:{}",
        written.concat()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_scales_both_ways_upgrades_one_at_a_time_and_goes_in_order() -> Result<()> {
    let world = World::start(102, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;

    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
        .await?;
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 3}}))
        .await?;
    world.settled(3, 3).await?;
    let old = world.names::<Machine>().await?;

    let most = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let watch = {
        let (api, most) = (world.api::<Machine>(), most.clone());
        tokio::spawn(async move {
            while let Ok(list) = api.list(&ListParams::default()).await {
                let joining = list
                    .iter()
                    .filter(|m| is_control_plane(m) && m.metadata.deletion_timestamp.is_none())
                    .count();
                most.fetch_max(joining, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
    };
    world.upgrade("v1.35.0").await?;
    world.settled_at("v1.35.0", 3, 3).await?;
    watch.abort();
    ensure!(
        most.load(std::sync::atomic::Ordering::Relaxed) <= 4,
        "more than one control-plane machine at a time"
    );
    let new = world.names::<Machine>().await?;
    ensure!(old.is_disjoint(&new), "{old:?} {new:?}");
    let versions: BTreeSet<_> = world
        .nodes()
        .await?
        .into_iter()
        .filter_map(|node| Some(node.status?.node_info?.kubelet_version))
        .collect();
    ensure!(versions == BTreeSet::from(["v1.35.0".to_owned()]), "{versions:?}");
    ensure!(world.nodes().await?.len() == 6, "the old Nodes are gone");
    world.only_one_set().await?;

    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 1}}))
        .await?;
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 0}}))
        .await?;
    world.settled_at("v1.35.0", 1, 0).await?;

    world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
    gone(&world).await
}

/// Waits until nothing of the cluster is left but what the guest layer would delete.
async fn gone(world: &World) -> Result<()> {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blocks_a_vm_is_said_at_the_top_and_a_mended_template_heals_it() -> Result<()> {
    let world = World::start(103, &["huge"]).await?;
    world.create_cluster(1, "huge").await?;
    let blocked = world
        .cluster("blocked cluster", |cluster| {
            cluster
                .condition(condition::CONTROL_PLANE_INITIALIZED)
                .is_some_and(|condition| condition.message.contains("huge"))
        })
        .await?;
    let condition = blocked
        .condition(condition::CONTROL_PLANE_MACHINES_READY)
        .context("no condition")?;
    ensure!(
        condition.reason == "NotFound" && condition.message.contains("class \"huge\" does not exist"),
        "{condition:?}"
    );

    let small = reference::<VSphereMachineTemplate>("small-1");
    world
        .patch::<KubeadmControlPlane>(
            "dev-cp",
            json!({"spec": {"machineTemplate": {"spec": {"infrastructureRef": small}}}}),
        )
        .await?;
    world.settled(1, 1).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_doubles_and_leaves_nothing() -> Result<()> {
    for seed in 0..3_u8 {
        let mut random = StdRng::seed_from_u64(seed.into());
        let mut world = World::start(110 + seed, &[]).await?;
        world.create_cluster(2, "small").await?;
        world.run_and_kill(&mut random).await;
        world.settled(1, 2).await?;
        ensure!(world.vms.booted().await.len() == 3, "seed {seed}: a VM too many booted");

        world
            .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
            .await?;
        world
            .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 4}}))
            .await?;
        world.run_and_kill(&mut random).await;
        world.settled(3, 4).await?;
        ensure!(world.vms.booted().await.len() == 7, "seed {seed}: a VM too many booted");

        world.upgrade("v1.35.0").await?;
        world.run_and_kill(&mut random).await;
        world.settled_at("v1.35.0", 3, 4).await?;
        ensure!(
            world.vms.booted().await.len() == 14,
            "seed {seed}: a VM too many booted"
        );
        let machines = world.names::<Machine>().await?;
        world.only_one_set().await?;
        ensure!(
            machines == world.names::<VirtualMachine>().await? && machines == world.names::<KubeadmConfig>().await?
        );

        world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
        world.run_and_kill(&mut random).await;
        gone(&world).await?;
    }
    Ok(())
}
