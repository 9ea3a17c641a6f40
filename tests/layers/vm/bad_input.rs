//! VirtualMachines, classes and services that the API server lets through and that cannot be done, made without a machine layer.
//! That a class, an image, a storage class or a Secret of a good name is missing is in the list of `tests/blocked`, as are placement,
//! storage and the rest of what only VM Operator finds out.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use kube::{
    ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::DynamicObject,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::world::World;

/// How long a wrong field may go untold.
const TOLD_WITHIN: Duration = Duration::from_secs(20);
const VM_OPERATOR: &str = "vmoperator.vmware.com/v1alpha5";
/// Where a load balancer says what blocks it.
const BLOCKED: &str = "guestclusters.dev/load-balancer-blocked";

/// A change of a valid spec, and what is told of it.
type Row = (Value, &'static str);

fn machines() -> Vec<Row> {
    let secret =
        |name: &str, key: &str| json!({"bootstrap": {"cloudInit": {"rawCloudConfig": {"name": name, "key": key}}}});
    vec![
        (
            json!({"className": null}),
            "class \"\" is not in namespace team-a; there are",
        ),
        (
            json!({"className": "../small"}),
            "class \"../small\" is not in namespace team-a",
        ),
        (
            json!({"className": "none"}),
            "spec.hardware.cpus of class \"none\" is 0: accepted is a number from 1",
        ),
        (
            json!({"className": "negative"}),
            "spec.hardware.cpus of class \"negative\" is -2: accepted is",
        ),
        (
            json!({"className": "forgetful"}),
            "spec.hardware.memory of class \"forgetful\" is \"\": accepted is a quantity above 0",
        ),
        (
            json!({"className": "empty"}),
            "spec.hardware.memory of class \"empty\" is \"0\": accepted is",
        ),
        (
            json!({"className": "huge"}),
            "spec.hardware.memory of class \"huge\" is \"1e99\": accepted is",
        ),
        (
            json!({"imageName": null}),
            "image \"\" is neither in namespace team-a nor a cluster image",
        ),
        (json!({"imageName": "../photon"}), "image \"../photon\" is neither"),
        (json!({"storageClass": ""}), "storage class \"\" does not exist"),
        (json!({"storageClass": "a b"}), "storage class \"a b\" does not exist"),
        (
            json!({"reserved": {"resourcePolicyName": "nowhere"}}),
            "spec.reserved.resourcePolicyName: VirtualMachineSetResourcePolicy \"nowhere\" is not in namespace team-a",
        ),
        (
            json!({"reserved": {"resourcePolicyName": ""}}),
            "VirtualMachineSetResourcePolicy \"\" is not",
        ),
        (secret("", ""), "Secret \"\" has no bootstrap data"),
        (
            secret("../data", "user-data"),
            "Secret \"../data\" has no bootstrap data",
        ),
        (
            secret("other", "user-data"),
            "Secret \"other\" has no bootstrap data: accepted is one with key \"user-data\" or \"value\"",
        ),
        (
            json!({"bootstrap": {"linuxPrep": {"hardwareClockIsUTC": true}}}),
            "spec.bootstrap.linuxPrep is not done by this layer: accepted is cloudInit with rawCloudConfig",
        ),
        (
            json!({"powerState": "Suspended"}),
            "spec.powerState is \"Suspended\": accepted are PoweredOn and PoweredOff",
        ),
    ]
}

fn services() -> Vec<Row> {
    let port = |protocol: &str, port: i64, target: i64| json!({"ports": [{"name": "api", "protocol": protocol, "port": port, "targetPort": target}]});
    let two = json!({"ports": [
        {"name": "api", "protocol": "TCP", "port": 6443, "targetPort": 6443}, {"name": "api", "protocol": "TCP", "port": 6443, "targetPort": 6443},
    ]});
    vec![
        (
            json!({"type": "ClusterIP"}),
            "spec.type is \"ClusterIP\": accepted is LoadBalancer",
        ),
        (json!({"type": ""}), "spec.type is \"\": accepted is LoadBalancer"),
        (
            json!({"selector": null}),
            "spec.selector is empty: accepted are labels of the VMs behind it",
        ),
        (json!({"ports": []}), "spec.ports has 0 ports: accepted is one"),
        (two, "spec.ports has 2 ports: accepted is one"),
        (
            port("UDP", 6443, 6443),
            "spec.ports[0].protocol is \"UDP\": accepted is TCP",
        ),
        (port("TCP", 0, 6443), "spec.ports[0].port is 0: accepted are 1 to 65535"),
        (
            port("TCP", 70_000, 6443),
            "spec.ports[0].port is 70000: accepted are 1 to 65535",
        ),
        (
            port("TCP", 6443, -1),
            "spec.ports[0].targetPort is -1: accepted are 1 to 65535",
        ),
    ]
}

/// Classes that no VM can be of, and one of a size that is written in an unusual way; policies are followed by nobody here, so nothing
/// in them can be waited for.
async fn fill(world: &World) -> Result<()> {
    for (name, hardware) in [
        ("small", json!({"cpus": 2, "memory": "1.5Gi"})),
        ("none", json!({})),
        ("negative", json!({"cpus": -2, "memory": "4Gi"})),
        ("forgetful", json!({"cpus": 2})),
        ("empty", json!({"cpus": 2, "memory": 0})),
        ("huge", json!({"cpus": 2, "memory": "1e99"})),
    ] {
        let class = json!({"metadata": {"name": name}, "spec": {"hardware": hardware}});
        world.create(VM_OPERATOR, "VirtualMachineClass", class).await?;
    }
    let amounts = json!({"cpu": "-1", "memory": "1e99"});
    let policy =
        json!({"metadata": {"name": "odd"}, "spec": {"resourcePool": {"reservations": amounts, "limits": amounts}}});
    world
        .create(VM_OPERATOR, "VirtualMachineSetResourcePolicy", policy)
        .await?;
    world
        .create(
            VM_OPERATOR,
            "ClusterVirtualMachineImage",
            json!({"metadata": {"name": "photon"}, "spec": {}}),
        )
        .await?;
    let secret = json!({"metadata": {"name": "other"}, "stringData": {"cloud-config": "#cloud-config"}});
    world.create("v1", "Secret", secret).await
}

fn changed(mut spec: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    spec
}

/// All that is said at an object.
fn said(object: &DynamicObject) -> String {
    let conditions = object.data.pointer("/status/conditions").and_then(Value::as_array);
    let mut all: Vec<_> = conditions
        .into_iter()
        .flatten()
        .filter_map(|condition| condition["message"].as_str().map(str::to_owned))
        .collect();
    all.extend(object.annotations().get(BLOCKED).cloned());
    all.join("; ")
}

/// Waits until all objects of a kind say what their rows tell.
async fn told(world: &World, kind: &str, rows: &[Row]) -> Result<()> {
    let end = Instant::now() + TOLD_WITHIN;
    loop {
        let all = world.api(VM_OPERATOR, kind).list(&ListParams::default()).await?;
        let untold = rows.iter().enumerate().filter_map(|(index, (_, told))| {
            let said = all
                .iter()
                .find(|object| object.name_any() == format!("row{index:02}"))
                .map(said);
            let said = said.unwrap_or_default();
            (!said.contains(told)).then(|| format!("row{index:02} {told}: {said}"))
        });
        let untold: Vec<_> = untold.collect();
        if untold.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            bail!("nobody is told: {untold:#?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_told_at_the_vm_and_the_load_balancer() -> Result<()> {
    let world = World::start().await?;
    fill(&world).await?;
    let machine = json!({
        "className": "small", "imageName": "photon", "storageClass": "gold", "powerState": "PoweredOn", "reserved": {"resourcePolicyName": "odd"},
    });
    let service = json!({
        "type": "LoadBalancer", "selector": {"a": "b"}, "ports": [{"name": "api", "protocol": "TCP", "port": 6443, "targetPort": 6443}],
    });
    let kinds = [
        ("VirtualMachine", machine, machines()),
        ("VirtualMachineService", service, services()),
    ];
    for (kind, spec, rows) in &kinds {
        println!("{} things that are wrong with a {kind}", rows.len());
        for (index, (change, _)) in rows.iter().enumerate() {
            let object = json!({"metadata": {"name": format!("row{index:02}")}, "spec": changed(spec.clone(), change)});
            world.create(VM_OPERATOR, kind, object).await?;
        }
    }
    for (kind, _, rows) in &kinds {
        told(&world, kind, rows).await?;
    }
    // What is mended is done, and what was told is gone.
    for (kind, spec, rows) in &kinds {
        let api = world.api(VM_OPERATOR, kind);
        for (index, (change, _)) in rows.iter().enumerate() {
            let mut back = spec.clone();
            for name in change.as_object().into_iter().flat_map(|fields| fields.keys()) {
                back[name] = spec.get(name).cloned().unwrap_or_default();
            }
            let patch = Patch::Merge(json!({ "spec": back }));
            api.patch(&format!("row{index:02}"), &PatchParams::default(), &patch)
                .await?;
        }
    }
    for (kind, done) in [
        (&kinds[0], "/status/biosUUID"),
        (&kinds[1], "/status/loadBalancer/ingress/0/ip"),
    ] {
        is_done(&world, kind.0, &kind.2, done).await?;
    }
    world.stop().await
}

/// Waits until all objects of a kind have what shows that they are done, and nothing of their rows is said any more.
async fn is_done(world: &World, kind: &str, rows: &[Row], done: &str) -> Result<()> {
    let end = Instant::now() + TOLD_WITHIN;
    loop {
        let all = world.api(VM_OPERATOR, kind).list(&ListParams::default()).await?;
        let is_left = |object: &&DynamicObject| {
            let said = said(object);
            object.data.pointer(done).is_none() || rows.iter().any(|(_, told)| said.contains(told))
        };
        let left: Vec<_> = all
            .iter()
            .filter(is_left)
            .map(|object| (object.name_any(), said(object)))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < end, "{kind}: not done is {left:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
