//! `FieldsV1`: how field sets are stored in `metadata.managedFields`.

use serde_json::{Map, Value};

use super::{
    path::{PathElement, Unreadable},
    set::FieldSet,
};

/// The key that makes the element itself a member, beside what is below it.
const SELF: &str = ".";

/// A `fieldsV1` value that is no field set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFields;

/// Reads a `fieldsV1` value; absent or null is the empty set.
pub(super) fn parse(fields: Option<&Value>) -> Result<FieldSet, NotFields> {
    match fields {
        None | Some(Value::Null) => Ok(FieldSet::default()),
        Some(Value::Object(fields)) => parse_map(fields),
        Some(_) => Err(NotFields),
    }
}

fn parse_map(fields: &Map<String, Value>) -> Result<FieldSet, NotFields> {
    let mut set = FieldSet::default();
    for (key, content) in fields {
        if key == SELF {
            continue;
        }
        let element = match PathElement::parse(key) {
            Ok(element) => element,
            Err(Unreadable::UnknownKind) => continue,
            Err(Unreadable::Malformed) => return Err(NotFields),
        };
        let below = parse(Some(content))?;
        let member = below.is_empty() || content.get(SELF).is_some();
        set.push(element, member, below);
    }
    Ok(set)
}

/// The `fieldsV1` value of a set.
pub(super) fn serialize(set: &FieldSet) -> Value {
    Value::Object(serialize_map(set, false))
}

fn serialize_map(set: &FieldSet, with_self: bool) -> Map<String, Value> {
    let mut fields = Map::new();
    if with_self {
        fields.insert(SELF.to_owned(), Value::Object(Map::new()));
    }
    for node in &set.nodes {
        let with_self = node.member && !node.below.is_empty();
        fields.insert(
            node.element.serialize(),
            Value::Object(serialize_map(&node.below, with_self)),
        );
    }
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn round_trip() {
        let stored = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, "v:\"a/b\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:n": {}},
        });
        let set = parse(Some(&stored)).unwrap();
        assert_eq!(serialize(&set), stored);
        assert_eq!(
            set.to_string(),
            ".metadata.finalizers\n.metadata.labels\n.metadata.finalizers[=\"a/b\"]\n.metadata.labels.app\n.spec.n\n\
             .spec.ports[port=80,protocol=\"TCP\"]\n.spec.ports[port=80,protocol=\"TCP\"].port"
        );
    }

    #[test]
    fn what_other_servers_write() {
        assert_eq!(parse(None), Ok(FieldSet::default()));
        assert_eq!(parse(Some(&json!(null))), Ok(FieldSet::default()));
        assert_eq!(parse(Some(&json!({"x:future": {}}))), Ok(FieldSet::default()));
        assert_eq!(
            parse(Some(&json!({"f:a": {".": {}}}))),
            parse(Some(&json!({"f:a": {}})))
        );
        for broken in [
            json!([]),
            json!("x"),
            json!({"a": {}}),
            json!({"f:a": 1}),
            json!({"k:[]": {}}),
        ] {
            assert_eq!(parse(Some(&broken)), Err(NotFields), "{broken}");
        }
    }
}
