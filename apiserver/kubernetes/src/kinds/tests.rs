use generic_apiserver::registry::Cell;
use serde_json::{Value, json};

use super::*;

fn definition(plural: &str, group: &str) -> ResourceDefinition {
    let found = core_definitions()
        .iter()
        .find(|definition| definition.names.plural == plural && definition.names.group == group)
        .cloned();
    found.unwrap()
}

/// Cells of an object by column name.
fn row(plural: &str, group: &str, object: &Value) -> Vec<(String, Value)> {
    let cells = definition(plural, group)
        .columns
        .into_iter()
        .filter_map(|column| match column.cell {
            Cell::Compute(cell) => Some((column.name, cell(object))),
            Cell::Path(_) => None,
        });
    cells.collect()
}

fn cell(plural: &str, object: &Value, column: &str) -> Value {
    row(plural, "", object)
        .into_iter()
        .find(|(name, _)| name == column)
        .unwrap()
        .1
}

#[test]
fn every_schema_is_readable_and_every_key_is_taken_once() {
    let definitions = core_definitions();
    let mut prefixes: Vec<String> = definitions
        .iter()
        .map(|definition| definition.names.key_prefix())
        .collect();
    prefixes.sort();
    prefixes.dedup();
    assert_eq!(prefixes.len(), definitions.len());
    assert!(
        definition("pods", "")
            .schema
            .property("spec")
            .unwrap()
            .property("containers")
            .is_some()
    );
}

#[test]
fn a_node_shows_status_roles_and_addresses() {
    let node = json!({
        "metadata": {"labels": {
            "node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "odd",
        }},
        "spec": {"unschedulable": true},
        "status": {
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            "addresses": [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.34.1", "kernelVersion": "6.1", "architecture": "amd64"},
        },
    });
    assert_eq!(cell("nodes", &node, "Status"), "Ready,SchedulingDisabled");
    assert_eq!(cell("nodes", &node, "Roles"), "control-plane,odd,worker");
    assert_eq!(cell("nodes", &node, "Version"), "v1.34.1");
    assert_eq!(cell("nodes", &node, "Internal-IP"), "10.0.0.1");
    assert_eq!(cell("nodes", &node, "External-IP"), "<none>");
    assert_eq!(cell("nodes", &node, "Kernel-Version"), "6.1 (amd64)");
    assert_eq!(cell("nodes", &json!({}), "Status"), "Unknown");
    assert_eq!(cell("nodes", &json!({}), "Roles"), "<none>");
}

#[test]
fn a_service_shows_where_it_is_reached() {
    let service = json!({
        "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.10",
                 "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
    });
    assert_eq!(cell("services", &service, "External-IP"), "192.0.2.1");
    assert_eq!(cell("services", &service, "Port(s)"), "80:30080/TCP,53/UDP");
    assert_eq!(
        cell("services", &json!({"spec": {"type": "LoadBalancer"}}), "External-IP"),
        "<pending>"
    );
    assert_eq!(
        cell("services", &json!({"spec": {"type": "ClusterIP"}}), "Selector"),
        "<none>"
    );
}

#[test]
fn an_event_shows_its_newest_time_in_either_version() {
    let core = json!({"involvedObject": {"kind": "Pod", "name": "a"}, "lastTimestamp": "2026-01-02T00:00:00Z",
                      "message": " done \n", "count": 3});
    assert_eq!(cell("events", &core, "Last Seen"), "2026-01-02T00:00:00Z");
    assert_eq!(cell("events", &core, "Object"), "pod/a");
    assert_eq!(cell("events", &core, "Message"), "done");
    assert_eq!(cell("events", &core, "Count"), 3);

    let newer =
        json!({"regarding": {"kind": "Pod", "name": "a"}, "eventTime": "2026-01-02T00:00:00.000000Z", "note": "n"});
    let cells = row("events", "events.k8s.io", &newer);
    assert!(cells.contains(&("Last Seen".into(), "2026-01-02T00:00:00.000000Z".into())));
    assert!(cells.contains(&("Object".into(), "pod/a".into())) && cells.contains(&("Message".into(), "n".into())));
}

#[test]
fn a_container_of_a_template_is_patched_by_its_name() {
    let container = |name: &str, image: &str| json!({"name": name, "image": image});
    let with = |containers: Value| json!({"spec": {"template": {"spec": {"containers": containers}}}});
    let live = with(json!([container("web", "web:1"), container("log", "log:1")]));
    let patch = with(json!([container("web", "web:2")]));
    for plural in ["deployments", "daemonsets"] {
        let schema = definition(plural, "apps").schema;
        let patched = generic_apiserver::patch::strategic_merge_patch(&schema, &live, &patch).unwrap();
        assert_eq!(
            patched,
            with(json!([container("web", "web:2"), container("log", "log:1")]))
        );
    }
}
