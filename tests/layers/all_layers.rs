//! All three layers over a host and our server, with simulated VMs that take no time.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use generic_apiserver::storage::redb::Engine;
use guestcluster_controllers::{
    guest::{self, Gauges},
    machine::{self, GuestClients},
    reports::Hearer,
    runs::Runs,
    vm,
};
use guestcluster_types::{
    GuestCluster, GuestClusterRelease, Phase, conditions,
    upstream::{capi::Machine, vmoperator::VirtualMachine},
};
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sim_driver::Sim;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const NO_DELAYS: &str = "delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}";

/// A supervisor, and the layers that run over it.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) gauges: Gauges,
    sim: Arc<Sim>,
    stop: CancellationToken,
    layers: JoinSet<Result<()>>,
}

impl World {
    /// Fills a supervisor with what guests are made from; the layers run only when they are asked for.
    pub(crate) async fn over(client: Client) -> Result<Self> {
        let sim = Sim::start(Engine::in_memory()?, sim_driver::Config::from_yaml(NO_DELAYS)?).await?;
        let world = Self {
            client,
            gauges: Gauges::default(),
            sim,
            stop: CancellationToken::new(),
            layers: JoinSet::new(),
        };
        world.fill_host().await?;
        world.fill_ours().await?;
        Ok(world)
    }

    /// Runs the three layers, the guest layer with a client of its own.
    pub(crate) fn run_layers_with(&mut self, guest: Client) {
        let (gauges, stop) = (self.gauges.clone(), self.stop.clone());
        self.layers.spawn(async move {
            guest::run(guest, gauges, Hearer::default(), Runs::default(), stop).await;
            Ok(())
        });
        let machine = machine::run(
            self.client.clone(),
            GuestClients::default(),
            Runs::default(),
            self.stop.clone(),
        );
        self.layers.spawn(async move { Ok(machine.await?) });
        let (client, sim, stop) = (self.client.clone(), self.sim.clone(), self.stop.clone());
        self.layers.spawn(async move {
            vm::run(client, sim, Runs::default(), stop).await;
            Ok(())
        });
    }

    pub(crate) fn run_layers(&mut self) {
        self.run_layers_with(self.client.clone());
    }

    /// Stops everything, and fails if a layer ended before.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.stop_layers().await?;
        self.sim.stop().await;
        Ok(())
    }

    /// Stops the layers, and fails if one ended before.
    pub(crate) async fn stop_layers(&mut self) -> Result<()> {
        ensure!(self.layers.try_join_next().is_none(), "a layer ended by itself");
        std::mem::take(&mut self.stop).cancel();
        let layers = &mut self.layers;
        let all = async {
            while let Some(layer) = layers.join_next().await {
                layer??;
            }
            Ok::<_, anyhow::Error>(())
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .context("a layer did not stop")?
    }

    async fn fill_host(&self) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        for name in ["guestclusters-system", "team-a"] {
            let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
            namespaces.create(&PostParams::default(), &namespace).await?;
        }
        let class = json!({"metadata": {"name": "small"}, "spec": {"hardware": {"cpus": 2, "memory": "4Gi"}}});
        self.create("vmoperator.vmware.com/v1alpha5", "VirtualMachineClass", class)
            .await?;
        let class = json!({"metadata": {"name": "gold"}, "provisioner": "csi.vsphere.vmware.com"});
        self.create("storage.k8s.io/v1", "StorageClass", class).await?;
        for version in VERSIONS {
            let image = json!({"metadata": {"name": format!("photon-{version}")}, "spec": {}});
            self.create("vmoperator.vmware.com/v1alpha5", "ClusterVirtualMachineImage", image)
                .await?;
        }
        Ok(())
    }

    /// What an administrator puts into our server, and again into an empty one.
    pub(crate) async fn fill_ours(&self) -> Result<()> {
        let releases: Api<GuestClusterRelease> = Api::all(self.client.clone());
        for version in VERSIONS {
            let release = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease",
                "metadata": {"name": version},
                "spec": {"version": version, "images": [{"os": "photon", "name": format!("photon-{version}")}]}});
            releases
                .create(&PostParams::default(), &serde_json::from_value(release)?)
                .await?;
        }
        Ok(())
    }

    /// Creates an object of any kind, in team-a if it is in a namespace.
    pub(crate) async fn create(&self, api_version: &str, kind: &str, mut object: Value) -> Result<()> {
        let (group, version) = api_version.split_once('/').context("a group")?;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let in_namespace = kind == "VirtualMachineClass";
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        let api: Api<DynamicObject> = match in_namespace {
            true => Api::namespaced_with(self.client.clone(), "team-a", &resource),
            false => Api::all_with(self.client.clone(), &resource),
        };
        api.create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
        Ok(())
    }

    /// Creates a guest of one control-plane node and one worker, with these annotations.
    pub(crate) async fn create_guest(&self, name: &str, annotations: Value) -> Result<GuestCluster> {
        let pool = json!({"name": "default", "replicas": 1, "vmClass": "small", "storageClass": "gold"});
        let guest = json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {"controlPlane": {"replicas": 1, "vmClass": "small", "storageClass": "gold"}, "nodePools": [pool]},
            },
        });
        let guest = self
            .api()
            .create(&PostParams::default(), &serde_json::from_value(guest)?)
            .await?;
        Ok(guest)
    }

    /// Changes a guest as a user does.
    pub(crate) async fn change(&self, name: &str, patch: &Value) -> Result<()> {
        let guests = self.api::<GuestCluster>();
        guests
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    pub(crate) async fn delete_guest(&self, name: &str) -> Result<()> {
        self.api::<GuestCluster>()
            .delete(name, &DeleteParams::default())
            .await?;
        eventually(&format!("{name} is gone"), async || {
            Ok(self
                .api::<GuestCluster>()
                .get_opt(name)
                .await?
                .map(|guest| format!("{:#?}", guest.status)))
        })
        .await
    }

    pub(crate) fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), "team-a")
    }

    /// Waits until a guest has and does all that is asked for.
    pub(crate) async fn settled(&self, name: &str) -> Result<GuestCluster> {
        self.guest(name, "is settled", |guest| {
            let Some(status) = &guest.status else { return false };
            status.observed_generation == guest.metadata.generation
                && status.phase == Some(Phase::Running)
                && conditions::is_true(&status.conditions, conditions::READY)
        })
        .await
    }

    /// Waits until a guest is such.
    pub(crate) async fn guest(
        &self,
        name: &str,
        what: &str,
        is_such: impl Fn(&GuestCluster) -> bool,
    ) -> Result<GuestCluster> {
        eventually(&format!("{name} {what}"), async || {
            let guest = self.api::<GuestCluster>().get(name).await?;
            Ok((!is_such(&guest)).then(|| format!("{:#?}", guest.status)))
        })
        .await?;
        Ok(self.api().get(name).await?)
    }

    /// UIDs of all machines and VMs, by kind and name: what is replaced has another.
    pub(crate) async fn machines(&self) -> Result<BTreeMap<String, String>> {
        let mut all = self.uids::<Machine>().await?;
        all.extend(self.uids::<VirtualMachine>().await?);
        Ok(all)
    }

    async fn uids<K>(&self) -> Result<BTreeMap<String, String>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let list = self.api::<K>().list_metadata(&ListParams::default()).await?;
        let entry = |object: &kube::core::PartialObjectMeta<K>| {
            (
                format!("{}/{}", K::kind(&()), object.name_any()),
                object.uid().unwrap_or_default(),
            )
        };
        Ok(list.iter().map(entry).collect())
    }

    /// The page of metrics that the layer adds to.
    pub(crate) fn metrics(&self) -> String {
        let mut page = String::new();
        self.gauges.render(&mut page);
        page
    }
}

/// Versions that guests may run.
pub(crate) const VERSIONS: [&str; 2] = ["v1.34.2", "v1.35.0"];

/// Asks again until nothing is missing any more; what is missing last is told.
pub(crate) async fn eventually(what: &str, missing: impl AsyncFn() -> Result<Option<String>>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while let Some(missing) = missing().await? {
        ensure!(Instant::now() < deadline, "never: {what}; {missing}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Reason and message of a guest's Ready.
pub(crate) fn ready(guest: &GuestCluster) -> (String, String) {
    let status = guest.status.as_ref();
    let ready = status.and_then(|status| conditions::find(&status.conditions, conditions::READY));
    ready
        .map(|ready| (ready.reason.clone(), ready.message.clone()))
        .unwrap_or_default()
}
