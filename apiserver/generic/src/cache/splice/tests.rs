use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn spliced(object: &[u8], revision: Revision) -> (String, String) {
    let mut out = b"before".to_vec();
    let range = splice(&mut out, object, revision).unwrap();
    let object = String::from_utf8(out.split_off(6)).unwrap();
    let metadata = object[range].to_owned();
    (object, metadata)
}

#[test]
fn puts_the_version_where_sorted_keys_have_it() {
    let cases = [
        (
            r#"{"kind":"A","metadata":{"name":"a","uid":"u"},"spec":{}}"#,
            r#"{"name":"a","resourceVersion":"7","uid":"u"}"#,
        ),
        (r#"{"metadata":{"name":"a"}}"#, r#"{"name":"a","resourceVersion":"7"}"#),
        (r#"{"metadata":{"uid":"u"}}"#, r#"{"resourceVersion":"7","uid":"u"}"#),
        (r#"{"metadata":{}}"#, r#"{"resourceVersion":"7"}"#),
        (
            r#"{"metadata":{"resourceVersion":"12345","uid":"u"}}"#,
            r#"{"resourceVersion":"7","uid":"u"}"#,
        ),
        (r#"{"metadata":null,"spec":1}"#, r#"{"resourceVersion":"7"}"#),
        (r#"{"kind":"A"}"#, r#"{"resourceVersion":"7"}"#),
        (r#"{"kind":"A","spec":{}}"#, r#"{"resourceVersion":"7"}"#),
        ("{}", r#"{"resourceVersion":"7"}"#),
        (
            " { \"metadata\" : { \"name\" : \"}\\\"{\" } } ",
            "{ \"name\" : \"}\\\"{\",\"resourceVersion\":\"7\" }",
        ),
    ];
    for (object, metadata) in cases {
        let (whole, found) = spliced(object.as_bytes(), 7);
        assert_eq!(found, metadata, "of {object}");
        let mut wanted: Value = serde_json::from_str(object).unwrap();
        if !wanted["metadata"].is_object() {
            wanted["metadata"] = json!({});
        }
        wanted["metadata"]["resourceVersion"] = json!("7");
        assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), wanted);
    }
}

#[test]
fn sorted_objects_stay_byte_for_byte_sorted() {
    let object =
        json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "uid": "u"}, "spec": {"x": [1, {"y": "z"}]}});
    let mut wanted = object.clone();
    wanted["metadata"]["resourceVersion"] = json!("42");
    assert_eq!(spliced(object.to_string().as_bytes(), 42).0, wanted.to_string());
}

#[test]
fn broken_bytes_are_an_error() {
    for object in [
        "",
        "[]",
        "1",
        "{",
        r#"{"metadata""#,
        r#"{"metadata":"#,
        r#"{"metadata":{"#,
        r#"{"metadata":{"a":"\"#,
        r#"{"a":}"#,
        r#"{"a" 1}"#,
    ] {
        assert!(splice(&mut Vec::new(), object.as_bytes(), 1).is_err(), "{object}");
    }
}

#[test]
fn members_are_found_raw() {
    let object = br#"{"name":"a","uid":"6-7","n":{"uid":"no"}}"#;
    assert_eq!(member(object, "uid"), Some(&br#""6-7""#[..]));
    assert_eq!(member(object, "gone"), None);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("metadata".to_owned()),
        Just("resourceVersion".to_owned()),
        "[a-z]{1,3}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn any_object_gets_exactly_its_version(
        members in prop::collection::btree_map(key(), json_value(), 0..8),
        revision in any::<u64>(),
        pretty in any::<bool>(),
    ) {
        let object = Value::Object(members.into_iter().collect());
        let bytes = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) }.unwrap();
        let (whole, metadata) = spliced(&bytes, revision);
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let mut wanted = read;
        if !wanted["metadata"].is_object() {
            wanted["metadata"] = json!({});
        }
        wanted["metadata"]["resourceVersion"] = json!(revision.to_string());
        prop_assert_eq!(&serde_json::from_str::<Value>(&whole).unwrap(), &wanted);
        prop_assert_eq!(&serde_json::from_str::<Value>(&metadata).unwrap(), &wanted["metadata"]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = splice(&mut Vec::new(), &bytes, 1);
    }
}
