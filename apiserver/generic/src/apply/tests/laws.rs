//! Laws of field sets and of server-side apply.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{any_value, manager, schema, widget};
use crate::apply::{
    ApplyError, FieldSet, PathElement, apply, equal_ignoring_managed_time, fields_v1, merge::merge, track_update,
    typed::Type,
};

type Path = Vec<PathElement>;

fn element() -> impl Strategy<Value = PathElement> {
    prop_oneof![
        4 => "[ab]".prop_map(|name| PathElement::field(&name)),
        1 => (0..2_i64).prop_map(|port| PathElement::key(vec![("port".into(), json!(port))])),
        1 => "[x<]".prop_map(|item| PathElement::Value(std::sync::Arc::new(json!(item)))),
        1 => (0..2_i64).prop_map(PathElement::Index),
    ]
}

fn paths() -> impl Strategy<Value = BTreeSet<Path>> {
    prop::collection::btree_set(prop::collection::vec(element(), 1..4), 0..8)
}

fn set(paths: &BTreeSet<Path>) -> FieldSet {
    let mut set = FieldSet::default();
    for path in paths {
        set.insert(path);
    }
    set
}

fn members(set: &FieldSet) -> BTreeSet<Path> {
    set.paths().into_iter().collect()
}

proptest! {
    #[test]
    fn sets_are_sets_of_paths(a in paths(), b in paths()) {
        let (left, right) = (set(&a), set(&b));
        prop_assert_eq!(members(&left), a.clone());
        prop_assert_eq!(left.len(), a.len());
        prop_assert!(a.iter().all(|path| left.has(path)));
        prop_assert_eq!(left.union(&right), set(&(&a | &b)));
        prop_assert_eq!(left.intersection(&right), set(&(&a & &b)));
        prop_assert_eq!(left.difference(&right), set(&(&a - &b)));
        prop_assert_eq!(left.is_subset(&right), a.is_subset(&b));
    }

    #[test]
    fn recursive_difference_removes_what_is_below(a in paths(), b in paths()) {
        let kept = |path: &&Path| !b.iter().any(|removed| path.starts_with(removed));
        let expected: BTreeSet<Path> = a.iter().filter(kept).cloned().collect();
        prop_assert_eq!(set(&a).recursive_difference(&set(&b)), set(&expected));
    }

    #[test]
    fn leaves_have_nothing_below(a in paths()) {
        let is_leaf = |path: &&Path| !a.iter().any(|other| other.len() > path.len() && other.starts_with(path));
        let expected: BTreeSet<Path> = a.iter().filter(is_leaf).cloned().collect();
        prop_assert_eq!(set(&a).leaves(), set(&expected));
    }

    #[test]
    fn fields_v1_round_trip(a in paths()) {
        let stored = fields_v1::serialize(&set(&a));
        prop_assert_eq!(fields_v1::parse(Some(&stored)), Ok(set(&a)));
        let read_back: Value = serde_json::from_str(&stored.to_string()).unwrap();
        prop_assert_eq!(read_back, stored);
    }
}

/// Specs that fit the schema.
fn spec() -> impl Strategy<Value = Value> {
    let letter = || "[ab]".prop_map(Value::from);
    let number = || (0..3_i64).prop_map(Value::from);
    let labels = || prop::collection::btree_map("[ab]", letter(), 0..3).prop_map(|labels| json!(labels));
    let port = (
        prop::option::of("TCP|UDP"),
        prop::option::of(letter()),
        prop::option::of(labels()),
    );
    let ports = prop::collection::btree_map(0..3_i64, port, 0..3).prop_map(|ports| {
        ports
            .into_iter()
            .map(|(port, (protocol, name, labels))| {
                object([
                    ("port", Some(json!(port))),
                    ("protocol", protocol.map(Value::from)),
                    ("name", name),
                    ("labels", labels),
                ])
            })
            .collect::<Value>()
    });
    let free = prop_oneof![
        Just(json!({})),
        labels().prop_map(|labels| json!({"deep": labels, "list": [1]}))
    ];
    let first = (
        prop::option::of(number()),
        prop::option::of(letter()),
        prop::option::of(labels()),
    );
    let whole = prop::collection::btree_map("[ab]", number(), 0..3).prop_map(|whole| json!(whole));
    let list = prop::collection::vec(number(), 0..3).prop_map(Value::from);
    let ids = prop::collection::btree_set(0..4_i64, 0..4).prop_map(|ids| json!(ids));
    let second = (prop::option::of(whole), prop::option::of(list), prop::option::of(ids));
    let third = (prop::option::of(ports), prop::option::of(free));
    (first, second, third).prop_map(|((n, text, labels), (whole, list, ids), (ports, free))| {
        object([
            ("n", n),
            ("text", text),
            ("labels", labels),
            ("whole", whole),
            ("list", list),
            ("ids", ids),
            ("ports", ports),
            ("free", free),
        ])
    })
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let set = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect())
}

fn force(live: Option<&Value>, spec: &Value, name: &str) -> Value {
    apply(&schema(), live, &widget(spec.clone()), &manager(name), true, None, &[]).unwrap()
}

/// Whether the object holds the configuration. An empty object or list in it may be missing: where it had held fields that
/// were dropped, it goes with them, as in kube-apiserver.
fn carries(object: &Value, spec: &Value) -> bool {
    merge(Type::root(&schema()), object, &without_empty(&widget(spec.clone()))) == Ok(None)
}

fn without_empty(value: &Value) -> Value {
    let is_empty = |value: &Value| value == &json!({}) || value == &json!([]);
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().map(|(name, value)| (name.clone(), without_empty(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn applying_twice_changes_nothing(before in spec(), config in spec()) {
        let live = force(None, &before, "other");
        let once = force(Some(&live), &config, "me");
        prop_assert_eq!(force(Some(&once), &config, "me"), once);
    }

    #[test]
    fn what_was_applied_is_there(before in spec(), last in spec(), config in spec()) {
        let live = force(None, &before, "other");
        let live = force(Some(&live), &last, "me");
        let applied = force(Some(&live), &config, "me");
        prop_assert!(carries(&applied, &config), "{applied}");
    }

    #[test]
    fn what_is_dropped_is_gone(config in spec()) {
        let live = force(None, &json!({"nested": {"a": 1}}), "other");
        let applied = force(Some(&live), &config, "me");
        let dropped = force(Some(&applied), &json!({}), "me");
        // An empty list is owned by nobody, so nobody removes it.
        let left: Vec<&String> = dropped["spec"].as_object().unwrap().iter()
            .filter(|(_, value)| *value != &json!([])).map(|(name, _)| name).collect();
        prop_assert_eq!(left, ["nested"]);
    }

    #[test]
    fn managers_of_different_fields_never_conflict(config in spec()) {
        let fields = config.as_object().unwrap();
        let half = |even: usize| -> Value {
            let fields = fields.iter().enumerate().filter(|(at, _)| at % 2 == even);
            Value::Object(fields.map(|(_, (name, value))| (name.clone(), value.clone())).collect())
        };
        let mut live = force(None, &half(0), "a");
        for (spec, name) in [(half(1), "b"), (half(0), "a"), (half(1), "b")] {
            live = apply(&schema(), Some(&live), &widget(spec), &manager(name), false, None, &[]).unwrap();
        }
        prop_assert!(carries(&live, &config), "{live}");
    }

    #[test]
    fn the_same_configuration_is_shared(config in spec()) {
        let live = force(None, &config, "a");
        let shared = apply(&schema(), Some(&live), &widget(config.clone()), &manager("b"), false, None, &[]).unwrap();
        let dropped = force(Some(&shared), &json!({}), "a");
        prop_assert!(carries(&dropped, &config), "{dropped}");
    }

    #[test]
    fn an_update_without_changes_changes_nothing(config in spec()) {
        let live = force(None, &config, "a");
        for managed in [Some(live["metadata"]["managedFields"].clone()), None] {
            let mut new = live.clone();
            new["metadata"]["managedFields"] = managed.unwrap_or_default();
            track_update(&schema(), Some(&live), &mut new, &manager("b"), &[]);
            prop_assert!(equal_ignoring_managed_time(&live, &new), "{new}");
        }
    }

    #[test]
    fn an_update_is_owned_and_then_conflicts(mut before in spec(), number in 10..20_i64) {
        // An object that nobody owns anything of is not tracked.
        before["text"] = json!("x");
        let live = force(None, &before, "applier");
        let mut new = live.clone();
        new["spec"]["n"] = json!(number);
        track_update(&schema(), Some(&live), &mut new, &manager("updater"), &[]);
        let config = widget(json!({"n": 1}));
        let Err(ApplyError::Conflicts(conflicts)) = apply(&schema(), Some(&new), &config, &manager("applier"), false, None, &[])
        else { return Err(TestCaseError::fail("no conflict")) };
        prop_assert_eq!(conflicts.len(), 1);
        prop_assert_eq!((&*conflicts[0].manager, &*conflicts[0].field), ("updater", ".spec.n"));
    }

    #[test]
    fn no_object_makes_it_panic(live in any_value(), config in any_value(), other in any_value(), forced: bool) {
        for name in ["kubectl", "me"] {
            let _ = apply(&schema(), None, &config, &manager(name), forced, None, &["status"]);
            let _ = apply(&schema(), Some(&live), &config, &manager(name), forced, None, &[]);
            let mut new = other.clone();
            track_update(&schema(), Some(&live), &mut new, &manager(name), &["status", ""]);
            let _ = apply(&schema(), Some(&new), &config, &manager(name), forced, None, &[]);
        }
        let _ = equal_ignoring_managed_time(&live, &other);
    }

    #[test]
    fn no_managed_fields_make_it_panic(entry in any_value(), fields in any_value(), config in spec()) {
        let good = json!({"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields});
        let mut live = widget(json!({"n": 1}));
        live["metadata"]["managedFields"] = json!([good, entry]);
        let _ = apply(&schema(), Some(&live), &widget(config), &manager("x"), true, None, &[]);
        let mut new = live.clone();
        track_update(&schema(), Some(&live), &mut new, &manager("x"), &[]);
    }
}
