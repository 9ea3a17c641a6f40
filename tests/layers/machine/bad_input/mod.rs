//! Specs that the API server lets through and that cannot be done: each is told by a condition that says what is wrong, or refused.

mod checks;
mod clusters;
mod machines;
mod pools;
mod sets;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use guestcluster_types::upstream::{
    HasConditions,
    capi::{Cluster, Machine, MachineDeployment, MachineHealthCheck, MachineSet, condition},
    capv::{VSphereCluster, VSphereMachine},
    kubeadm::{KubeadmConfig, KubeadmControlPlane},
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
    core::{ApiResource, DynamicObject},
};
use serde_json::{Value, json};

use crate::machine::world::World;

/// How long a wrong field may go untold.
const TOLD_WITHIN: Duration = Duration::from_secs(20);

/// Something wrong, in objects whose names begin with its own.
struct Row {
    name: String,
    objects: Vec<DynamicObject>,
    /// What a condition of one of them, or the refusal, says.
    told: &'static str,
}

impl Row {
    fn new(name: &str, objects: Vec<DynamicObject>, told: &'static str) -> Self {
        let name = name.to_owned();
        Self { name, objects, told }
    }
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
            let told = conditions.into_iter().flatten().filter_map(|condition| {
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

/// Creates what is wrong. What is refused must be named; the others are left.
async fn create(world: &World, rows: Vec<Row>) -> Result<Vec<Row>> {
    let (mut taken, mut misnamed) = (Vec::new(), Vec::new());
    for row in rows {
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
            None => taken.push(row),
        }
    }
    ensure!(misnamed.is_empty(), "{misnamed:#?}");
    Ok(taken)
}

/// Waits until each is told.
async fn told(world: &World, mut untold: Vec<Row>) -> Result<()> {
    let end = tokio::time::Instant::now() + TOLD_WITHIN;
    while !untold.is_empty() {
        let messages = messages(world).await?;
        let of = |row: &Row| -> Vec<_> {
            let own = messages.iter().filter(|(name, _)| name.starts_with(&row.name));
            own.flat_map(|(_, messages)| messages.clone()).collect()
        };
        untold.retain(|row| !of(row).iter().any(|message| message.contains(row.told)));
        if tokio::time::Instant::now() > end {
            let untold: Vec<_> = untold.iter().map(|row| (&row.name, row.told, of(row))).collect();
            bail!("nobody is told: {untold:#?}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_told_by_a_condition_or_refused() -> Result<()> {
    let world = World::start(160, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;
    let rows = [
        pools::rows(),
        sets::rows(),
        machines::rows(),
        checks::rows(),
        clusters::rows(),
    ];
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    println!("{} things that are wrong", rows.len());
    let taken = create(&world, rows).await?;
    told(&world, taken).await?;
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

/// By hand it is told as what is made is, so it can also be done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_and_a_set_that_are_made_by_hand_become_nodes_and_go() -> Result<()> {
    let world = World::start(161, &[]).await?;
    world.create_cluster(1, "small").await?;
    world.settled(1, 1).await?;
    let made = machines::machine("made", &json!({}));
    for object in made.into_iter().chain([sets::set("made-set", &json!({}))]) {
        let types = object.types.as_ref().context("a kind")?;
        let resource = ApiResource::from_gvk(&types.try_into()?);
        world.dynamic(&resource).create(&PostParams::default(), &object).await?;
    }
    let is_running = |machine: &Machine| machine.status.phase.as_deref() == Some("Running");
    let machine = world.until::<Machine>("made", "a Node", is_running).await?;
    let is_ready = |set: &MachineSet| set.status.ready_replicas == Some(1);
    let set = world.until::<MachineSet>("made-set", "a Node", is_ready).await?;
    for labels in [machine.labels(), set.labels()] {
        ensure!(
            labels["cluster.x-k8s.io/cluster-name"] == "dev",
            "it is found by its label"
        );
    }
    world.api::<Machine>().delete("made", &DeleteParams::default()).await?;
    world
        .api::<MachineSet>()
        .delete("made-set", &DeleteParams::default())
        .await?;
    world.without("made").await?;
    let end = tokio::time::Instant::now() + TOLD_WITHIN;
    loop {
        let mut left = world.names::<KubeadmConfig>().await?;
        left.extend(world.names::<VSphereMachine>().await?);
        left.extend(world.names::<Machine>().await?);
        left.extend(world.names::<MachineSet>().await?);
        left.retain(|name| name.starts_with("made"));
        if left.is_empty() {
            return Ok(());
        }
        ensure!(tokio::time::Instant::now() < end, "left: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A control plane that runs is told too, goes on with what it has, and does what can be done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_that_runs_is_told_what_cannot_be_done() -> Result<()> {
    let world = World::start(162, &[]).await?;
    world.create_cluster(0, "small").await?;
    world.settled(1, 0).await?;
    let surge = |surge: Value| json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge}}}});
    for (wrong, right, message) in [
        (
            json!({"replicas": 2}),
            json!({"replicas": 1}),
            "Scaling up from 1 to 2 replicas is blocked: spec.replicas is 2: accepted is an odd number",
        ),
        (
            json!({"replicas": 0}),
            json!({"replicas": 1}),
            "Scaling down from 1 to 0 replicas is blocked: spec.replicas is 0: accepted is an odd number",
        ),
        (
            surge(json!("50%")),
            surge(json!(1)),
            "maxSurge is \"50%\": accepted is 0 or 1",
        ),
        (
            json!({"version": "v1.36.0"}),
            json!({"version": "v1.34.0"}),
            "spec.version is \"v1.36.0\": of v1.34.0, which runs, accepted is a version up to v1.35",
        ),
    ] {
        world
            .patch::<KubeadmControlPlane>("dev-cp", json!({ "spec": wrong }))
            .await?;
        let says = |object: &KubeadmControlPlane| {
            let mut conditions = object.status.conditions.iter();
            conditions.any(|condition| condition.message.contains(message))
        };
        let object = world.until::<KubeadmControlPlane>("dev-cp", message, says).await?;
        ensure!(object.is_true(condition::AVAILABLE), "it serves as before");
        world
            .patch::<KubeadmControlPlane>("dev-cp", json!({ "spec": right }))
            .await?;
        world
            .until::<KubeadmControlPlane>("dev-cp", "nothing more", |object| !says(object))
            .await?;
    }
    world
        .patch::<KubeadmControlPlane>("dev-cp", json!({"spec": {"replicas": 3}}))
        .await?;
    world.settled(3, 0).await?;
    Ok(())
}
