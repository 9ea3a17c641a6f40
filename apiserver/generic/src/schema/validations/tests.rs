use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Schema;

/// A schema with rules at every level.
fn schema() -> Schema {
    Schema::root_from_json(&json!({
        "type": "object",
        "x-kubernetes-validations": [
            {"rule": "self.metadata.name.startsWith('a')", "message": "name must begin with a"},
            {"rule": "!has(self.status) || self.status.ready <= self.spec.n", "fieldPath": ".status.ready"},
        ],
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "x-kubernetes-validations": [
                        {"rule": "self > 0", "messageExpression": "'n is ' + string(self)", "message": "unused"},
                        {"rule": "self >= oldSelf", "message": "n can't shrink", "reason": "FieldValueForbidden"},
                    ]},
                    "once": {"type": "string", "x-kubernetes-validations": [
                        {"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": true, "message": "once is immutable"},
                        {"rule": "oldSelf.hasValue() || self != ''", "optionalOldSelf": true},
                    ]},
                    "items": {
                        "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"],
                        "items": {
                            "type": "object", "required": ["key"],
                            "properties": {"key": {"type": "string"}, "value": {"type": "integer"}},
                            "x-kubernetes-validations": [
                                {"rule": "!has(self.value) || self.value < 10", "reason": "FieldValueDuplicate"},
                                {"rule": "self.value >= oldSelf.value", "message": "values can't shrink"},
                            ],
                        },
                    },
                    "map": {"type": "object", "additionalProperties": {
                        "type": "string", "x-kubernetes-validations": [{"rule": "self != 'no'", "reason": "FieldValueRequired"}],
                    }},
                    "loud": {"type": "string", "x-kubernetes-validations": [{"rule": "self.substring(3) != ''"}]},
                },
            },
            "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
        },
    }))
    .unwrap()
}

fn object(spec: Value) -> Value {
    json!({"metadata": {"name": "a"}, "spec": spec})
}

fn errors(object: &Value, old: Option<&Value>) -> Vec<String> {
    let findings = schema().check_validation_rules(object, old);
    findings.errors.iter().map(ToString::to_string).collect()
}

#[test]
fn each_rule_names_its_field_reason_and_message() {
    let table = [
        (json!({"n": 1, "once": "x"}), vec![]),
        (json!({"n": 0}), vec!["spec.n: Invalid value: 0: n is 0"]),
        (
            json!({"n": 1, "items": [{"key": "a"}, {"key": "b", "value": 11}]}),
            vec!["spec.items[1]: Duplicate value"],
        ),
        (
            json!({"n": 1, "map": {"x": "no"}}),
            vec!["spec.map[x]: Required value: failed rule: self != 'no'"],
        ),
        (
            json!({"n": 1, "loud": "hm"}),
            vec![
                "spec.loud: Invalid value: \"string\": index out of range: 3 evaluating rule: self.substring(3) != ''",
            ],
        ),
        (
            json!({"n": 1, "once": ""}),
            vec!["spec.once: Invalid value: \"\": failed rule: oldSelf.hasValue() || self != ''"],
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(errors(&object(spec.clone()), None), expected, "{spec}");
    }
    let other = json!({"metadata": {"name": "b"}, "spec": {"n": 1}, "status": {"ready": 2}});
    assert_eq!(
        errors(&other, None),
        [
            "<nil>: Invalid value: name must begin with a",
            "status.ready: Invalid value: failed rule: !has(self.status) || self.status.ready <= self.spec.n"
        ]
    );
}

#[test]
fn transitions_are_judged_against_what_corresponds() {
    let old = object(json!({"n": 5, "once": "x", "items": [{"key": "a", "value": 5}, {"key": "b", "value": 1}]}));
    let same = errors(&old, Some(&old));
    assert_eq!(same, Vec::<String>::new());
    let new = object(
        json!({"n": 4, "once": "y", "items": [{"key": "b", "value": 2}, {"key": "a", "value": 4}, {"key": "c", "value": 0}]}),
    );
    assert_eq!(
        errors(&new, Some(&old)),
        [
            "spec.items[1]: Invalid value: values can't shrink",
            "spec.n: Forbidden: n can't shrink",
            "spec.once: Invalid value: \"y\": once is immutable",
        ]
    );
}

#[test]
fn what_was_not_changed_is_only_warned_of() {
    let old = object(json!({"n": 0, "map": {"x": "no"}}));
    let mut new = old.clone();
    new["spec"]["map"]["y"] = "no".into();
    let findings = schema().check_validation_rules(&new, Some(&old));
    let errors: Vec<_> = findings.errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, ["spec.map[y]: Required value: failed rule: self != 'no'"]);
    assert_eq!(
        findings.warnings,
        [
            "spec.map[x]: Required value: failed rule: self != 'no'",
            "spec.n: Invalid value: 0: n is 0"
        ]
    );
}

#[test]
fn a_rule_that_cannot_work_refuses_the_schema() {
    let refused = |rule: Value| {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-validations": [rule],
        }}});
        Schema::root_from_json(&schema).unwrap_err().to_string()
    };
    let table = [
        (
            json!({"rule": "self.b == ''"}),
            "rule: compilation failed: undefined field 'b'",
        ),
        (json!({"rule": " "}), "rule: rule is not specified"),
        (
            json!({"rule": "true", "message": " "}),
            "message: must be non-empty if specified",
        ),
        (
            json!({"rule": "true", "message": "a\nb"}),
            "message: must not contain line breaks",
        ),
        (
            json!({"rule": "true ||\nfalse"}),
            "message: message must be specified if rule contains line breaks",
        ),
        (
            json!({"rule": "true", "messageExpression": "1"}),
            "messageExpression: compilation failed: messageExpression must",
        ),
        (
            json!({"rule": "true", "reason": "Bogus"}),
            "reason: unknown variant `Bogus`",
        ),
        (
            json!({"rule": "true", "fieldPath": ".b"}),
            "fieldPath: must be a valid path",
        ),
        (
            json!({"rule": "true", "optionalOldSelf": true}),
            "optionalOldSelf: may not be set if oldSelf is not used in rule",
        ),
    ];
    for (rule, why) in table {
        let found = refused(rule.clone());
        let wanted = format!("properties[spec].x-kubernetes-validations[0].{why}");
        assert!(found.starts_with(&wanted), "{rule}: {found}");
    }
    let of_items = json!({"type": "object", "properties": {"list": {"type": "array", "items": {
        "type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}],
    }}}});
    let found = Schema::root_from_json(&of_items).unwrap_err().to_string();
    assert!(found.contains("oldSelf cannot be used"), "{found}");
    let in_branch = json!({"type": "object", "properties": {"a": {
        "type": "string", "allOf": [{"x-kubernetes-validations": [{"rule": "self != ''"}]}],
    }}});
    let found = Schema::root_from_json(&in_branch).unwrap_err().to_string();
    assert_eq!(
        found,
        "properties[a].allOf: x-kubernetes-validations must be empty to be structural"
    );
}

#[test]
fn one_object_can_not_take_for_ever() {
    let schema = Schema::root_from_json(&json!({"type": "object", "properties": {
        "list": {"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [
            {"rule": "self.all(x, self.all(y, x != y || x == y))", "message": "all pairs"},
        ]},
        "each": {"type": "array", "items": {"type": "integer", "x-kubernetes-validations": [
            {"rule": "lists.range(self).all(x, x >= 0)"},
        ]}},
    }}))
    .unwrap();
    let errors = |object: Value| {
        let findings = schema.check_validation_rules(&object, None);
        findings.errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let words: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(
        errors(json!({"list": words})),
        [
            "list: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: all pairs"
        ]
    );
    let many = vec![50_000; 1000];
    let found = errors(json!({"each": many}));
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with("Invalid value: \"integer\": validation failed due to running out of cost budget, no further validation rules will be run"), "{found:?}");
}

/// Anything that JSON can say, with names that the schema knows.
fn anything() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("metadata"),
        Just("name"),
        Just("spec"),
        Just("status"),
        Just("ready"),
        Just("n"),
        Just("once"),
        Just("items"),
        Just("key"),
        Just("value"),
        Just("map"),
        Just("loud"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn rules_end_on_any_object(new in anything(), old in prop::option::of(anything())) {
        let _findings = schema().check_validation_rules(&new, old.as_ref());
    }
}
