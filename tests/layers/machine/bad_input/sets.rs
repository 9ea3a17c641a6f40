//! MachineSets that no deployment made.

use guestcluster_types::upstream::{
    capi::MachineSet,
    capv::{VSphereMachine, VSphereMachineTemplate},
    kubeadm::{KubeadmConfig, KubeadmConfigTemplate},
};
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::{Row, merge, object};
use crate::machine::world::reference;

/// A set of one Machine, with this in its spec.
pub(super) fn set(name: &str, change: &Value) -> DynamicObject {
    let mut spec = json!({
        "clusterName": "dev", "replicas": 1, "selector": {"matchLabels": {"set": "a"}},
        "template": {"metadata": {"labels": {"set": "a"}}, "spec": {
            "clusterName": "dev", "version": "v1.34.0", "bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("dev-a")},
            "infrastructureRef": reference::<VSphereMachineTemplate>("small-1"),
        }},
    });
    merge(&mut spec, change);
    object::<MachineSet>(name, spec)
}

pub(super) fn rows() -> Vec<Row> {
    let machine = |spec: Value| json!({"template": {"spec": spec}});
    let rows = [
        (
            json!({"clusterName": "nowhere", "template": {"spec": {"clusterName": "nowhere"}}}),
            "spec.clusterName: Cluster nowhere does not exist",
        ),
        (
            machine(json!({"clusterName": "prod"})),
            "spec.template.spec.clusterName is \"prod\": accepted is spec.clusterName, \"dev\"",
        ),
        (
            json!({"selector": {"matchLabels": {"set": "b"}}}),
            "spec.selector.matchLabels asks for set=b, which spec.template.metadata.labels does not have",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "set", "operator": "Gt", "values": ["1"]}]}}),
            "spec.selector.matchExpressions[0].operator is \"Gt\": accepted are",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("missing-one")}})),
            "KubeadmConfigTemplate missing-one does not exist",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfig>("missing-one")}})),
            "spec.template.spec.bootstrap.configRef names KubeadmConfig missing-one",
        ),
        (
            machine(json!({"bootstrap": {"configRef": null, "dataSecretName": "shared"}})),
            "spec.template.spec.bootstrap.configRef names nothing",
        ),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachineTemplate>("missing-one")})),
            "VSphereMachineTemplate missing-one does not exist",
        ),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachine>("small-1")})),
            "spec.template.spec.infrastructureRef names VSphereMachine small-1",
        ),
        (
            machine(json!({"version": "1.34"})),
            "spec.template.spec.version is \"1.34\": accepted is",
        ),
        (
            machine(json!({"version": "v1.39.0"})),
            "v1.39.0 is newer than the control plane's v1.34.0",
        ),
        (
            json!({"template": {"metadata": {"labels": {"a b": "c"}}}}),
            "spec.template.metadata.labels has the key \"a b\": accepted is",
        ),
        (json!({"replicas": -1}), "replicas"),
        (json!({"deletion": {"order": "Tallest"}}), "order"),
    ];
    let rows = rows.iter().enumerate();
    let long = format!("set-{}", "a".repeat(54));
    let row = |name: &str, change: &Value, told| Row::new(name, vec![set(name, change)], told);
    rows.map(|(index, (change, told))| row(&format!("set{index:02}"), change, told))
        .chain([row(
            &long,
            &json!({}),
            "metadata.name has 58 characters: accepted are 57",
        )])
        .collect()
}
