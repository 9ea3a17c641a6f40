//! `metadata` as the typed struct that kube-apiserver decodes it into: what does not fit is refused in its decoder's words, and what
//! that struct leaves out when it is empty goes.

use serde_json::{Map, Value};

use crate::{registry::object, schema::decode::word};

/// What a field of ObjectMeta is decoded into.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Time,
    Texts,
    TextMap,
    List(&'static str),
}

const FIELDS: [(&str, Kind); 14] = [
    ("name", Kind::Text),
    ("generateName", Kind::Text),
    ("namespace", Kind::Text),
    ("selfLink", Kind::Text),
    ("uid", Kind::Text),
    ("resourceVersion", Kind::Text),
    ("generation", Kind::Integer),
    ("creationTimestamp", Kind::Time),
    ("deletionTimestamp", Kind::Time),
    ("deletionGracePeriodSeconds", Kind::Integer),
    ("labels", Kind::TextMap),
    ("annotations", Kind::TextMap),
    ("ownerReferences", Kind::List("[]v1.OwnerReference")),
    ("finalizers", Kind::Texts),
];

/// The first thing in `metadata` that its struct can't hold.
pub(super) fn problem(object: &Value) -> Option<String> {
    match &object["metadata"] {
        Value::Null => None,
        Value::Object(metadata) => FIELDS
            .iter()
            .find_map(|(field, kind)| problem_of(field, *kind, metadata.get(*field)?)),
        other => Some(format!(
            "json: cannot unmarshal {} into Go value of type v1.ObjectMeta",
            word(other)
        )),
    }
}

/// Removes what the struct leaves out: empty texts, lists and maps, and null.
pub(super) fn tidy(object: &mut Value) {
    let metadata = object::metadata_mut(object);
    for (field, _) in FIELDS {
        if metadata.get(field).is_some_and(is_empty) {
            metadata.remove(field);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn problem_of(field: &str, kind: Kind, value: &Value) -> Option<String> {
    let mistyped = |value: &Value, expected: &str| {
        let found = word(value);
        Some(format!(
            "json: cannot unmarshal {found} into Go struct field ObjectMeta.{field} of type {expected}"
        ))
    };
    let text = |value: &Value| match value {
        Value::Null | Value::String(_) => None,
        other => mistyped(other, "string"),
    };
    match (kind, value) {
        (_, Value::Null) | (Kind::List(_), Value::Array(_)) => None,
        (Kind::Text, value) => text(value),
        (Kind::Integer, value) if value.is_i64() => None,
        (Kind::Integer, value) => mistyped(value, "int64"),
        (Kind::Time, Value::String(time)) => time_problem(time),
        (Kind::Time, other) => Some(format!(
            "json: cannot unmarshal {} into Go value of type string",
            word(other)
        )),
        (Kind::Texts, Value::Array(items)) => items.iter().find_map(text),
        (Kind::Texts, value) => mistyped(value, "[]string"),
        (Kind::TextMap, Value::Object(fields)) => sorted(fields).into_iter().find_map(text),
        (Kind::TextMap, value) => mistyped(value, "map[string]string"),
        (Kind::List(expected), value) => mistyped(value, expected),
    }
}

fn sorted(fields: &Map<String, Value>) -> Vec<&Value> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(key, _)| key.as_str());
    fields.into_iter().map(|(_, value)| value).collect()
}

fn time_problem(time: &str) -> Option<String> {
    const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";
    if time.parse::<jiff::Timestamp>().is_ok() {
        return None;
    }
    // The decoder names the part of its layout where it gave up; the year is where most do.
    Some(format!(
        "parsing time {time:?} as {LAYOUT:?}: cannot parse {time:?} as \"2006\""
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let cases = [
            (
                json!([]),
                "json: cannot unmarshal array into Go value of type v1.ObjectMeta",
            ),
            (
                json!({"name": 1}),
                "json: cannot unmarshal number into Go struct field ObjectMeta.name of type string",
            ),
            (
                json!({"labels": {"a": 1}}),
                "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string",
            ),
            (
                json!({"labels": []}),
                "json: cannot unmarshal array into Go struct field ObjectMeta.labels of type map[string]string",
            ),
            (
                json!({"finalizers": "a"}),
                "json: cannot unmarshal string into Go struct field ObjectMeta.finalizers of type []string",
            ),
            (
                json!({"generation": 1.5}),
                "json: cannot unmarshal number into Go struct field ObjectMeta.generation of type int64",
            ),
        ];
        for (metadata, expected) in cases {
            assert_eq!(problem(&json!({"metadata": metadata})).as_deref(), Some(expected));
        }
        assert_eq!(
            problem(&json!({"metadata": {"name": null, "labels": {"a": null}, "creationTimestamp": null}})),
            None
        );
        assert!(problem(&json!({"metadata": {"creationTimestamp": "soon"}})).is_some());
    }

    #[test]
    fn what_is_empty_goes() {
        let mut object =
            json!({"metadata": {"name": "a", "labels": {}, "finalizers": [], "generateName": "", "managedFields": []}});
        tidy(&mut object);
        assert_eq!(object, json!({"metadata": {"name": "a", "managedFields": []}}));
    }
}
