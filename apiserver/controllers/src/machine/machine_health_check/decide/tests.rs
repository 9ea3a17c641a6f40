use super::super::apply::marked;
use super::super::validate;
use super::*;
use guestcluster_types::upstream::capi::MachineHealthCheckSpec;
use serde_json::{Value, json};
use std::sync::Arc;

/// All times in these tests are seconds after this one.
const BEGIN: i64 = 1_780_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + seconds).unwrap()
}

fn condition(type_: &str, status: &str, since: i64) -> Value {
    json!({"type": type_, "status": status, "reason": "Because", "message": "", "lastTransitionTime": at(since).to_string()})
}

fn rules(change: Value) -> Rules {
    let mut spec = json!({
        "clusterName": "dev", "selector": {"matchLabels": {"pool": "a"}},
        "checks": {
            "nodeStartupTimeoutSeconds": 600,
            "unhealthyNodeConditions": [
                {"type": "Ready", "status": "False", "timeoutSeconds": 300}, {"type": "Ready", "status": "Unknown", "timeoutSeconds": 100},
            ],
            "unhealthyMachineConditions": [{"type": "Ok", "status": "False", "timeoutSeconds": 50}],
        },
    });
    spec.as_object_mut()
        .unwrap()
        .extend(change.as_object().cloned().unwrap());
    let spec: MachineHealthCheckSpec = serde_json::from_value(spec).unwrap();
    validate::of(&spec).unwrap()
}

fn machine(metadata: Value, conditions: &[Value]) -> Machine {
    let mut object = json!({
        "metadata": {"name": "m", "namespace": "x", "labels": {"pool": "a"}, "creationTimestamp": at(0).to_string()},
        "spec": {"clusterName": "dev", "bootstrap": {}, "infrastructureRef": {}},
        "status": {"conditions": conditions, "nodeRef": {"name": "n"}},
    });
    let changes = metadata.as_object().cloned().unwrap();
    object["metadata"].as_object_mut().unwrap().extend(changes);
    serde_json::from_value(object).unwrap()
}

fn node(conditions: Value) -> NodeState {
    NodeState::There(Arc::new(
        serde_json::from_value(json!({"metadata": {"name": "n"}, "status": {"conditions": conditions}})).unwrap(),
    ))
}

fn target(machine: Machine, node: NodeState) -> Target {
    Target {
        machine: Arc::new(machine),
        node,
    }
}

fn all() -> Since {
    Since {
        infrastructure: Some(at(10)),
        initialized: Some(at(20)),
    }
}

fn found(since: Since, target: Target, now: i64) -> Option<Finding> {
    let plan = decide(&rules(json!({})), since, &[target], at(now));
    Some(plan.findings.into_iter().next()?.1)
}

/// The reason for which a Machine is unwell.
fn reason(finding: Option<Finding>) -> String {
    match finding {
        Some(Finding::Unwell(verdict)) => verdict.reason,
        other => panic!("{other:?}"),
    }
}

fn pending(seconds: u64) -> Finding {
    Finding::Pending(Duration::from_secs(seconds))
}

#[test]
fn a_node_is_unwell_when_its_condition_lasted_and_not_before() {
    let with = |status: &str, now| {
        let node = node(json!([condition("Ready", status, 1000)]));
        found(all(), target(machine(json!({}), &[]), node), now)
    };
    assert_eq!(with("True", 5000), Some(Finding::Well));
    assert_eq!(with("False", 1000), Some(pending(300)));
    assert_eq!(with("False", 1299), Some(pending(1)));
    assert_eq!(reason(with("False", 1300)), "UnhealthyNode");
    assert_eq!(with("Unknown", 1099), Some(pending(1)));
    assert_eq!(reason(with("Unknown", 1100)), "UnhealthyNode");
    let Some(Finding::Unwell(verdict)) = with("Unknown", 1100) else {
        panic!()
    };
    assert_eq!(
        verdict.message,
        "the Node's Ready is Unknown (Because) for 100 s or longer"
    );
}

#[test]
fn a_machine_condition_counts_first_and_all_symptoms_are_told() {
    let sick = machine(json!({}), &[condition("Ok", "False", 1000)]);
    let well = || node(json!([condition("Ready", "True", 0)]));
    assert_eq!(found(all(), target(sick.clone(), well()), 1049), Some(pending(1)));
    assert_eq!(
        reason(found(all(), target(sick.clone(), well()), 1050)),
        "UnhealthyMachine"
    );
    let Some(Finding::Unwell(verdict)) = found(all(), target(sick, NodeState::Gone), 1050) else {
        panic!()
    };
    assert_eq!(verdict.reason, "UnhealthyMachine");
    assert!(verdict.message.contains("Machine's Ok") && verdict.message.contains("Node n was deleted"));
}

#[test]
fn a_node_that_is_gone_or_does_not_appear_counts() {
    let bare = || machine(json!({}), &[]);
    assert_eq!(reason(found(all(), target(bare(), NodeState::Gone), 21)), "NodeDeleted");
    assert_eq!(found(all(), target(bare(), NodeState::NotYet), 619), Some(pending(1)));
    assert_eq!(
        reason(found(all(), target(bare(), NodeState::NotYet), 620)),
        "NodeStartupTimeout"
    );
    let provisioned = || machine(json!({}), &[condition("InfrastructureReady", "True", 100)]);
    assert_eq!(
        found(all(), target(provisioned(), NodeState::NotYet), 699),
        Some(pending(1)),
        "counted from the last that it waited for"
    );
    let never = rules(json!({"checks": {"nodeStartupTimeoutSeconds": 0}}));
    let plan = decide(&never, all(), &[target(bare(), NodeState::NotYet)], at(99_999));
    assert_eq!(plan.findings[0].1, Finding::Unknown);
}

#[test]
fn before_the_cluster_can_have_nodes_only_its_first_machines_count() {
    let infrastructure = Since {
        initialized: None,
        ..all()
    };
    let first = machine(
        json!({"labels": {"pool": "a", "cluster.x-k8s.io/control-plane": ""}}),
        &[],
    );
    let late = 99_999;
    assert_eq!(
        found(infrastructure, target(machine(json!({}), &[]), NodeState::NotYet), late),
        Some(Finding::Unknown)
    );
    assert_eq!(
        reason(found(infrastructure, target(first.clone(), NodeState::NotYet), late)),
        "NodeStartupTimeout"
    );
    assert_eq!(
        found(Since::default(), target(first, NodeState::NotYet), late),
        Some(Finding::Unknown)
    );
}

#[test]
fn annotations_ask_for_a_replacement_or_keep_from_it() {
    let with = |key: &str| {
        let machine = machine(json!({"annotations": {key: ""}}), &[]);
        found(all(), target(machine, NodeState::Gone), 21)
    };
    assert_eq!(
        reason(with("cluster.x-k8s.io/remediate-machine")),
        "HasRemediateAnnotation"
    );
    assert_eq!(with("cluster.x-k8s.io/skip-remediation"), None);
    assert_eq!(with("cluster.x-k8s.io/paused"), None);
    let other = machine(json!({"labels": {"pool": "b"}}), &[]);
    assert_eq!(found(all(), target(other, NodeState::Gone), 21), None, "not selected");
}

#[test]
fn nothing_is_replaced_while_too_many_are_unwell() {
    let limited = rules(json!({"remediation": {"triggerIf": {"unhealthyLessThanOrEqualTo": 1}}}));
    let named = |name: &str, node| target(machine(json!({"name": name}), &[]), node);
    let well = || node(json!([]));
    let one = [named("b", well()), named("a", NodeState::Gone), named("c", well())];
    let plan = decide(&limited, all(), &one, at(30));
    assert_eq!((plan.well(), plan.allowed, plan.next), (2, Some(0), None));
    let names: Vec<_> = plan.findings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    // One that has no Node yet counts too: it may be the same fault.
    let two = [
        named("a", NodeState::Gone),
        named("b", NodeState::NotYet),
        named("c", well()),
    ];
    let plan = decide(&limited, all(), &two, at(30));
    assert_eq!(plan.allowed, None);
    assert_eq!(plan.next, Some(Duration::from_secs(590)), "20 + 600 - 30");
}

#[test]
fn a_machine_is_marked_once_and_only_where_that_is_allowed() {
    let unwell = Finding::Unwell(Verdict::no("NodeDeleted", "x"));
    let statuses = |machine: &Machine, finding: &Finding, allowed| {
        let status = marked(machine, finding, allowed);
        let of = |type_: &str| {
            let found = status.conditions.iter().find(|condition| condition.type_ == type_);
            found.map(|condition| format!("{}/{}", condition.status, condition.reason))
        };
        (of("HealthCheckSucceeded"), of("OwnerRemediated"))
    };
    let text = |text: &str| Some(text.to_owned());
    let fresh = machine(json!({}), &[]);
    assert_eq!(
        statuses(&fresh, &Finding::Well, true),
        (text("True/HealthCheckSucceeded"), None)
    );
    assert_eq!(
        statuses(&fresh, &unwell, true),
        (text("False/NodeDeleted"), text("False/WaitingForRemediation"))
    );
    assert_eq!(statuses(&fresh, &unwell, false), (text("False/NodeDeleted"), None));
    let begun = machine(json!({}), &[condition("OwnerRemediated", "False", 0)]);
    assert_eq!(
        statuses(&begun, &unwell, true).1,
        text("False/Because"),
        "the owner's words stay"
    );
    let done = machine(json!({}), &[condition("OwnerRemediated", "True", 0)]);
    assert_eq!(statuses(&done, &unwell, true).1, text("False/WaitingForRemediation"));
    let going = machine(json!({"deletionTimestamp": at(0).to_string()}), &[]);
    assert_eq!(statuses(&going, &unwell, true), (text("False/NodeDeleted"), None));
    let pending = Finding::Pending(Duration::from_secs(1));
    assert_eq!(statuses(&fresh, &pending, true), (None, None));
}
