//! The guest layer: what it writes for a GuestCluster, what it makes of what it sees, and what it leaves alone.

use std::fmt::Debug;

use anyhow::{Context, Result, ensure};
use guestcluster_types::{
    GuestCluster, GuestClusterRelease, Phase, conditions,
    upstream::{
        capi::{Cluster, MachineDeployment},
        capv::{VSphereCluster, VSphereMachineTemplate},
        kubeadm::{KubeadmConfigTemplate, KubeadmControlPlane},
    },
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::wait::await_condition,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::supervisor::{Kinds, PATIENCE, Running, Supervisor};

/// A supervisor with releases and the guest layer.
struct World {
    supervisor: Supervisor,
    layer: Running,
}

impl World {
    async fn start() -> Result<Self> {
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

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.supervisor.client.clone(), "team-a")
    }

    async fn create_guest(&self, annotations: Value) -> Result<GuestCluster> {
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
    async fn guest(&self, what: &str, is_such: impl Fn(&GuestCluster) -> bool) -> Result<GuestCluster> {
        self.object("dev", what, is_such).await
    }

    async fn object<K>(&self, name: &str, what: &str, is_such: impl Fn(&K) -> bool) -> Result<K>
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

    async fn gone<K>(&self, name: &str) -> Result<()>
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
    async fn names<K>(&self) -> Result<Vec<String>>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let list = self.api::<K>().list(&ListParams::default()).await?;
        Ok(list.iter().map(ResourceExt::name_any).collect())
    }

    /// Changes an object as a user does.
    async fn change<K>(&self, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        Ok(self
            .api::<K>()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?)
    }

    /// Sets the status of an object, as the layer below does.
    async fn report<K>(&self, name: &str, status: Value) -> Result<()>
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
    async fn bring_up(&self) -> Result<()> {
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
    async fn report_counts(&self, version: &str) -> Result<()> {
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

    async fn create(&self, object: Value) -> Result<()> {
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

fn step(guest: &GuestCluster) -> i32 {
    guest
        .status
        .as_ref()
        .and_then(|status| status.operation.as_ref())
        .map_or(-1, |operation| operation.step)
}

fn phase(guest: &GuestCluster) -> Option<Phase> {
    guest.status.as_ref()?.phase
}

fn ready(guest: &GuestCluster) -> bool {
    guest
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
}

fn reason(guest: &GuestCluster) -> String {
    let condition = guest
        .status
        .as_ref()
        .and_then(|status| conditions::find(&status.conditions, conditions::READY));
    condition.map(|condition| condition.reason.clone()).unwrap_or_default()
}

fn message(guest: &GuestCluster) -> String {
    guest
        .status
        .as_ref()
        .and_then(|status| status.message.clone())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_guest_lives_from_its_creation_to_its_deletion() -> Result<()> {
    let world = World::start().await?;
    let created = world.create_guest(json!({})).await?;
    world.bring_up().await?;
    let guest = world.guest("Ready", ready).await?;
    assert_eq!(
        (phase(&guest), step(&guest), message(&guest).as_str()),
        (Some(Phase::Running), 10, "")
    );
    let status = guest.status.clone().context("status")?;
    assert_eq!(status.guest_uid, created.uid());
    assert_eq!(status.api_endpoint.context("endpoint")?.to_string(), "10.20.0.17:6443");
    assert_eq!(
        status.distribution.context("distribution")?.version.as_deref(),
        Some("v1.34.2")
    );
    let cluster = world.api::<Cluster>().get("dev").await?;
    assert_eq!(
        cluster.labels().get("guestclusters.dev/guest-uid"),
        created.uid().as_ref()
    );
    assert!(cluster.owner_references().is_empty());

    // Scaling one pool writes that pool alone.
    let before = world
        .api::<KubeadmControlPlane>()
        .get("dev-cp")
        .await?
        .resource_version();
    world
        .change::<GuestCluster>(
            "dev",
            json!({"spec": {"topology": {"nodePools": [
        {"name": "default", "replicas": 4, "vmClass": "small", "storageClass": "gold"}]}}}),
        )
        .await?;
    world
        .object("dev-default", "scaled", |pool: &MachineDeployment| {
            pool.spec.replicas == Some(4)
        })
        .await?;
    world.gone::<MachineDeployment>("dev-extra").await?;
    world.report_counts("v1.34.2").await?;
    let guest = world
        .guest("Running with 4", |guest| {
            ready(guest) && phase(guest) == Some(Phase::Running)
        })
        .await?;
    assert_eq!(guest.status.and_then(|status| status.replicas), Some(4));
    assert_eq!(
        world
            .api::<KubeadmControlPlane>()
            .get("dev-cp")
            .await?
            .resource_version(),
        before
    );
    for template in world.names::<KubeadmConfigTemplate>().await? {
        if template.starts_with("dev-extra-") {
            world.gone::<KubeadmConfigTemplate>(&template).await?;
        }
    }

    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    for names in [
        world.names::<Cluster>().await?,
        world.names::<VSphereCluster>().await?,
        world.names::<KubeadmControlPlane>().await?,
        world.names::<MachineDeployment>().await?,
        world.names::<VSphereMachineTemplate>().await?,
        world.names::<KubeadmConfigTemplate>().await?,
    ] {
        assert_eq!(names, Vec::<String>::new());
    }
    world.layer.stop().await
}

#[tokio::test]
async fn an_upgrade_replaces_the_control_plane_before_the_pools() -> Result<()> {
    let world = World::start().await?;
    world.create_guest(json!({})).await?;
    world.bring_up().await?;
    world.guest("Ready", ready).await?;
    world
        .change::<GuestCluster>("dev", json!({"spec": {"distribution": {"version": "v1.35"}}}))
        .await?;
    let is_told = |control_plane: &KubeadmControlPlane| control_plane.spec.version == "v1.35.0";
    world.object("dev-cp", "told", is_told).await?;
    let guest = world
        .guest("Updating", |guest| phase(guest) == Some(Phase::Updating))
        .await?;
    assert_eq!(message(&guest), "upgrading from v1.34.2 to v1.35.0");
    let version = |pool: &MachineDeployment| pool.spec.template.spec.version.clone();
    assert_eq!(
        version(&world.api().get("dev-default").await?).as_deref(),
        Some("v1.34.2")
    );
    world.report_counts("v1.35.0").await?;
    world
        .object("dev-default", "moved", |pool| {
            version(pool).as_deref() == Some("v1.35.0")
        })
        .await?;
    world
        .object("dev-extra", "moved", |pool| version(pool).as_deref() == Some("v1.35.0"))
        .await?;
    world
        .change::<guestcluster_types::upstream::capi::Machine>("dev-cp-a", json!({"spec": {"version": "v1.35.0"}}))
        .await?;
    world.report_counts("v1.35.0").await?;
    let guest = world
        .guest("Running", |guest| ready(guest) && phase(guest) == Some(Phase::Running))
        .await?;
    let distribution = guest
        .status
        .and_then(|status| status.distribution)
        .context("distribution")?;
    assert_eq!(
        (distribution.version.as_deref(), distribution.target),
        (Some("v1.35.0"), None)
    );
    // One template for the control plane and one for each pool: the old ones go when nothing is made from them.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let templates = world.names::<VSphereMachineTemplate>().await?;
        if templates.len() == 3 {
            break;
        }
        ensure!(
            tokio::time::Instant::now() < deadline,
            "old templates stay: {templates:?}"
        );
        tokio::task::yield_now().await;
    }
    world.layer.stop().await
}

#[tokio::test]
async fn a_name_that_is_taken_is_left_alone() -> Result<()> {
    let world = World::start().await?;
    let spec = json!({"clusterNetwork": {"serviceDomain": "hand.made"}, "infrastructureRef": {"apiGroup": "x.io", "kind": "X", "name": "x"}});
    let cluster =
        json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": "dev"}, "spec": spec});
    world.create(cluster).await?;
    let made = world.api::<Cluster>().get("dev").await?;
    world.create_guest(json!({})).await?;
    let guest = world
        .guest("Failed", |guest| phase(guest) == Some(Phase::Failed))
        .await?;
    assert_eq!(reason(&guest), "NameTaken");
    assert!(
        message(&guest).starts_with("Cluster dev exists in namespace team-a and does not belong"),
        "{}",
        message(&guest)
    );
    assert_eq!(
        world.api::<Cluster>().get("dev").await?.resource_version(),
        made.resource_version()
    );
    assert_eq!(world.names::<KubeadmControlPlane>().await?, Vec::<String>::new());
    assert_eq!(world.names::<VSphereMachineTemplate>().await?, Vec::<String>::new());
    world.api::<Cluster>().delete("dev", &DeleteParams::default()).await?;
    world
        .guest("Provisioning", |guest| phase(guest) == Some(Phase::Provisioning))
        .await?;
    world.object("dev-cp", "made", |_: &KubeadmControlPlane| true).await?;
    world.layer.stop().await
}

#[tokio::test]
async fn a_lost_guestcluster_deletes_nothing_and_its_guest_can_be_adopted() -> Result<()> {
    let world = World::start().await?;
    let uid = world.create_guest(json!({})).await?.uid().context("uid")?;
    world.guest("at step 2", |guest| step(guest) == 2).await?;
    world.layer.stop().await?;
    let lost = json!({"metadata": {"finalizers": null}});
    let api: Api<GuestCluster> = Api::namespaced(world.supervisor.client.clone(), "team-a");
    api.patch("dev", &PatchParams::default(), &Patch::Merge(lost)).await?;
    api.delete("dev", &DeleteParams::default()).await?;
    let layer = world.supervisor.run_guest_layer();
    let world = World {
        supervisor: world.supervisor,
        layer,
    };
    let before = world
        .api::<KubeadmControlPlane>()
        .get("dev-cp")
        .await?
        .resource_version();
    world.create_guest(json!({})).await?;
    let guest = world
        .guest("Failed", |guest| phase(guest) == Some(Phase::Failed))
        .await?;
    assert_eq!(reason(&guest), "NameTaken", "another UID is another guest");
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.create_guest(json!({"guestclusters.dev/adopt": uid})).await?;
    let guest = world.guest("adopted", |guest| step(guest) == 2).await?;
    assert_eq!(guest.status.and_then(|status| status.guest_uid), Some(uid));
    assert_eq!(
        world
            .api::<KubeadmControlPlane>()
            .get("dev-cp")
            .await?
            .resource_version(),
        before,
        "nothing to write"
    );
    world.layer.stop().await
}

#[tokio::test]
async fn a_pause_stops_and_its_end_resumes() -> Result<()> {
    let world = World::start().await?;
    world.create_guest(json!({})).await?;
    world.guest("at step 2", |guest| step(guest) == 2).await?;
    let paused = json!({"spec": {"paused": true, "topology": {"controlPlane": {"replicas": 3}}}});
    world.change::<GuestCluster>("dev", paused).await?;
    world
        .object("dev", "paused", |cluster: &Cluster| cluster.spec.paused == Some(true))
        .await?;
    let guest = world
        .guest("said to be paused", |guest| message(guest).starts_with("paused"))
        .await?;
    assert_eq!(guest.spec.topology.control_plane.replicas, 3);
    assert_eq!(
        world.api::<KubeadmControlPlane>().get("dev-cp").await?.spec.replicas,
        Some(1)
    );
    world
        .change::<GuestCluster>("dev", json!({"spec": {"paused": false}}))
        .await?;
    world
        .object("dev", "resumed", |cluster: &Cluster| cluster.spec.paused != Some(true))
        .await?;
    world
        .object("dev-cp", "scaled", |live: &KubeadmControlPlane| {
            live.spec.replicas == Some(3)
        })
        .await?;
    world
        .change::<GuestCluster>("dev", json!({"spec": {"paused": true}}))
        .await?;
    world
        .object("dev", "paused", |cluster: &Cluster| cluster.spec.paused == Some(true))
        .await?;
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.layer.stop().await
}

#[tokio::test]
async fn kinds_that_are_not_served_are_named() -> Result<()> {
    let supervisor = Supervisor::start(Kinds::OursAlone).await?;
    let layer = supervisor.run_guest_layer();
    let world = World { supervisor, layer };
    world.create_guest(json!({})).await?;
    let is_told = |guest: &GuestCluster| {
        message(guest).contains("does not serve") && message(guest).contains("KubeadmControlPlane")
    };
    let guest = world.guest("told", is_told).await?;
    assert_eq!(reason(&guest), "KindNotServed");
    assert_eq!(phase(&guest), Some(Phase::Pending));
    world
        .api::<GuestCluster>()
        .delete("dev", &DeleteParams::default())
        .await?;
    world.gone::<GuestCluster>("dev").await?;
    world.layer.stop().await
}
