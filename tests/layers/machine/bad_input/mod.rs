//! Specs that the API server lets through and that cannot be done: each is told by a condition that says what is wrong, or refused.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use guestcluster_types::upstream::{
    capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet},
    capv::{VSphereCluster, VSphereMachine, VSphereMachineTemplate},
    kubeadm::{KubeadmConfig, KubeadmConfigTemplate, KubeadmControlPlane},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ListParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};

use crate::machine::world::{World, reference};

/// How long a wrong field may go untold.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Something wrong, in objects whose names begin with its own.
struct Row {
    name: String,
    objects: Vec<DynamicObject>,
    /// What a condition of one of them, or the refusal, says.
    told: &'static str,
}

fn object<K: Resource<DynamicType = ()>>(name: &str, spec: Value) -> DynamicObject {
    let mut object = DynamicObject::new(name, &ApiResource::erase::<K>(&()));
    object.data = json!({"spec": spec});
    object
}

/// `patch` in `target`, where null removes a field.
fn merge(target: &mut Value, patch: &Value) {
    let (Some(fields), Some(changes)) = (target.as_object_mut(), patch.as_object()) else {
        *target = patch.clone();
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), change);
        }
    }
}

/// A pool of the cluster that all share, with this in its deployment and in the spec of its configuration.
fn pool(index: usize, deployment: &Value, configuration: &Value, told: &'static str) -> Row {
    let name = format!("pool{index:02}");
    let labels = json!({"cluster.x-k8s.io/deployment-name": name, "cluster.x-k8s.io/cluster-name": "dev"});
    let mut spec = json!({
        "clusterName": "dev", "replicas": 1,
        "selector": {"matchLabels": {"cluster.x-k8s.io/deployment-name": name}},
        "template": {"metadata": {"labels": labels}, "spec": {
            "clusterName": "dev", "version": "v1.34.0", "bootstrap": {"configRef": reference::<KubeadmConfigTemplate>(&name)},
            "infrastructureRef": reference::<VSphereMachineTemplate>("small-1"),
        }},
    });
    merge(&mut spec, deployment);
    let template = object::<KubeadmConfigTemplate>(&name, json!({"template": {"spec": configuration}}));
    let objects = vec![template, object::<MachineDeployment>(&name, spec)];
    Row { name, objects, told }
}

fn pools() -> Vec<Row> {
    let machine = |spec: Value| json!({"template": {"spec": spec}});
    let none = || json!({});
    let usual = || json!({"verbosity": 2});
    let rows = [
        (none(), json!({"format": "ignition"}), "spec.format"),
        (
            none(),
            json!({"ignition": {"containerLinuxConfig": {"strict": true}}}),
            "spec.ignition",
        ),
        (none(), json!({"diskSetup": {"filesystems": []}}), "spec.diskSetup"),
        (
            none(),
            json!({"files": [{"path": "/a", "content": "{{ .a }}", "contentFormat": "Template"}]}),
            "spec.files[0].contentFormat",
        ),
        (
            none(),
            json!({"files": [{"path": "/a", "contentFrom": {"secret": {"name": "nowhere", "key": "a"}}}]}),
            "Secret nowhere with key a",
        ),
        (
            none(),
            json!({"users": [{"name": "ada", "passwdFrom": {"secret": {"name": "nobody", "key": "a"}}}]}),
            "Secret nobody with key a",
        ),
        (
            none(),
            json!({"joinConfiguration": {"discovery": {"file": {"kubeConfigPath": "/a"}}}}),
            "spec.joinConfiguration.discovery.file",
        ),
        (none(), json!({"verbosity": "4"}), "verbosity"),
        (
            none(),
            json!({"joinConfiguration": {"nodeRegistration": {"imagePullPolicy": "Sometimes"}}}),
            "imagePullPolicy",
        ),
        (machine(json!({"version": null})), usual(), "version"),
        (machine(json!({"version": "latest"})), usual(), "latest"),
        (machine(json!({"version": "v1.30.9"})), usual(), "v1.30.9"),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachineTemplate>("missing-one")})),
            usual(),
            "missing-one",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("missing-one")}})),
            usual(),
            "missing-one",
        ),
        (machine(json!({"bootstrap": {"configRef": null}})), usual(), "bootstrap"),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachine>("small-1")})),
            usual(),
            "this layer clones only VSphereMachineTemplate",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfig>("missing-one")}})),
            usual(),
            "this layer clones only KubeadmConfigTemplate",
        ),
        (
            json!({"clusterName": "nowhere", "template": {"spec": {"clusterName": "nowhere"}}}),
            usual(),
            "spec.clusterName: Cluster nowhere does not exist",
        ),
        (
            json!({"selector": {"matchLabels": {"tier": "web"}}}),
            usual(),
            "spec.selector.matchLabels asks for tier=web",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "a few"}}}}),
            usual(),
            "maxSurge is \"a few\": accepted is",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "some%"}}}}),
            usual(),
            "maxUnavailable is \"some%\": accepted is",
        ),
        (json!({"replicas": -1}), usual(), "replicas"),
        (
            json!({"rollout": {"strategy": {"type": "Sometimes"}}}),
            usual(),
            "strategy",
        ),
        (json!({"deletion": {"order": "Tallest"}}), usual(), "order"),
    ];
    let rows = rows.iter().enumerate();
    rows.map(|(index, (deployment, configuration, told))| pool(index, deployment, configuration, told))
        .collect()
}

/// A cluster of its own, with this in the spec of its control plane.
fn cluster(index: usize, control_plane: &Value, told: &'static str) -> Row {
    let name = format!("cluster{index:02}");
    let cluster_spec = json!({
        "clusterNetwork": {"pods": {"cidrBlocks": ["192.168.0.0/16"]}, "services": {"cidrBlocks": ["10.96.0.0/12"]}, "serviceDomain": "cluster.local"},
        "infrastructureRef": reference::<VSphereCluster>(&name), "controlPlaneRef": reference::<KubeadmControlPlane>(&name),
    });
    let mut control_plane_spec = json!({
        "replicas": 1, "version": "v1.34.0", "machineTemplate": {"spec": {"infrastructureRef": reference::<VSphereMachineTemplate>("small-1")}},
        "kubeadmConfigSpec": {"clusterConfiguration": {"encryptionAlgorithm": "ECDSA-P256"}},
    });
    merge(&mut control_plane_spec, control_plane);
    let mut infrastructure = object::<VSphereCluster>(&name, Value::Null);
    infrastructure.data = json!({});
    let mut all = vec![
        infrastructure,
        object::<KubeadmControlPlane>(&name, control_plane_spec),
        object::<Cluster>(&name, cluster_spec),
    ];
    for object in &mut all {
        object
            .labels_mut()
            .insert("cluster.x-k8s.io/cluster-name".to_owned(), name.clone());
    }
    Row {
        name,
        objects: all,
        told,
    }
}

fn clusters() -> Vec<Row> {
    let rows = [
        (json!({"version": "latest"}), "latest"),
        (json!({"replicas": 0}), "spec.replicas is 0: accepted is an odd number"),
        (json!({"replicas": 2}), "spec.replicas is 2: accepted is an odd number"),
        (
            json!({"machineTemplate": {"spec": {"infrastructureRef": reference::<VSphereMachineTemplate>("missing-one")}}}),
            "VSphereMachineTemplate missing-one",
        ),
        (
            json!({"kubeadmConfigSpec": {"clusterConfiguration": {"encryptionAlgorithm": "ROT13"}}}),
            "encryptionAlgorithm",
        ),
        (json!({"kubeadmConfigSpec": {"format": "ignition"}}), "spec.format"),
        (
            json!({"kubeadmConfigSpec": {"clusterConfiguration": {"etcd": {"external": {"endpoints": ["https://127.0.0.1:2379"],
                "caFile": "/a", "certFile": "/b", "keyFile": "/c"}}}}}),
            "-etcd",
        ),
    ];
    let rows = rows.iter().enumerate();
    rows.map(|(index, (control_plane, told))| cluster(index, control_plane, told))
        .collect()
}

/// Messages of all conditions of the objects of all rows, by their names.
async fn messages(world: &World) -> Result<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::<String, Vec<String>>::new();
    let kinds = [
        ApiResource::erase::<Cluster>(&()),
        ApiResource::erase::<KubeadmControlPlane>(&()),
        ApiResource::erase::<KubeadmConfig>(&()),
        ApiResource::erase::<MachineDeployment>(&()),
        ApiResource::erase::<MachineSet>(&()),
        ApiResource::erase::<Machine>(&()),
        ApiResource::erase::<MachineHealthCheck>(&()),
        ApiResource::erase::<VSphereCluster>(&()),
        ApiResource::erase::<VSphereMachine>(&()),
    ];
    for kind in kinds {
        let objects: Api<DynamicObject> = world.dynamic(&kind);
        for object in objects.list(&ListParams::default()).await? {
            let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
            let told = conditions
                .into_iter()
                .flatten()
                .filter(|condition| condition["status"] != "True");
            let told = told.filter_map(|condition| {
                Some(format!(
                    "{} {}: {}",
                    kind.kind,
                    condition["type"].as_str()?,
                    condition["message"].as_str()?
                ))
            });
            all.entry(object.name_any()).or_default().extend(told);
        }
    }
    Ok(all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_told_by_a_condition_or_refused() -> Result<()> {
    let world = World::start(160, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;
    let (mut untold, mut misnamed) = (Vec::new(), Vec::new());
    for row in pools().into_iter().chain(clusters()) {
        let mut refused = None;
        for object in &row.objects {
            let types = object.types.as_ref().context("a kind")?;
            let resource = ApiResource::from_gvk(&types.try_into()?);
            if let Err(error) = world.dynamic(&resource).create(&PostParams::default(), object).await {
                refused = Some(error.to_string());
            }
        }
        match refused {
            Some(error) if error.contains(row.told) => {}
            Some(error) => misnamed.push(format!("{}: {} is refused, but not named: {error}", row.name, row.told)),
            None => untold.push(row),
        }
    }
    let end = tokio::time::Instant::now() + TOLD_WITHIN;
    while !untold.is_empty() {
        let messages = messages(&world).await?;
        let of = |row: &Row| -> Vec<_> {
            let own = messages.iter().filter(|(name, _)| name.starts_with(&row.name));
            own.flat_map(|(_, messages)| messages.clone()).collect()
        };
        untold.retain(|row| !of(row).iter().any(|message| message.contains(row.told)));
        if tokio::time::Instant::now() > end {
            let untold: Vec<_> = untold.iter().map(|row| (&row.name, row.told, of(row))).collect();
            bail!("nobody is told: {untold:#?}\n{misnamed:#?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(misnamed.is_empty(), "{misnamed:#?}");
    // Nothing of it holds the rest up.
    world
        .patch::<MachineDeployment>("dev-a", json!({"spec": {"replicas": 2}}))
        .await?;
    world
        .until::<MachineDeployment>("dev-a", "two machines", |deployment| {
            deployment.status.ready_replicas == Some(2)
        })
        .await?;
    Ok(())
}
