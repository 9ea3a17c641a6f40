//! Machines that no set and no control plane made, with the objects that they name.

use guestcluster_types::upstream::{
    capi::Machine,
    capv::{VSphereMachine, VSphereMachineTemplate},
    kubeadm::{KubeadmConfig, KubeadmConfigTemplate},
};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{Row, merge, object};
use crate::machine::world::reference;

/// A Machine with a KubeadmConfig and a VSphereMachine of its name, and this in its own spec.
pub(super) fn machine(name: &str, change: &Value) -> Vec<DynamicObject> {
    let mut spec = json!({
        "clusterName": "dev", "version": "v1.34.0", "bootstrap": {"configRef": reference::<KubeadmConfig>(name)},
        "infrastructureRef": reference::<VSphereMachine>(name),
    });
    merge(&mut spec, change);
    let infrastructure = json!({"className": "small", "imageName": "photon-v1.34.0", "storageClass": "gold"});
    vec![
        object::<KubeadmConfig>(name, json!({"verbosity": 2})),
        object::<VSphereMachine>(name, infrastructure),
        object::<Machine>(name, spec),
    ]
}

pub(super) fn rows() -> Vec<Row> {
    let rows = [
        (
            json!({"clusterName": "nowhere"}),
            "spec.clusterName: Cluster nowhere does not exist",
        ),
        (
            json!({"infrastructureRef": reference::<VSphereMachine>("missing-one")}),
            "spec.infrastructureRef: VSphereMachine missing-one does not exist",
        ),
        (
            json!({"infrastructureRef": reference::<VSphereMachineTemplate>("small-1")}),
            "spec.infrastructureRef names VSphereMachineTemplate small-1 of vmware.infrastructure.cluster.x-k8s.io: accepted is a VSphereMachine",
        ),
        (
            json!({"bootstrap": {"configRef": reference::<KubeadmConfig>("missing-one")}}),
            "spec.bootstrap.configRef: KubeadmConfig missing-one does not exist",
        ),
        (
            json!({"bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("dev-a")}}),
            "spec.bootstrap.configRef names KubeadmConfigTemplate dev-a of bootstrap.cluster.x-k8s.io: accepted is a KubeadmConfig",
        ),
        (json!({"bootstrap": {"configRef": null}}), "spec.bootstrap"),
        (json!({"version": "latest"}), "spec.version is \"latest\": accepted is"),
        (json!({"version": "v1.20.0"}), "v1.20.0 does not read"),
        (
            json!({"version": null}),
            "spec.version of Machine machine08 says nothing: accepted is",
        ),
        (
            json!({"failureDomain": "zone a"}),
            "spec.failureDomain is \"zone a\": accepted is",
        ),
        (json!({"minReadySeconds": -1}), "minReadySeconds"),
    ];
    let rows = rows.iter().enumerate();
    let mut rows: Vec<_> = rows
        .map(|(index, (change, told))| {
            let name = format!("machine{index:02}");
            Row::new(&name, machine(&name, change), told)
        })
        .collect();
    // Two with one VM.
    let mut objects = machine("twin", &json!({}));
    let other = json!({"infrastructureRef": reference::<VSphereMachine>("twin")});
    objects.extend(
        machine("twin-other", &other)
            .into_iter()
            .filter(|object| object.metadata.name.as_deref() == Some("twin-other")),
    );
    rows.push(Row::new(
        "twin",
        objects,
        "spec.infrastructureRef: VSphereMachine twin belongs to Machine",
    ));
    // Nobody's.
    let alone =
        |name: &str, index: usize, told| Row::new(name, vec![machine(name, &json!({})).swap_remove(index)], told);
    rows.push(alone(
        "alone-config",
        0,
        "no Machine names it in spec.bootstrap.configRef",
    ));
    rows.push(alone(
        "alone-machine",
        1,
        "no Machine names it in spec.infrastructureRef",
    ));
    // What a KubeadmConfig itself asks for.
    let config = |index: usize, spec: Value, told| {
        let name = format!("config{index:02}");
        let mut objects = machine(&name, &json!({}));
        objects[0] = object::<KubeadmConfig>(&name, spec);
        Row::new(&name, objects, told)
    };
    let wrong = [
        (
            json!({"users": [{"name": "ada", "passwd": "a", "passwdFrom": {"secret": {"name": "a", "key": "b"}}}]}),
            "spec.users[0] has passwd and passwdFrom: accepted is one of them",
        ),
        (
            json!({"files": [{"path": "/a", "content": "b"}, {"path": "/a", "content": "c"}]}),
            "spec.files[1].path is \"/a\", as another's is",
        ),
        (
            json!({"files": [{"path": "/a", "content": "b", "permissions": "rw-r--r--"}]}),
            "spec.files[0].permissions is \"rw-r--r--\": accepted are octal digits",
        ),
        (
            json!({"joinConfiguration": {"discovery": {"bootstrapToken": {"apiServerEndpoint": "10.0.0.1:http"}}}}),
            "apiServerEndpoint is \"10.0.0.1:http\": accepted is a host and a port",
        ),
        (
            json!({"joinConfiguration": {"discovery": {"bootstrapToken": {"caCertHashes": ["sha256:00"]}}}}),
            "caCertHashes[0] is \"sha256:00\": accepted is sha256: and 64",
        ),
        (
            json!({"joinConfiguration": {"nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": "a b=c"}]}}}),
            "kubeletExtraArgs[0].value has the key \"a b\": accepted is",
        ),
    ];
    rows.extend(
        wrong
            .into_iter()
            .enumerate()
            .map(|(index, (spec, told))| config(index, spec, told)),
    );
    rows
}
