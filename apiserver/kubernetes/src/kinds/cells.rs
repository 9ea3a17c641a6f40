//! Reading fields of objects, and the columns that are made of them.

use generic_apiserver::registry::{Cell, Column};
use serde_json::Value;

/// The text at a JSON pointer such as `/spec/nodeName`, or empty.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The text at a JSON pointer, or none where it is absent or empty.
pub(super) fn some_text(object: &Value, pointer: &str) -> Option<String> {
    Some(text(object, pointer))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The whole number at a JSON pointer, or 0.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
}

/// The items of the list at a JSON pointer; none where it is absent.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// How many entries the map at a JSON pointer has.
pub(super) fn entries(object: &Value, pointer: &str) -> usize {
    object
        .pointer(pointer)
        .and_then(Value::as_object)
        .map_or(0, serde_json::Map::len)
}

/// `k=v,k2=v2` in order of the keys, or `<none>`: how selectors are shown.
pub(super) fn labels(object: &Value, pointer: &str) -> String {
    let pairs: Vec<String> = object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() {
        "<none>".to_owned()
    } else {
        pairs.join(",")
    }
}

/// `text`, or `other` where it is empty.
pub(super) fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

/// A column of text.
pub(super) fn column(name: &str, description: &str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name: name.to_owned(),
        r#type: "string".to_owned(),
        format: String::new(),
        description: description.to_owned(),
        priority: 0,
        cell: Cell::Compute(cell),
    }
}

/// A column that only `-o wide` shows.
pub(super) fn wide(name: &str, description: &str, cell: fn(&Value) -> Value) -> Column {
    Column {
        priority: 1,
        ..column(name, description, cell)
    }
}

/// A column of whole numbers.
pub(super) fn integer(name: &str, description: &str, cell: fn(&Value) -> Value) -> Column {
    Column {
        r#type: "integer".to_owned(),
        ..column(name, description, cell)
    }
}

/// A column that shows how long ago a time was; the cell is the time.
pub(super) fn since(name: &str, description: &str, cell: fn(&Value) -> Value) -> Column {
    Column {
        r#type: "date".to_owned(),
        ..column(name, description, cell)
    }
}

/// AGE.
pub(super) fn age() -> Column {
    since("Age", "How long ago the object was created.", |object| {
        text(object, "/metadata/creationTimestamp").into()
    })
}
