//! What patches do, by table, and that none of them panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{apply::tests::any_value, schema::Schema};

fn patched(object: Value, patch: Value) -> Result<Value, PatchError> {
    json_patch(&object, patch.to_string().as_bytes()).map(|patched| patched.value)
}

fn is_not_applicable(object: Value, patch: Value) -> bool {
    matches!(patched(object, patch), Err(PatchError::NotApplicable(_)))
}

#[test]
fn json_patch_operations() {
    let object = json!({"a": {"b": 1}, "list": [1, 2]});
    for (patch, expected) in [
        (
            json!([{"op": "add", "path": "/c", "value": 2}]),
            json!({"a": {"b": 1}, "list": [1, 2], "c": 2}),
        ),
        (
            json!([{"op": "add", "path": "/list/1", "value": 9}]),
            json!({"a": {"b": 1}, "list": [1, 9, 2]}),
        ),
        (
            json!([{"op": "add", "path": "/list/-", "value": 9}]),
            json!({"a": {"b": 1}, "list": [1, 2, 9]}),
        ),
        (
            json!([{"op": "replace", "path": "/a/b", "value": null}]),
            json!({"a": {"b": null}, "list": [1, 2]}),
        ),
        (
            json!([{"op": "remove", "path": "/list/0"}]),
            json!({"a": {"b": 1}, "list": [2]}),
        ),
        (
            json!([{"op": "move", "from": "/a/b", "path": "/b"}]),
            json!({"a": {}, "b": 1, "list": [1, 2]}),
        ),
        (
            json!([{"op": "copy", "from": "/a", "path": "/b"}]),
            json!({"a": {"b": 1}, "b": {"b": 1}, "list": [1, 2]}),
        ),
        (
            json!([{"op": "test", "path": "/a/b", "value": 1.0}, {"op": "remove", "path": "/a"}]),
            json!({"list": [1, 2]}),
        ),
    ] {
        assert_eq!(patched(object.clone(), patch.clone()), Ok(expected), "{patch}");
    }
}

#[test]
fn json_patches_that_do_not_apply() {
    for patch in [
        json!([{"op": "test", "path": "/a", "value": 2}]),
        json!([{"op": "remove", "path": "/missing"}]),
        json!([{"op": "replace", "path": "/missing/deep", "value": 1}]),
        json!([{"op": "add", "path": "/missing/x", "value": 1}]),
        json!([{"op": "copy", "path": "/x", "from": "/missing"}]),
        json!([{"op": "move", "path": "/x", "from": "/missing"}]),
        json!([{"op": "add", "path": "a", "value": 1}]),
        json!([{"op": "grow", "path": "/a", "value": 1}]),
        json!([{"op": "replace", "path": "", "value": 1}]),
        json!([{}]),
    ] {
        assert!(is_not_applicable(json!({"a": 1}), patch.clone()), "{patch}");
    }
    for patch in [
        json!({}),
        json!([1]),
        json!("x"),
        json!([{"op": 1}]),
        json!([{"path": []}]),
    ] {
        assert!(
            matches!(patched(json!({}), patch.clone()), Err(PatchError::Malformed(_))),
            "{patch}"
        );
    }
}

#[test]
fn moves_have_a_bound_that_long_patches_of_small_steps_do_not_meet() {
    let large = json!({"a": vec![0; 1_000]});
    let there_and_back = [
        json!({"op": "move", "from": "/a", "path": "/b"}),
        json!({"op": "move", "from": "/b", "path": "/a"}),
    ];
    let moves: Vec<_> = there_and_back.iter().cycle().take(10_000).cloned().collect();
    assert!(is_not_applicable(large.clone(), moves.into()));
    let moves: Vec<_> = there_and_back.iter().cycle().take(1_000).cloned().collect();
    assert_eq!(patched(large, moves.into()), Ok(json!({"a": vec![0; 1_000]})));
    let grown = patched(
        json!({"a": []}),
        vec![json!({"op": "add", "path": "/a/-", "value": 0}); 10_000].into(),
    );
    let emptied = vec![json!({"op": "remove", "path": "/a/0"}); 10_000];
    assert_eq!(patched(grown.unwrap(), emptied.into()), Ok(json!({"a": []})));
    let longest = json!({"a": vec![0; 1_000_000]});
    let emptied = vec![json!({"op": "remove", "path": "/a/0"}); 10_000];
    assert!(is_not_applicable(longest, emptied.into()));
}

#[test]
fn nothing_changes_when_one_operation_fails() {
    let object = json!({"a": 1});
    let patch = json!([{"op": "remove", "path": "/a"}, {"op": "test", "path": "/a", "value": 1}]);
    assert!(is_not_applicable(object.clone(), patch));
    assert_eq!(object, json!({"a": 1}));
}

#[test]
fn unknown_and_duplicate_keys_of_operations_are_told() {
    let patch = br#"[{"op":"test","path":"/b","path":"/a","value":1},{"op":"remove","path":"/a","Path":"/b"}]"#;
    let result = json_patch(&json!({"a": 1}), patch).unwrap();
    let expected = [
        r#"json patch duplicate field "[0].path""#,
        r#"json patch unknown field "[1].Path""#,
    ];
    assert_eq!(result.unknown, expected);
    assert_eq!(result.value, json!({}));
}

#[test]
fn json_patch_limits() {
    let test = json!({"op": "test", "path": "/a", "value": 1});
    assert!(patched(json!({"a": 1}), json!(vec![test.clone(); 10_000])).is_ok());
    assert_eq!(
        patched(json!({"a": 1}), json!(vec![test; 10_001])),
        Err(PatchError::TooManyOperations {
            limit: 10_000,
            count: 10_001
        })
    );

    let doubling: Vec<Value> = (0..40)
        .map(|at| json!({"op": "copy", "from": "", "path": format!("/c{at}")}))
        .collect();
    assert!(is_not_applicable(json!({"a": "x".repeat(1000)}), json!(doubling)));
    let once = json!([{"op": "copy", "from": "/a", "path": "/b"}]);
    assert!(patched(json!({"a": "x".repeat(3_000_000)}), once).is_ok());
}

#[test]
fn no_patch_nests_too_deep() {
    let deeper = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    let mut operations = vec![json!({"op": "add", "path": "/deep", "value": {}})];
    for at in 0..200 {
        let path = format!("/deep{}", "/x".repeat(at + 1));
        operations.push(json!({"op": "add", "path": path, "value": {}}));
    }
    assert!(is_not_applicable(json!({}), json!(operations)));

    let deep: Value = serde_json::from_str(&deeper(100)).unwrap();
    let sunk = json!([{"op": "move", "from": "/a", "path": "/b/b"}, {"op": "copy", "from": "/b", "path": "/c"}]);
    let result = patched(json!({"a": deep, "b": {}}), sunk).unwrap();
    assert!(serde_json::from_str::<Value>(&result.to_string()).is_ok());
    let under = json!([{"op": "copy", "from": "/a", "path": format!("/a{}", "/0".repeat(99))}]);
    assert!(is_not_applicable(json!({"a": deep}), under));
}

#[test]
fn merge_patches() {
    for (object, patch, expected) in [
        (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
        (json!({"a": 1, "b": 1}), json!({"a": null, "c": null}), json!({"b": 1})),
        (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
        (
            json!({"a": 1}),
            json!({"a": {"b": null, "c": 1}}),
            json!({"a": {"c": 1}}),
        ),
        (json!({"a": {"b": 1}}), json!({"a": [1]}), json!({"a": [1]})),
        (json!({}), json!({"a": {"b": {"c": null}}}), json!({"a": {"b": {}}})),
        (
            json!({"a": [1]}),
            json!({"a": [{"b": null, "c": 1}, null]}),
            json!({"a": [{"c": 1}, null]}),
        ),
    ] {
        assert_eq!(merge_patch(&object, &patch), expected, "{patch} onto {object}");
    }
}

pub(super) fn pod() -> Schema {
    let text = json!({"type": "string"});
    let named = json!({"type": "object", "properties": {
        "name": text, "image": text, "x": text, "args": {"type": "array", "items": text},
        "env": {
            "type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name",
            "items": {"type": "object", "properties": {"name": text, "value": text}},
        },
    }});
    Schema::root_from_json(&json!({"type": "object", "properties": {
        "containers": {
            "type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name",
            "items": named,
        },
        "finalizers": {"type": "array", "x-kubernetes-patch-strategy": "merge", "items": text},
        "replaced": {"type": "array", "items": named},
        "strategy": {"type": "object", "properties": {"type": text, "rolling": text}},
        "labels": {"type": "object", "additionalProperties": text},
    }}))
    .unwrap()
}

fn strategic(object: Value, patch: Value) -> Result<Value, PatchError> {
    strategic_merge_patch(&pod(), &object, &patch)
}

#[test]
fn strategic_merges() {
    let two = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]);
    for (object, patch, expected) in [
        // Maps merge, nulls remove, lists without a strategy are replaced.
        (
            json!({"labels": {"a": "1", "b": "1"}}),
            json!({"labels": {"a": null, "c": "1"}}),
            json!({"labels": {"b": "1", "c": "1"}}),
        ),
        (
            json!({"replaced": two}),
            json!({"replaced": [{"name": "c"}]}),
            json!({"replaced": [{"name": "c"}]}),
        ),
        (
            json!({"free": [1]}),
            json!({"free": [2], "other": {"x": null}}),
            json!({"free": [2], "other": {}}),
        ),
        // Lists with a merge key merge by it; new items go where the patch has them.
        (
            json!({"containers": two}),
            json!({"containers": [{"name": "b", "image": "2"}]}),
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
        ),
        (
            json!({"containers": two}),
            json!({"containers": [{"name": "c"}]}),
            json!({"containers": [{"name": "c"}, {"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}),
        ),
        (
            json!({"containers": [{"name": "a", "env": [{"name": "E", "value": "1"}, {"name": "F"}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "E", "$patch": "delete"}, {"name": "F", "value": "2"}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "F", "value": "2"}]}]}),
        ),
        // Scalars are a set.
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"finalizers": ["b", "c"]}),
            json!({"finalizers": ["a", "b", "c"]}),
        ),
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"$deleteFromPrimitiveList/finalizers": ["a", "z"]}),
            json!({"finalizers": ["b"]}),
        ),
        (
            json!({"finalizers": ["a", "b"]}),
            json!({"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}),
            json!({"finalizers": ["c", "b"]}),
        ),
        // Directives on objects and lists.
        (
            json!({"containers": two}),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b", "image": "1"}]}),
        ),
        (
            json!({"containers": two}),
            json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
            json!({"containers": [{"name": "c"}]}),
        ),
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"$patch": "replace", "b": "1"}}),
            json!({"labels": {"b": "1"}}),
        ),
        (
            json!({"labels": {"a": "1"}}),
            json!({"labels": {"$patch": "delete"}}),
            json!({"labels": {}}),
        ),
        (
            json!({}),
            json!({"labels": {"$patch": "delete"}, "finalizers": ["x"]}),
            json!({"finalizers": ["x"]}),
        ),
        (
            json!({"strategy": {"type": "R", "rolling": "x"}}),
            json!({"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}),
            json!({"strategy": {"type": "Recreate"}}),
        ),
        // The order of a list.
        (
            json!({"containers": two}),
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            json!({"containers": [{"name": "b", "image": "1"}, {"name": "a", "image": "1"}]}),
        ),
        (
            json!({"containers": two}),
            json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}], "containers": [{"name": "c"}]}),
            json!({"containers": [{"name": "c"}, {"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}),
        ),
        (
            json!({"finalizers": ["a", "b", "c"]}),
            json!({"$setElementOrder/finalizers": ["c", "a"]}),
            json!({"finalizers": ["b", "c", "a"]}),
        ),
        (
            json!({}),
            json!({"$setElementOrder/finalizers": ["b", "a"], "finalizers": ["b", "a"]}),
            json!({"finalizers": ["b", "a"]}),
        ),
        (json!({}), json!({"$setElementOrder/finalizers": ["b"]}), json!({})),
    ] {
        assert_eq!(
            strategic(object.clone(), patch.clone()),
            Ok(expected),
            "{patch} onto {object}"
        );
    }
}

#[test]
fn strategic_patches_that_make_no_sense() {
    let object = json!({"containers": [{"name": "a"}], "finalizers": ["a"], "strategy": {"type": "x"}});
    for patch in [
        json!([]),
        json!({"$patch": "merge"}),
        json!({"containers": [{"image": "1"}]}),
        json!({"containers": ["a"]}),
        json!({"finalizers": [{"name": "a"}]}),
        json!({"finalizers": [["a"]]}),
        json!({"containers": [{"$patch": "delete"}]}),
        json!({"$deleteFromPrimitiveList": ["a"]}),
        json!({"$deleteFromPrimitiveList/finalizers": "a"}),
        json!({"$setElementOrder": []}),
        json!({"$setElementOrder/finalizers": "a"}),
        json!({"$setElementOrder/finalizers": ["a"], "finalizers": ["b"]}),
        json!({"strategy": {"$retainKeys": ["rolling"], "type": "y"}}),
        json!({"strategy": {"$retainKeys": "type"}}),
    ] {
        assert!(strategic(object.clone(), patch.clone()).is_err(), "{patch}");
    }
}

proptest! {
    #[test]
    fn merge_patch_is_idempotent(object in any_value(), patch in any_value()) {
        let once = merge_patch(&object, &patch);
        prop_assert_eq!(merge_patch(&once, &patch), once);
    }

    #[test]
    fn no_patch_panics(object in any_value(), patch in any_value(), path in "(/[a-c0-9~-]{0,2}){0,3}", op in 0..6_usize) {
        let op = ["add", "remove", "replace", "move", "copy", "test"][op];
        let _ = patched(object.clone(), json!([{"op": op, "path": path, "from": "/spec", "value": patch}]));
        let _ = json_patch(&object, patch.to_string().as_bytes());
        let _ = strategic(object, patch);
    }
}
