//! The Node of a Machine: what it says about itself, and what the Machine writes onto it.

use super::{Parts, cluster_key};
use crate::machine::conditions::Verdict;
use crate::machine::error::Error;
use crate::machine::guests::Link;
use crate::machine::writes::MANAGER;
use guestcluster_types::upstream::capi::{Machine, MachineTaint};
use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const READY: &str = "Ready";
/// Conditions that must not be true.
const PRESSURES: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];
/// Taint that joining nodes carry until their Machine is known.
const UNINITIALIZED_TAINT: &str = "node.cluster.x-k8s.io/uninitialized";
const LABELS_FROM_MACHINE: &str = "cluster.x-k8s.io/labels-from-machine";
/// Which annotations came from the Machine: none, as no flag of ours names any.
const ANNOTATIONS_FROM_MACHINE: &str = "cluster.x-k8s.io/annotations-from-machine";
const MACHINE_ANNOTATION: &str = "cluster.x-k8s.io/machine";

/// Whether the Node is ready and under no pressure.
pub(super) fn health(node: &Node) -> Verdict {
    let ready = readiness(node);
    if !ready.is_true() {
        return ready;
    }
    for condition in PRESSURES.iter().filter_map(|type_| find(node, type_)) {
        if condition.status != "False" {
            return Verdict::no(
                "NodeNotHealthy",
                format!(
                    "Node.{}: {}",
                    condition.type_,
                    condition.message.as_deref().unwrap_or_default()
                ),
            );
        }
    }
    Verdict::yes("NodeHealthy")
}

/// The Node's own Ready condition.
pub(super) fn readiness(node: &Node) -> Verdict {
    let Some(condition) = find(node, READY) else {
        return Verdict::unknown("NodeNotReady", "the Node does not report its state yet");
    };
    let message = condition.message.clone().unwrap_or_default();
    match condition.status.as_str() {
        "True" => Verdict::yes("NodeReady"),
        "False" => Verdict::no("NodeNotReady", message),
        _ => Verdict::unknown("NodeNotReady", message),
    }
}

fn find<'a>(node: &'a Node, type_: &str) -> Option<&'a NodeCondition> {
    node.status
        .as_ref()?
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == type_)
}

/// Whether the kubelet has not been heard of for so long that nobody can say how the Node is.
pub(super) fn is_silent(node: &Node) -> bool {
    find(node, READY).is_some_and(|condition| condition.status == "Unknown")
}

/// Writes the Machine's labels, taints and whereabouts onto its Node.
pub(super) async fn adapt(parts: &Parts) -> Result<(), Error> {
    let (Some(node), Link::Up(client)) = (&parts.node, &parts.link) else {
        return Ok(());
    };
    match changes(&parts.machine, node) {
        Some(patch) => apply(client, node, patch).await,
        None => Ok(()),
    }
}

/// Sets or clears `spec.unschedulable`.
pub(super) async fn cordon(client: &Client, node: &Node) -> Result<(), Error> {
    if node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true)) {
        return Ok(());
    }
    apply(client, node, json!({ "spec": { "unschedulable": true } })).await
}

async fn apply(client: &Client, node: &Node, patch: Value) -> Result<(), Error> {
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched = Api::<Node>::all(client.clone())
        .patch(&node.name_any(), &params, &Patch::Merge(patch))
        .await;
    patched.map(|_| ()).map_err(Error::guest("patching a Node"))
}

/// The merge patch that the Node needs, if any.
fn changes(machine: &Machine, node: &Node) -> Option<Value> {
    let labels = label_changes(machine, node);
    let annotations = annotation_changes(machine, node);
    let taints = taint_changes(machine, node);
    let mut metadata = Map::new();
    if !labels.is_empty() {
        metadata.insert("labels".to_owned(), labels.into());
    }
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), annotations.into());
    }
    if taints.is_some() {
        // The list is replaced whole: only in the version it was read in.
        metadata.insert("resourceVersion".to_owned(), json!(node.resource_version()));
    }
    if metadata.is_empty() {
        return None;
    }
    let mut patch = json!({ "metadata": metadata });
    if let Some(taints) = taints {
        patch["spec"] = json!({ "taints": taints });
    }
    Some(patch)
}

/// Labels of these domains travel from a Machine to its Node.
fn travels(label: &str) -> bool {
    let domain = label.split_once('/').map_or("", |(domain, _)| domain);
    let under = |parent: &str| domain == parent || domain.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    domain == "node-role.kubernetes.io" || under("node-restriction.kubernetes.io") || under("node.cluster.x-k8s.io")
}

fn wanted_labels(machine: &Machine) -> BTreeMap<&str, &str> {
    machine
        .labels()
        .iter()
        .filter(|(key, _)| travels(key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

fn label_changes(machine: &Machine, node: &Node) -> Map<String, Value> {
    let wanted = wanted_labels(machine);
    let set = wanted
        .iter()
        .filter(|(key, value)| node.labels().get(**key).map(String::as_str) != Some(**value));
    let mut changes: Map<_, _> = set.map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    let before = node.annotations().get(LABELS_FROM_MACHINE).map_or("", String::as_str);
    for gone in before
        .split(',')
        .filter(|key| !key.is_empty() && !wanted.contains_key(key) && node.labels().contains_key(*key))
    {
        changes.insert(gone.to_owned(), Value::Null);
    }
    changes
}

fn annotation_changes(machine: &Machine, node: &Node) -> Map<String, Value> {
    let owner = machine
        .owner_references()
        .iter()
        .find(|owner| owner.controller == Some(true));
    let cluster = cluster_key(machine);
    let pairs = [
        ("cluster.x-k8s.io/cluster-name", cluster.name.to_string()),
        ("cluster.x-k8s.io/cluster-namespace", cluster.namespace.to_string()),
        (MACHINE_ANNOTATION, machine.name_any()),
        (
            "cluster.x-k8s.io/owner-kind",
            owner.map(|owner| owner.kind.clone()).unwrap_or_default(),
        ),
        (
            "cluster.x-k8s.io/owner-name",
            owner.map(|owner| owner.name.clone()).unwrap_or_default(),
        ),
        (
            LABELS_FROM_MACHINE,
            wanted_labels(machine).into_keys().collect::<Vec<_>>().join(","),
        ),
        (ANNOTATIONS_FROM_MACHINE, String::new()),
    ];
    let differing = pairs
        .into_iter()
        .filter(|(key, value)| node.annotations().get(*key) != Some(value));
    differing.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// The Node's taints with those of the Machine and without the one that waits for it; none if they are right.
fn taint_changes(machine: &Machine, node: &Node) -> Option<Vec<Taint>> {
    let before: Vec<_> = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .cloned()
        .collect();
    let first = !node.annotations().contains_key(MACHINE_ANNOTATION);
    let mut after: Vec<_> = before
        .iter()
        .filter(|taint| taint.key != UNINITIALIZED_TAINT)
        .cloned()
        .collect();
    for taint in machine
        .spec
        .taints
        .iter()
        .filter(|taint| first || taint.propagation == "Always")
    {
        match after
            .iter_mut()
            .find(|existing| existing.key == taint.key && existing.effect == taint.effect)
        {
            Some(existing) => existing.value.clone_from(&taint.value),
            None => after.push(as_node_taint(taint)),
        }
    }
    (after != before).then_some(after)
}

fn as_node_taint(taint: &MachineTaint) -> Taint {
    Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect: taint.effect.clone(),
        time_added: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> (Machine, Node) {
        let machine = serde_json::from_value(json!({
            "metadata": {
                "name": "dev-a-1", "namespace": "team-a",
                "labels": {"node-role.kubernetes.io/ingress": "", "x.node.cluster.x-k8s.io/y": "z", "app": "no", "evilnode.cluster.x-k8s.io/a": "no"},
                "ownerReferences": [{"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "MachineSet", "name": "dev-a", "uid": "u", "controller": true}],
            },
            "spec": {"clusterName": "dev", "bootstrap": {}, "infrastructureRef": {}, "taints": [
                {"key": "always", "effect": "NoSchedule", "propagation": "Always"},
                {"key": "once", "effect": "NoSchedule", "propagation": "OnInitialization"},
            ]},
        }))
        .unwrap();
        let node = serde_json::from_value(json!({
            "metadata": {"name": "dev-a-1", "resourceVersion": "5"},
            "spec": {"taints": [{"key": UNINITIALIZED_TAINT, "effect": "NoSchedule"}, {"key": "own", "effect": "NoExecute"}]},
        }))
        .unwrap();
        (machine, node)
    }

    /// What a server makes of a merge patch, as far as it is needed here.
    fn patched(node: &Node, patch: &Value) -> Node {
        fn merge(target: &mut Value, patch: &Value) {
            let Value::Object(patch) = patch else {
                return *target = patch.clone();
            };
            if !target.is_object() {
                *target = json!({});
            }
            for (key, value) in patch {
                match value {
                    Value::Null => drop(target.as_object_mut().unwrap().remove(key)),
                    value => merge(&mut target[key], value),
                }
            }
        }
        let mut object = serde_json::to_value(node).unwrap();
        merge(&mut object, patch);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_node_learns_its_machine_once_and_is_left_alone_then() {
        let (machine, node) = objects();
        let patch = changes(&machine, &node).unwrap();
        let node = patched(&node, &patch);
        let labels: Vec<_> = node.labels().keys().map(String::as_str).collect();
        assert_eq!(labels, ["node-role.kubernetes.io/ingress", "x.node.cluster.x-k8s.io/y"]);
        assert_eq!(node.annotations()[MACHINE_ANNOTATION], "dev-a-1");
        assert_eq!(node.annotations()["cluster.x-k8s.io/owner-kind"], "MachineSet");
        let taints: Vec<_> = node
            .spec
            .clone()
            .unwrap()
            .taints
            .unwrap()
            .into_iter()
            .map(|taint| taint.key)
            .collect();
        assert_eq!(taints, ["own", "always", "once"]);
        assert_eq!(changes(&machine, &node), None);
    }

    #[test]
    fn what_the_machine_loses_goes_from_the_node_and_a_taint_that_was_given_once_is_not_given_again() {
        let (mut machine, node) = objects();
        let mut node = patched(&node, &changes(&machine, &node).unwrap());
        machine.labels_mut().remove("node-role.kubernetes.io/ingress");
        node.labels_mut().insert("mine".to_owned(), String::new());
        node.spec.as_mut().unwrap().taints = None;
        let node = patched(&node, &changes(&machine, &node).unwrap());
        let labels: Vec<_> = node.labels().keys().map(String::as_str).collect();
        assert_eq!(labels, ["mine", "x.node.cluster.x-k8s.io/y"]);
        let taints: Vec<_> = node
            .spec
            .clone()
            .unwrap()
            .taints
            .unwrap()
            .into_iter()
            .map(|taint| taint.key)
            .collect();
        assert_eq!(taints, ["always"]);
    }

    #[test]
    fn a_node_under_pressure_is_ready_but_not_healthy() {
        let node = |conditions: Value| -> Node {
            serde_json::from_value(json!({"metadata": {}, "status": {"conditions": conditions}})).unwrap()
        };
        let ready = json!({"type": "Ready", "status": "True"});
        assert!(health(&node(json!([ready, {"type": "DiskPressure", "status": "False"}]))).is_true());
        let full = node(json!([ready, {"type": "DiskPressure", "status": "True", "message": "disk is full"}]));
        assert!(readiness(&full).is_true());
        assert_eq!(health(&full).message, "Node.DiskPressure: disk is full");
        assert_eq!(readiness(&node(json!([]))).reason, "NodeNotReady");
    }
}
