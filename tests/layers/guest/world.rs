//! A supervisor with releases and the guest layer; the layer below is what the test says.

use std::fmt::Debug;

use anyhow::{Context, Result, ensure};
use guestcluster_types::{
    GuestCluster, GuestClusterRelease, Phase, conditions,
    upstream::{
        capi::{Cluster, MachineDeployment},
        capv::VSphereCluster,
        kubeadm::KubeadmControlPlane,
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::supervisor::{Kinds, PATIENCE, Running, Supervisor};

/// A supervisor with releases and the guest layer.
pub(super) struct World {
    pub(super) supervisor: Supervisor,
    pub(super) layer: Running,
}

impl World {
    pub(super) async fn start() -> Result<Self> {
        let supervisor = Supervisor::start(Kinds::All).await?;
        let releases: Api<GuestClusterRelease> = Api::all(supervisor.client.clone());
        for version in ["v1.33.7", "v1.34.2", "v1.35.0"] {
            let spec =
                json!({"version": version, "images": [{"os": "photon-5", "name": format!("photon-5-{version}")}]});
            releases
                .create(
                    &PostParams::default(),
                    &object(json!({"metadata": {"name": version}, "spec": spec}))?,
                )
                .await?;
        }
        let layer = supervisor.run_guest_layer();
        Ok(Self { supervisor, layer })
    }

    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.supervisor.client.clone(), "team-a")
    }

    pub(super) async fn create_guest(&self, annotations: Value) -> Result<GuestCluster> {
        let guest = object(json!({
            "metadata": {"name": "dev", "annotations": annotations},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {
                    "controlPlane": {"replicas": 1, "vmClass": "small", "storageClass": "gold"},
                    "nodePools": [
                        {"name": "default", "replicas": 2, "vmClass": "small", "storageClass": "gold"},
                        {"name": "extra", "replicas": 1, "vmClass": "large", "storageClass": "gold"},
                    ],
                },
            },
        }))?;
        Ok(self.api().create(&PostParams::default(), &guest).await?)
    }

    /// Waits until the guest is such, and shows the last one if it does not come to be.
    pub(super) async fn guest(&self, what: &str, is_such: impl Fn(&GuestCluster) -> bool) -> Result<GuestCluster> {
        self.object("dev", what, is_such).await
    }

    pub(super) async fn object<K>(&self, name: &str, what: &str, is_such: impl Fn(&K) -> bool) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let condition = |object: Option<&K>| object.is_some_and(&is_such);
        match tokio::time::timeout(PATIENCE, await_condition(self.api(), name, condition)).await {
            Ok(object) => object?.context("gone"),
            Err(_) => {
                let last = self.api::<K>().get_opt(name).await?;
                anyhow::bail!("{} {name} never was {what}: {last:#?}", K::kind(&()))
            }
        }
    }

    pub(super) async fn gone<K>(&self, name: &str) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let gone = await_condition(self.api::<K>(), name, |object: Option<&K>| object.is_none());
        tokio::time::timeout(PATIENCE, gone)
            .await
            .with_context(|| format!("{} {name} stays", K::kind(&())))??;
        Ok(())
    }

    /// The names of all objects of a kind.
    pub(super) async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let list = self.api::<K>().list(&ListParams::default()).await?;
        Ok(list.iter().map(ResourceExt::name_any).collect())
    }

    /// Changes an object as a user does.
    pub(super) async fn change<K>(&self, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        Ok(self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?)
    }

    /// Sets the status of an object, as the layer below does.
    pub(super) async fn report<K>(&self, name: &str, status: Value) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<K>()
            .patch_status(name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }

    /// Plays the layer below, until all that was asked for is there.
    pub(super) async fn bring_up(&self) -> Result<()> {
        self.guest("at step 2", |guest| step(guest) >= 2).await?;
        let endpoint = json!({"spec": {"controlPlaneEndpoint": {"host": "10.20.0.17", "port": 6443}}});
        self.change::<VSphereCluster>("dev", endpoint.clone()).await?;
        self.report::<VSphereCluster>("dev", json!({"initialization": {"provisioned": true}}))
            .await?;
        self.guest("at step 3", |guest| step(guest) == 3).await?;
        self.change::<Cluster>("dev", endpoint).await?;
        let machine = json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
            "metadata": {"name": "dev-cp-a", "labels": {"cluster.x-k8s.io/cluster-name": "dev", "cluster.x-k8s.io/control-plane": ""}},
            "spec": {"clusterName": "dev", "version": "v1.34.2", "bootstrap": {"dataSecretName": "x"},
                "infrastructureRef": {"apiGroup": "vmware.infrastructure.cluster.x-k8s.io", "kind": "VSphereMachine", "name": "dev-cp-a"}}});
        self.create(machine).await?;
        let vm = json!({"apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereMachine",
            "metadata": {"name": "dev-cp-a", "labels": {"cluster.x-k8s.io/cluster-name": "dev"}},
            "spec": {"className": "small", "imageName": "photon-5-v1.34.2", "storageClass": "gold"}});
        self.create(vm).await?;
        self.report_vm(
            "False",
            "VirtualMachineClassNotFound",
            r#"class "huge" is not in namespace team-a"#,
        )
        .await?;
        let wanted = r#"waiting for VM dev-cp-a: VirtualMachineClassNotFound: class "huge" is not in namespace team-a"#;
        let guest = self.guest("told what blocks", |guest| message(guest) == wanted).await?;
        ensure!(
            reason(&guest) == "VirtualMachineClassNotFound" && step(&guest) == 3,
            "{:#?}",
            guest.status
        );
        self.report_vm("True", "Provisioned", "").await?;
        self.guest("at step 6", |guest| step(guest) == 6).await?;
        let probe = json!({"type": "RemoteConnectionProbe", "status": "True", "reason": "ProbeSucceeded", "message": "",
            "lastTransitionTime": "2026-11-22T10:00:00Z"});
        let initialized = json!({"infrastructureProvisioned": true, "controlPlaneInitialized": true});
        self.report::<Cluster>("dev", json!({"initialization": initialized, "conditions": [probe]}))
            .await?;
        let ready = json!({"type": "Ready", "status": "True", "reason": "Ready", "message": "", "lastTransitionTime": "2026-11-22T10:00:00Z"});
        self.report::<guestcluster_types::upstream::capi::Machine>("dev-cp-a", json!({"conditions": [ready]}))
            .await?;
        self.report_counts("v1.34.2").await
    }

    async fn report_vm(&self, status: &str, reason: &str, message: &str) -> Result<()> {
        let condition = json!({"type": "VirtualMachineProvisioned", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": "2026-11-22T10:00:00Z"});
        let initialization = json!({"provisioned": status == "True"});
        let status = json!({"conditions": [condition], "initialization": initialization});
        self.report::<guestcluster_types::upstream::capv::VSphereMachine>("dev-cp-a", status)
            .await
    }

    /// Says that every replica that is asked for is a Ready node.
    pub(super) async fn report_counts(&self, version: &str) -> Result<()> {
        let control_plane = self.api::<KubeadmControlPlane>().get("dev-cp").await?;
        let mut status = counts(control_plane.spec.replicas, &control_plane);
        status["version"] = json!(version);
        self.report::<KubeadmControlPlane>("dev-cp", status).await?;
        for pool in self.api::<MachineDeployment>().list(&ListParams::default()).await? {
            self.report::<MachineDeployment>(&pool.name_any(), counts(pool.spec.replicas, &pool))
                .await?;
        }
        Ok(())
    }

    pub(super) async fn create(&self, object: Value) -> Result<()> {
        let object: kube::api::DynamicObject = serde_json::from_value(object)?;
        let types = object.types.clone().context("types")?;
        let (group, version) = types.api_version.split_once('/').context("group")?;
        let kind = kube::core::GroupVersionKind::gvk(group, version, &types.kind);
        let resource = kube::core::ApiResource::from_gvk(&kind);
        let api: Api<kube::api::DynamicObject> =
            Api::namespaced_with(self.supervisor.client.clone(), "team-a", &resource);
        api.create(&PostParams::default(), &object).await?;
        Ok(())
    }
}

fn object<K: Resource<DynamicType = ()> + DeserializeOwned>(mut object: Value) -> Result<K> {
    object["apiVersion"] = json!(K::api_version(&()));
    object["kind"] = json!(K::kind(&()));
    Ok(serde_json::from_value(object)?)
}

fn counts<K: Resource + Serialize>(replicas: Option<i32>, object: &K) -> Value {
    json!({"replicas": replicas, "upToDateReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
        "observedGeneration": object.meta().generation})
}

pub(super) fn step(guest: &GuestCluster) -> i32 {
    guest
        .status
        .as_ref()
        .and_then(|status| status.operation.as_ref())
        .map_or(-1, |operation| operation.step)
}

pub(super) fn phase(guest: &GuestCluster) -> Option<Phase> {
    guest.status.as_ref()?.phase
}

pub(super) fn ready(guest: &GuestCluster) -> bool {
    guest
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
}

pub(super) fn reason(guest: &GuestCluster) -> String {
    let condition = guest
        .status
        .as_ref()
        .and_then(|status| conditions::find(&status.conditions, conditions::READY));
    condition.map(|condition| condition.reason.clone()).unwrap_or_default()
}

pub(super) fn message(guest: &GuestCluster) -> String {
    guest
        .status
        .as_ref()
        .and_then(|status| status.message.clone())
        .unwrap_or_default()
}
