//! Values that may be absent.

use super::{Budget, Fault, Value};

type Outcome<'a> = Result<Value<'a>, Fault>;

pub(super) fn none<'a>(_arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Optional(None))
}

pub(super) fn of<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::some(arguments[0].clone()))
}

pub(super) fn of_non_zero<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(match is_zero(&arguments[0]) {
        true => Value::Optional(None),
        false => Value::some(arguments[0].clone()),
    })
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Optional(None) => true,
        Value::Double(value) => *value == 0.0,
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Duration(duration) => duration.is_zero(),
        Value::Object(fields, _) => fields.is_empty(),
        Value::Map(map) => map.is_empty(),
        value => value.length() == Some(0),
    }
}

/// What is there of a list of optional values.
pub(super) fn unwrap<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    budget.traverse(arguments[0].length().unwrap_or(0))?;
    let mut held = Vec::new();
    for item in arguments[0].items() {
        match item? {
            Value::Optional(item) => held.extend(item.map(|item| (*item).clone())),
            _ => return Err(Fault::NoSuchOverload),
        }
    }
    Ok(Value::list(held))
}

fn held<'v, 'a>(value: &'v Value<'a>) -> Result<Option<&'v Value<'a>>, Fault> {
    match value {
        Value::Optional(held) => Ok(held.as_deref()),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn has_value<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(held(&arguments[0])?.is_some()))
}

pub(super) fn value<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let held = held(&arguments[0])?.cloned();
    held.ok_or_else(|| Fault::error("optional.none() dereference"))
}

pub(super) fn or<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let chosen = usize::from(held(&arguments[0])?.is_none());
    Ok(arguments[chosen].clone())
}

pub(super) fn or_value<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(held(&arguments[0])?.unwrap_or(&arguments[1]).clone())
}
