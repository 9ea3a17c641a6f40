//! MachineHealthChecks.

use guestcluster_types::upstream::capi::MachineHealthCheck;
use serde_json::{Value, json};

use super::{Row, merge, object};

fn row(index: usize, change: &Value, told: &'static str) -> Row {
    let name = format!("check{index:02}");
    let mut spec =
        json!({"clusterName": "dev", "selector": {"matchLabels": {"cluster.x-k8s.io/deployment-name": "dev-a"}}});
    merge(&mut spec, change);
    Row::new(&name, vec![object::<MachineHealthCheck>(&name, spec)], told)
}

pub(super) fn rows() -> Vec<Row> {
    let trigger = |trigger: Value| json!({"remediation": {"triggerIf": trigger}});
    let expression = |expression: Value| json!({"selector": {"matchExpressions": [expression]}});
    let rows = [
        (
            json!({"clusterName": "nowhere"}),
            "spec.clusterName: Cluster nowhere does not exist",
        ),
        (
            json!({"clusterName": "a b"}),
            "spec.clusterName: Cluster a b does not exist",
        ),
        (json!({"selector": {"matchLabels": null}}), "spec.selector is empty"),
        (
            json!({"selector": {"matchLabels": {"tier": "none"}}}),
            "spec.selector finds no Machine",
        ),
        (
            json!({"selector": {"matchLabels": {"tier": "a b"}}}),
            "spec.selector.matchLabels[tier] is \"a b\": accepted is",
        ),
        (
            json!({"selector": {"matchLabels": {"cluster.x-k8s.io/cluster-name": "prod"}}}),
            "spec.selector.matchLabels[cluster.x-k8s.io/cluster-name] is \"prod\": accepted is spec.clusterName, \"dev\"",
        ),
        (
            expression(json!({"key": "a", "operator": "Near", "values": ["b"]})),
            "spec.selector.matchExpressions[0].operator is \"Near\": accepted are",
        ),
        (
            expression(json!({"key": "a", "operator": "In", "values": []})),
            "spec.selector.matchExpressions[0].values has 0 values",
        ),
        (
            trigger(json!({"unhealthyInRange": "[5-3]"})),
            "unhealthyInRange is \"[5-3]\": accepted is [LEAST-MOST]",
        ),
        (trigger(json!({"unhealthyInRange": "5-3"})), "unhealthyInRange"),
        (
            trigger(json!({"unhealthyInRange": "[1-99999999999]"})),
            "unhealthyInRange is \"[1-99999999999]\": accepted is",
        ),
        (
            trigger(json!({"unhealthyLessThanOrEqualTo": "most"})),
            "unhealthyLessThanOrEqualTo is \"most\": accepted is a number of machines or a percentage",
        ),
        (
            trigger(json!({"unhealthyLessThanOrEqualTo": -1})),
            "unhealthyLessThanOrEqualTo is -1: accepted is",
        ),
        (
            json!({"checks": {"unhealthyNodeConditions": [{"type": "Ready", "status": "Maybe", "timeoutSeconds": 300}]}}),
            "spec.checks.unhealthyNodeConditions[0].status is \"Maybe\": accepted are True, False and Unknown",
        ),
        (
            json!({"checks": {"unhealthyMachineConditions": [{"type": "Ready", "status": "Maybe", "timeoutSeconds": 300}]}}),
            "spec.checks.unhealthyMachineConditions[0].status",
        ),
        (
            json!({"remediation": {"templateRef": {"apiVersion": "a.example.com/v1", "kind": "RebootTemplate", "name": "r"}}}),
            "spec.remediation.templateRef names RebootTemplate r",
        ),
    ];
    let rows = rows.iter().enumerate();
    rows.map(|(index, (change, told))| row(index, change, told)).collect()
}
