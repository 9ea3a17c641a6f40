//! Removing fields from a value.

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    set::FieldSet,
    typed::{Form, Type},
};

/// What becomes of an object or list that loses all it held, though nobody removed the field itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emptied {
    /// It stays as null: who owns the field keeps it.
    Null,
    /// It goes.
    Gone,
}

/// The object without these fields.
pub(super) fn remove(root: Type<'_>, object: &Value, fields: &FieldSet, emptied: Emptied) -> Value {
    rest_of(root, object, fields, emptied).unwrap_or_else(|| Value::Object(Map::new()))
}

/// What is left of a value; `None` where that is nothing.
fn rest_of(r#type: Type<'_>, value: &Value, fields: &FieldSet, emptied: Emptied) -> Option<Value> {
    match r#type.form(value) {
        Form::Map(object) => rest_of_map(r#type, object, fields, emptied),
        Form::List(items) => rest_of_list(r#type, items, fields, emptied),
        Form::Leaf | Form::Null => Some(value.clone()),
    }
}

fn rest_of_map(r#type: Type<'_>, object: &Map<String, Value>, fields: &FieldSet, emptied: Emptied) -> Option<Value> {
    let mut kept = Map::new();
    // An emptied field still counts as one that the object holds.
    let mut holds = false;
    for (name, value) in object {
        let rest = match fields.node(&PathElement::field(name)) {
            None => Some(value.clone()),
            Some(node) if node.member => continue,
            Some(node) => rest_of(r#type.field(name).r#type, value, &node.below, emptied),
        };
        holds = true;
        match rest {
            Some(rest) => kept.insert(name.clone(), rest),
            None if emptied == Emptied::Null => kept.insert(name.clone(), Value::Null),
            None => None,
        };
    }
    holds.then_some(Value::Object(kept))
}

fn rest_of_list(list: Type<'_>, items: &[Value], fields: &FieldSet, emptied: Emptied) -> Option<Value> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        let node = list.item_element(item).and_then(|element| fields.node(&element));
        match node {
            None => kept.push(item.clone()),
            Some(node) if node.member => {}
            Some(node) => {
                let rest = rest_of(list.item(), item, &node.below, emptied);
                kept.push(with_keys(list, item, rest.unwrap_or_else(|| Value::Object(Map::new()))));
            }
        }
    }
    (!kept.is_empty()).then_some(Value::Array(kept))
}

/// An item that stays keeps its keys: without them it would be no item of this list.
fn with_keys(list: Type<'_>, item: &Value, mut rest: Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (item, &mut rest) else {
        return rest;
    };
    for (name, value) in before.iter().filter(|(name, _)| list.is_key(name)) {
        after.entry(name.clone()).or_insert_with(|| value.clone());
    }
    rest
}
