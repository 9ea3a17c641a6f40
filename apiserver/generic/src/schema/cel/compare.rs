//! Which values are equal, and which comes first.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{
    fault::{Budget, Fault},
    value::{Key, Value},
};
use crate::schema::{Kind, ListType};

/// Whether two values are equal. Set and map lists of the resource are equal in any order.
pub(super) fn equal(a: &Value<'_>, b: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    budget.traverse(0)?;
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            number_order(a, b) == Some(Ordering::Equal)
        }
        (Value::Text(a), Value::Text(b)) => {
            budget.traverse(a.len().min(b.len()))?;
            **a == **b
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.traverse(a.len().min(b.len()))?;
            a == b
        }
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => a.at == b.at,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::Quantity(a), Value::Quantity(b)) => a == b,
        (Value::Url(a), Value::Url(b)) => a == b,
        (Value::Foreign(a), Value::Foreign(b)) => a == b,
        (Value::Unknown(a), Value::Unknown(b)) => {
            budget.traverse(json_size(a))?;
            a == b
        }
        (Value::Optional(a), Value::Optional(b)) => match (a, b) {
            (Some(a), Some(b)) => equal(a, b, budget)?,
            (a, b) => a.is_none() && b.is_none(),
        },
        (Value::Array(..) | Value::List(_), Value::Array(..) | Value::List(_)) => equal_lists(a, b, budget)?,
        (Value::Object(..) | Value::Map(_), Value::Object(..) | Value::Map(_)) => equal_maps(a, b, budget)?,
        _ => false,
    })
}

fn equal_lists(a: &Value<'_>, b: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    if a.length() != b.length() {
        return Ok(false);
    }
    let ordered = !matches!(a, Value::Array(_, schema) if schema.list_type() != ListType::Atomic);
    let mut same = true;
    for (a, b) in a.items().zip(b.items()) {
        if !equal(&a?, &b?, budget)? {
            same = false;
            break;
        }
    }
    if same || ordered {
        return Ok(same);
    }
    // Of a set or map list, the order doesn't count.
    for item in a.items() {
        if !contains(b, &item?, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a list has an item.
pub(super) fn contains(list: &Value<'_>, wanted: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    for item in list.items() {
        if equal(&item?, wanted, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal_maps(a: &Value<'_>, b: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    if let (Value::Object(a, schema), Value::Object(b, _)) = (a, b) {
        if a.len() != b.len() {
            return Ok(false);
        }
        // What the schema doesn't describe is compared as it is.
        for (name, value) in *a {
            if schema.kind() != Kind::Any && schema.field(name).is_none() {
                budget.traverse(json_size(value))?;
                if b.get(name) != Some(value) {
                    return Ok(false);
                }
            }
        }
    }
    let (Some(keys), Some(others)) = (a.keys(), b.keys()) else {
        return Ok(false);
    };
    if keys.len() != others.len() {
        return Ok(false);
    }
    for key in keys {
        let (Some(a), Some(b)) = (a.at(&key)?, b.at(&key)?) else {
            return Ok(false);
        };
        if !equal(&a, &b, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn json_size(json: &Json) -> usize {
    match json {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(json_size).sum::<usize>() + 1,
        Json::Object(fields) => fields.values().map(json_size).sum::<usize>() + fields.len() + 1,
        _ => 1,
    }
}

/// The order of two values of one type, or of two numbers.
pub(super) fn order(a: &Value<'_>, b: &Value<'_>, budget: &mut Budget) -> Result<Ordering, Fault> {
    Ok(match (a, b) {
        (Value::Int(_) | Value::Uint(_) | Value::Double(_), Value::Int(_) | Value::Uint(_) | Value::Double(_)) => {
            number_order(a, b).ok_or_else(|| Fault::error("NaN values cannot be ordered"))?
        }
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => {
            budget.traverse(a.len().min(b.len()))?;
            (**a).cmp(&**b)
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.traverse(a.len().min(b.len()))?;
            a.cmp(b)
        }
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.at.cmp(&b.at),
        _ => return Err(Fault::NoSuchOverload),
    })
}

/// The order of two numbers of any types; none for what is no number.
fn number_order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    let whole = |value: &Value<'_>| match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    };
    #[allow(
        clippy::cast_precision_loss,
        reason = "as cel-go compares a whole number with a float"
    )]
    let float = |value: &Value<'_>| match value {
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        Value::Double(value) => *value,
        _ => f64::NAN,
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => float(a).partial_cmp(&float(b)),
    }
}

/// Whether a list has the item or a map the key.
pub(super) fn is_in(value: &Value<'_>, container: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    match container {
        Value::Array(..) | Value::List(_) => contains(container, value, budget),
        Value::Object(..) => match value {
            Value::Text(_) => Ok(container.at(value)?.is_some()),
            _ => Err(Fault::NoSuchOverload),
        },
        Value::Map(map) => Ok(Key::of(value).is_some_and(|key| map.contains_key(&key))),
        _ => Err(Fault::NoSuchOverload),
    }
}
