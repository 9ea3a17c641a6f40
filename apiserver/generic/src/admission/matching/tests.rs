use serde_json::{Value, json};

use super::*;
use crate::admission::Operation;

const CREATE: Attributes<'static> = Attributes {
    group: "demo.example.io",
    version: "v1",
    resource: "widgets",
    subresource: "",
    name: "a",
    namespace: "ns",
    operation: Operation::Create,
};

fn rule(fields: &Value) -> NamedRule {
    let mut rule = json!({
        "operations": ["CREATE"], "apiGroups": ["demo.example.io"], "apiVersions": ["v1"], "resources": ["widgets"],
    });
    rule.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    serde_json::from_value(rule).unwrap()
}

#[test]
fn a_write_must_match_in_every_respect() {
    let status = Attributes {
        subresource: "status",
        operation: Operation::Update,
        ..CREATE
    };
    let table = [
        (json!({}), CREATE, true),
        (json!({"operations": ["UPDATE", "DELETE"]}), CREATE, false),
        (
            json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}),
            CREATE,
            true,
        ),
        (json!({"apiGroups": [""]}), CREATE, false),
        (json!({"apiVersions": ["v2"]}), CREATE, false),
        (json!({"resources": ["gadgets", "widgets/status"]}), CREATE, false),
        (json!({"resources": ["widgets/*"]}), CREATE, true),
        (
            json!({"operations": ["*"], "resources": ["widgets", "*"]}),
            status,
            false,
        ),
        (json!({"operations": ["*"], "resources": ["*/status"]}), status, true),
        (json!({"operations": ["*"], "resources": ["*/*"]}), status, true),
        (json!({"operations": ["*"], "resources": ["gadgets/*"]}), status, false),
        (json!({"resourceNames": ["b"]}), CREATE, false),
        (json!({"resourceNames": ["b", "a"]}), CREATE, true),
        (json!({"scope": "Namespaced"}), CREATE, true),
        (json!({"scope": "Cluster"}), CREATE, false),
        (
            json!({"scope": "Cluster"}),
            Attributes {
                namespace: "",
                ..CREATE
            },
            true,
        ),
        (json!({"scope": "*"}), CREATE, true),
    ];
    for (fields, attributes, expected) in table {
        assert_eq!(rule(&fields).matches(&attributes), expected, "{fields} {attributes:?}");
    }
}

#[test]
fn a_namespace_is_in_no_namespace() {
    let namespace = Attributes {
        group: "",
        resource: "namespaces",
        name: "ns",
        ..CREATE
    };
    let of_namespaces = |scope: &str| rule(&json!({"apiGroups": [""], "resources": ["namespaces"], "scope": scope}));
    assert!(of_namespaces("Cluster").matches(&namespace));
    assert!(!of_namespaces("Namespaced").matches(&namespace));
}

#[test]
fn selectors_have_four_operators() {
    let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
    let matches = |selector: Value| {
        let selector: LabelSelector = serde_json::from_value(selector).unwrap();
        has_labels(&object, &selector.try_into().unwrap())
    };
    let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
    assert!(matches(json!({})));
    assert!(matches(json!({"matchLabels": {"app": "web", "tier": "front"}})));
    assert!(!matches(json!({"matchLabels": {"app": "web", "tier": "back"}})));
    assert!(matches(expression("app", "In", &["db", "web"])));
    assert!(!matches(expression("app", "NotIn", &["db", "web"])));
    assert!(matches(expression("none", "NotIn", &["x"])));
    assert!(matches(expression("app", "Exists", &[])));
    assert!(!matches(expression("app", "DoesNotExist", &[])));
    let bad: LabelSelector = serde_json::from_value(expression("app", "Like", &[])).unwrap();
    let refused = selector::LabelSelector::try_from(bad).unwrap_err();
    assert_eq!(refused, "\"Like\" is not a valid label selector operator");
}
