use near_inputs::near_text;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{tests::pod, *};

const OPERATIONS: [&str; 6] = [
    r#"[{"op":"add","path":"/a/b","value":{"c":[1,2]}},{"op":"remove","path":"/list/0"}]"#,
    r#"[{"op":"replace","path":"/list/-","value":null},{"op":"test","path":"/a","value":{}}]"#,
    r#"[{"op":"move","from":"/a","path":"/list/1"},{"op":"copy","from":"/list","path":"/a/c"}]"#,
    r#"[{"op":"add","path":"/~0~1x","value":"y"},{"op":"add","path":"/list/-1","value":0}]"#,
    r#"[{"op":"copy","from":"","path":"/a/x"},{"op":"add","path":"","value":{}}]"#,
    "null",
];
const DIRECTIVES: [&str; 6] = [
    r#"{"containers":[{"name":"a","$patch":"delete"},{"name":"b","env":[{"name":"E","value":"1"}]}]}"#,
    r#"{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"b","image":"2"}]}"#,
    r#"{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]}"#,
    r#"{"strategy":{"$retainKeys":["type"],"type":"x"},"labels":{"$patch":"replace","a":"b"}}"#,
    r#"{"containers":[{"$patch":"replace"},{"name":"c"}],"free":[1]}"#,
    r#"{"labels":null,"containers":null}"#,
];
const WORDS: [&str; 16] = [
    "\"op\":",
    "\"path\":",
    "\"from\":",
    "/list",
    "/a",
    "/0",
    "/-",
    "~1",
    "move",
    "copy",
    "\"$patch\":",
    "delete",
    "replace",
    "\"name\":",
    "null",
    "[",
];

fn object() -> Value {
    json!({
        "a": {"b": 1}, "list": [1, {"x": 2}, "y"], "~/x": 0, "labels": {"a": "1"}, "finalizers": ["a", "b"],
        "containers": [{"name": "a", "image": "1", "env": [{"name": "E"}]}, {"name": "b"}], "strategy": {"type": "R", "rolling": 1},
    })
}

/// Objects of few names, so that patches meet what they are about.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        "[ab]{0,1}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The words of RFC 7396, and what kube-apiserver does beyond them: nothing that comes anew holds nulls in objects.
fn merged(target: Option<Value>, patch: &Value) -> Value {
    let Value::Object(patch) = patch else {
        return cleaned(patch);
    };
    let mut fields = match target {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for (name, value) in patch {
        let before = fields.remove(name);
        if !value.is_null() {
            let after = match before {
                Some(before) => merged(Some(before), value),
                None => cleaned(value),
            };
            fields.insert(name.clone(), after);
        }
    }
    fields.into()
}

fn cleaned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), cleaned(value))).collect())
        }
        Value::Array(items) => items.iter().map(cleaned).collect(),
        other => other.clone(),
    }
}

/// An operation of RFC 6902 on few places.
fn operation() -> impl Strategy<Value = Value> {
    let place = || "(/[ab0-2]){0,3}|(/[ab0-2]){1,2}/-";
    let name = select(vec!["add", "remove", "replace", "move", "copy"]);
    (name, place(), place(), value())
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}))
}

/// RFC 6902 on one operation, and what kube-apiserver does beyond it: a replaced member need not be there.
fn operated(mut document: Value, operation: &Value) -> Option<Value> {
    let text = |name: &str| operation[name].as_str();
    let (path, from) = (text("path")?, text("from")?);
    match text("op")? {
        "add" => add(&mut document, path, operation["value"].clone())?,
        "remove" => drop(remove(&mut document, path)?),
        "replace" if path.is_empty() => document = operation["value"].clone(),
        "replace" => {
            let (parent, last) = path.rsplit_once('/')?;
            match document.pointer_mut(parent)? {
                Value::Object(fields) => drop(fields.insert(last.to_owned(), operation["value"].clone())),
                _ => *document.pointer_mut(path)? = operation["value"].clone(),
            }
        }
        "copy" => {
            let value = document.pointer(from)?.clone();
            add(&mut document, path, value)?;
        }
        _ if path.starts_with(&format!("{from}/")) => return None,
        _ => {
            let value = document.pointer(from)?.clone();
            remove(&mut document, from)?;
            add(&mut document, path, value)?;
        }
    }
    Some(document)
}

fn add(document: &mut Value, path: &str, value: Value) -> Option<()> {
    let Some((parent, last)) = path.rsplit_once('/') else {
        *document = value;
        return Some(());
    };
    match document.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value)),
        Value::Array(items) => {
            let index = if last == "-" { items.len() } else { last.parse().ok()? };
            (index <= items.len()).then(|| items.insert(index, value))?;
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = path.rsplit_once('/')?;
    match document.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(last),
        Value::Array(items) => {
            let index = last.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

proptest! {
    #[test]
    fn fuzz_patches_near_right_ones(text in near_text(&OPERATIONS, &WORDS)) {
        match json_patch(&object(), text.as_bytes()) {
            Ok(patched) => prop_assert!(patched.value.is_object()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn fuzz_strategic_patches_near_right_ones(text in near_text(&DIRECTIVES, &WORDS)) {
        let Ok(patch) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        if let Ok(patched) = strategic_merge_patch(&pod(), &object(), &patch) {
            let shown = patched.to_string();
            prop_assert!(shown.len() <= object().to_string().len() + 2 * text.len(), "{shown}");
        }
    }

    #[test]
    fn fuzz_merge_patches_do_what_the_rfc_says(object in value(), patch in value()) {
        prop_assert_eq!(merge_patch(&object, &patch), merged(Some(object), &patch));
    }

    #[test]
    fn fuzz_json_patches_do_what_the_rfc_says(object in value(), operations in vec(operation(), 0..5)) {
        let object = json!({"a": object, "b": [0, {"a": 1}]});
        let patch = Value::from(operations.clone());
        let ours = json_patch(&object, patch.to_string().as_bytes()).map(|patched| patched.value).ok();
        let theirs = operations.iter().try_fold(object, operated).filter(Value::is_object);
        prop_assert_eq!(ours, theirs, "{}", patch);
    }
}
