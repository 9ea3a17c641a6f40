use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::*;
use crate::GuestClusterRelease;

fn schema(crd: impl Serialize) -> Value {
    serde_json::to_value(crd)
        .unwrap()
        .pointer("/spec/versions/0/schema/openAPIV3Schema")
        .unwrap()
        .clone()
}

fn at<'a>(schema: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(schema, |schema, field| match *field {
        "[]" => &schema["items"],
        field => &schema["properties"][field],
    })
}

/// Calls `visit` with each schema and its path.
fn walk(schema: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), visit);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            walk(&schema[inner], &format!("{path}[]"), visit);
        }
    }
}

#[test]
fn schemas_are_structural_and_described() {
    for schema in [schema(GuestCluster::crd()), schema(GuestClusterRelease::crd())] {
        walk(&schema, "", &mut |path, node| {
            // The derive lets the whole status be null; clients never write it.
            assert!(node["nullable"] != true || path == ".status", "{path} may be null");
            assert!(
                node["type"].is_string() || node["x-kubernetes-int-or-string"] == true,
                "{path} has no type: {node}"
            );
            for combination in ["anyOf", "oneOf", "allOf", "$ref"] {
                let allowed = combination == "anyOf" && node["x-kubernetes-int-or-string"] == true;
                assert!(
                    node[combination].is_null() || allowed,
                    "{path} has {combination}: {node}"
                );
            }
            let of_a_list = path.ends_with("[]") || path.is_empty();
            let description = node["description"].as_str().unwrap_or_default();
            assert!(of_a_list || !description.is_empty(), "{path} has no description");
            assert!(!description.contains('\n'), "{path}: {description}");
            if node["type"] == "array" {
                assert!(node["x-kubernetes-list-type"].is_string(), "{path} has no list type");
            }
        });
    }
}

#[test]
fn defaults_and_list_types_are_in_the_schema() {
    let schema = schema(GuestCluster::crd());
    let network = at(&schema, &["spec", "settings", "network"]);
    assert_eq!(
        at(network, &["pods"])["default"],
        json!({"cidrBlocks": ["192.168.0.0/16"]})
    );
    assert_eq!(at(network, &["pods", "cidrBlocks"])["x-kubernetes-list-type"], "atomic");
    assert_eq!(
        at(&schema, &["spec", "settings"])["default"]["network"]["cni"],
        json!({"name": "antrea"})
    );
    let pools = at(&schema, &["spec", "topology", "nodePools"]);
    assert_eq!(
        (&pools["x-kubernetes-list-type"], &pools["x-kubernetes-list-map-keys"]),
        (&json!("map"), &json!(["name"]))
    );
    assert_eq!(
        at(pools, &["[]", "rollout"])["default"],
        json!({"maxSurge": 1, "maxUnavailable": 0, "drainTimeoutSeconds": 0})
    );
    assert_eq!(
        at(pools, &["[]", "rollout", "maxSurge"])["x-kubernetes-int-or-string"],
        true
    );
    assert_eq!(
        at(pools, &["[]", "taints"])["x-kubernetes-list-map-keys"],
        json!(["key", "effect"])
    );
    assert_eq!(
        at(pools, &["[]", "taints", "[]", "effect"])["enum"],
        json!(["NoSchedule", "PreferNoSchedule", "NoExecute"])
    );
    assert_eq!(
        at(&schema, &["spec", "topology", "controlPlane", "replicas"])["default"],
        1
    );
    assert_eq!(
        at(&schema, &["spec", "settings", "storage", "classes"])["x-kubernetes-list-type"],
        "set"
    );
    assert_eq!(at(&schema, &["spec"])["required"], json!(["distribution", "topology"]));
    assert_eq!(at(&schema, &["status", "guestUID"])["type"], "string");
}

#[test]
fn what_is_absent_stays_absent() {
    let spec = json!({
        "distribution": {"version": "v1.34"},
        "topology": {"controlPlane": {"vmClass": "small", "storageClass": "gold"}, "nodePools": []},
    });
    let parsed: GuestClusterSpec = serde_json::from_value(spec).unwrap();
    let written = serde_json::to_value(&parsed).unwrap();
    assert!(!written.to_string().contains("null"), "{written}");
    assert_eq!(written["topology"]["controlPlane"]["replicas"], 1);
    assert!(written["topology"].get("nodePools").is_none() && written["settings"].get("storage").is_none());
}
