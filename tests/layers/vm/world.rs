//! A supervisor with the VM layer over simulated VMs that take no time.

use std::sync::Arc;

use anyhow::{Context, Result};
use generic_apiserver::storage::redb::Engine;
use guestcluster_controllers::{runs::Runs, vm};
use kube::{
    Api, Client, Resource,
    api::PostParams,
    core::{ApiResource, DynamicObject, GroupVersionKind},
};
use serde_json::{Value, json};
use sim_driver::Sim;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::supervisor::{PATIENCE, cluster, upstream};

const NAMESPACE: &str = "team-a";
const NO_DELAYS: &str = "delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}";

pub(super) struct World {
    pub(super) client: Client,
    sim: Arc<Sim>,
    stop: CancellationToken,
    layer: JoinHandle<()>,
    _cluster: Arc<kubernetes_apiserver::Cluster>,
}

impl World {
    pub(super) async fn start() -> Result<Self> {
        let (cluster, client) = cluster(upstream()?).await?;
        let sim = Sim::start(Engine::in_memory()?, sim_driver::Config::from_yaml(NO_DELAYS)?).await?;
        let stop = CancellationToken::new();
        let layer = tokio::spawn(vm::run(client.clone(), sim.clone(), Runs::default(), stop.clone()));
        let world = Self {
            client,
            sim,
            stop,
            layer,
            _cluster: cluster,
        };
        world
            .create("v1", "Namespace", json!({"metadata": {"name": NAMESPACE}}))
            .await?;
        world
            .create(
                "storage.k8s.io/v1",
                "StorageClass",
                json!({"metadata": {"name": "gold"}, "provisioner": "a"}),
            )
            .await?;
        Ok(world)
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.layer)
            .await
            .context("the layer did not stop")??;
        self.sim.stop().await;
        Ok(())
    }

    /// Objects of an API version and a kind as they are sent, in the namespace if the kind is in one.
    pub(super) fn api(&self, api_version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match kind {
            "Namespace" | "StorageClass" | "ClusterVirtualMachineImage" => {
                Api::all_with(self.client.clone(), &resource)
            }
            _ => Api::namespaced_with(self.client.clone(), NAMESPACE, &resource),
        }
    }

    pub(super) async fn create(&self, api_version: &str, kind: &str, mut object: Value) -> Result<()> {
        object["apiVersion"] = json!(api_version);
        object["kind"] = json!(kind);
        let object: DynamicObject = serde_json::from_value(object)?;
        self.api(api_version, kind)
            .create(&PostParams::default(), &object)
            .await
            .with_context(|| format!("{kind} {:?}", object.meta().name))?;
        Ok(())
    }
}
