//! Removing fields from a value.

use serde_json::{Map, Value};

use super::{
    path::PathElement,
    set::FieldSet,
    typed::{Form, Type},
};

/// The value without these fields. An object that loses all its fields goes too, except for the root.
pub(super) fn remove(r#type: Type<'_>, value: &Value, fields: &FieldSet) -> Value {
    match r#type.form(value) {
        Form::Map(object) => Value::Object(remove_fields(r#type, object, fields)),
        Form::List(items) => Value::Array(remove_items(r#type, items, fields)),
        Form::Leaf | Form::Null => value.clone(),
    }
}

fn remove_fields(r#type: Type<'_>, object: &Map<String, Value>, fields: &FieldSet) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in object {
        let node = fields.node(&PathElement::field(name));
        let rest = match node {
            Some(node) if node.member => continue,
            Some(node) => remove(r#type.field(name).r#type, value, &node.below),
            None => value.clone(),
        };
        if !(is_empty(&rest) && !is_empty(value)) {
            kept.insert(name.clone(), rest);
        }
    }
    kept
}

fn remove_items(list: Type<'_>, items: &[Value], fields: &FieldSet) -> Vec<Value> {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        let node = list.item_element(item).and_then(|element| fields.node(&element));
        match node {
            Some(node) if node.member => {}
            Some(node) => kept.push(with_keys(list, item, remove(list.item(), item, &node.below))),
            None => kept.push(item.clone()),
        }
    }
    kept
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

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
