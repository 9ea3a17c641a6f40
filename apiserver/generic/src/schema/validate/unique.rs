//! Items of set and map lists are unique.

use std::{borrow::Cow, collections::HashMap};

use serde_json::{Map, Value};

use super::Problems;
use crate::{
    schema::{
        ListType, Schema,
        node::{Additional, Property},
        path::Path,
    },
    status::FieldError,
};

/// Checks the lists at and below a value. Metadata is left out: its lists have rules of their own.
pub(super) fn check(schema: &Schema, value: &Value, path: Path<'_>, problems: &mut Problems) {
    if !schema.has_unique_lists {
        return;
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, problems),
        Value::Array(items) => check_list(schema, items, path, problems),
        _ => {}
    }
}

/// Whether a value has any such list with repeated items.
pub(super) fn has_repeated(schema: &Schema, value: &Value) -> bool {
    let mut problems = Problems::counted();
    check(schema, value, Path::Root, &mut problems);
    problems.found
}

fn check_fields(schema: &Schema, fields: &Map<String, Value>, path: Path<'_>, problems: &mut Problems) {
    if let Additional::Schema(values) = &schema.additional {
        for (name, value) in fields {
            check(values, value, Path::Key(&path, name), problems);
        }
    }
    for Property { name, schema } in &schema.properties {
        if let Some(value) = fields.get(name.as_ref()) {
            check(schema, value, Path::Field(&path, name), problems);
        }
    }
}

fn check_list(schema: &Schema, items: &[Value], path: Path<'_>, problems: &mut Problems) {
    match schema.list_type() {
        ListType::Atomic => {}
        ListType::Set => check_set(items, path, problems),
        ListType::Map(keys) => check_map(items, keys, path, problems),
    }
    if let Some(item_schema) = schema.items() {
        for (index, item) in items.iter().enumerate() {
            check(item_schema, item, Path::Index(&path, index), problems);
        }
    }
}

fn check_set(items: &[Value], path: Path<'_>, problems: &mut Problems) {
    for_each_repeated(items.iter().map(Cow::Borrowed), |index, item| {
        problems.add(|| FieldError::duplicate(Path::Index(&path, index).to_string(), item.clone()));
    });
}

fn check_map(items: &[Value], keys: &[String], path: Path<'_>, problems: &mut Problems) {
    if let Some((index, item)) = items
        .iter()
        .enumerate()
        .find(|(_, item)| !item.is_object() && !item.is_null())
    {
        let detail = "must be an object for an array of list-type map";
        problems.add(|| FieldError::invalid(Path::Index(&path, index).to_string(), item.clone(), detail));
        return;
    }
    for_each_repeated(items.iter().map(|item| keys_of(item, keys)), |index, key| {
        let shown = shown_key(key, keys);
        problems.add(|| FieldError::duplicate(Path::Index(&path, index).to_string(), shown));
    });
}

/// What tells an item apart: the value of its only key, or an object of its keys. An absent key is an empty object, which
/// no scalar equals.
fn keys_of<'a>(item: &'a Value, keys: &[String]) -> Cow<'a, Value> {
    if let [key] = keys {
        return match item.get(key) {
            Some(value) => Cow::Borrowed(value),
            None => Cow::Owned(Value::Object(Map::new())),
        };
    }
    let present = keys
        .iter()
        .filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
    Cow::Owned(Value::Object(present.collect()))
}

/// The key as an error shows it: always an object.
fn shown_key(key: &Value, keys: &[String]) -> Value {
    match keys {
        [name] if !key.is_object() => Value::Object(Map::from_iter([(name.clone(), key.clone())])),
        _ => key.clone(),
    }
}

/// Calls `found` once for every value that repeats, at its second place.
fn for_each_repeated<'a>(values: impl ExactSizeIterator<Item = Cow<'a, Value>>, mut found: impl FnMut(usize, &Value)) {
    if values.len() < 2 {
        return;
    }
    let mut seen: HashMap<Cow<'a, Value>, bool> = HashMap::with_capacity(values.len());
    for (index, value) in values.enumerate() {
        match seen.get_mut(&value) {
            None => {
                seen.insert(value, false);
            }
            Some(reported) if !*reported => {
                *reported = true;
                found(index, &value);
            }
            Some(_) => {}
        }
    }
}
