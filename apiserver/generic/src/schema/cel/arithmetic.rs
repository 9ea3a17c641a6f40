//! The operators that make values of values.

use super::{
    compare,
    fault::{Budget, Fault},
    time,
    value::{Text, Value},
};
use crate::schema::ListType;

fn overflow() -> Fault {
    Fault::error("integer overflow")
}

fn unsigned_overflow() -> Fault {
    Fault::error("unsigned integer overflow")
}

pub(super) fn add<'a>(a: Value<'a>, b: Value<'a>, budget: &mut Budget) -> Result<Value<'a>, Fault> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_add(b).map(Value::Uint).ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        (Value::Text(a), Value::Text(b)) => join_texts(&a, &b, budget),
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.traverse(a.len() + b.len())?;
            Ok(Value::Bytes([&a[..], &b[..]].concat().into()))
        }
        (Value::Duration(a), Value::Duration(b)) => {
            let sum = a.checked_add(b).ok_or_else(|| Fault::error("duration overflow"))?;
            time::checked(sum).map(Value::Duration)
        }
        (Value::Timestamp(at), Value::Duration(by)) | (Value::Duration(by), Value::Timestamp(at)) => {
            at.shifted(by).map(Value::Timestamp)
        }
        (a @ (Value::Array(..) | Value::List(_)), b @ (Value::Array(..) | Value::List(_))) => {
            join_lists(&a, &b, budget)
        }
        _ => Err(Fault::NoSuchOverload),
    }
}

fn join_texts<'a>(a: &Text<'_>, b: &Text<'_>, budget: &mut Budget) -> Result<Value<'a>, Fault> {
    budget.traverse(a.len() + b.len())?;
    Ok(Value::text([&**a, &**b].concat()))
}

/// Sets and map lists of the resource are united, others put one after the other.
fn join_lists<'a>(a: &Value<'a>, b: &Value<'a>, budget: &mut Budget) -> Result<Value<'a>, Fault> {
    budget.traverse(a.length().unwrap_or(0) + b.length().unwrap_or(0))?;
    let mut joined = a.items().collect::<Result<Vec<_>, Fault>>()?;
    let list_type = match a {
        Value::Array(_, schema) => schema.list_type(),
        _ => ListType::Atomic,
    };
    for item in b.items() {
        let item = item?;
        match list_type {
            ListType::Atomic => joined.push(item),
            ListType::Set => {
                if place(&joined, &item, compare::equal, budget)?.is_none() {
                    joined.push(item);
                }
            }
            ListType::Map(keys) => {
                let same_keys = |a: &Value<'_>, b: &Value<'_>, budget: &mut Budget| have_same(keys, a, b, budget);
                match place(&joined, &item, same_keys, budget)? {
                    Some(at) => joined[at] = item,
                    None => joined.push(item),
                }
            }
        }
    }
    Ok(Value::list(joined))
}

/// Where a list has an item that is the same as this one.
fn place(
    items: &[Value<'_>],
    item: &Value<'_>,
    same: impl Fn(&Value<'_>, &Value<'_>, &mut Budget) -> Result<bool, Fault>,
    budget: &mut Budget,
) -> Result<Option<usize>, Fault> {
    for (at, other) in items.iter().enumerate() {
        if same(other, item, budget)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn have_same(keys: &[String], a: &Value<'_>, b: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    for key in keys {
        let same = match (a.field(key)?, b.field(key)?) {
            (Some(a), Some(b)) => compare::equal(&a, &b, budget)?,
            (a, b) => a.is_none() && b.is_none(),
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn subtract<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_sub(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_sub(*b).map(Value::Uint).ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        (Value::Duration(a), Value::Duration(b)) => {
            let difference = a.checked_sub(*b).ok_or_else(|| Fault::error("duration overflow"))?;
            time::checked(difference).map(Value::Duration)
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => a.since(*b).map(Value::Duration),
        (Value::Timestamp(at), Value::Duration(by)) => {
            let by = by.checked_neg().ok_or_else(|| Fault::error("duration overflow"))?;
            at.shifted(by).map(Value::Timestamp)
        }
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn multiply<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_mul(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => a.checked_mul(*b).map(Value::Uint).ok_or_else(unsigned_overflow),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn divide<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err(Fault::error("division by zero")),
        (Value::Int(a), Value::Int(b)) => a.checked_div(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a / b)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn remainder<'a>(a: &Value<'a>, b: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => Err(Fault::error("modulus by zero")),
        (Value::Int(a), Value::Int(b)) => a.checked_rem(*b).map(Value::Int).ok_or_else(overflow),
        (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a % b)),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn negate<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(overflow),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Duration(value) => {
            let negated = value.checked_neg().ok_or_else(|| Fault::error("duration overflow"))?;
            time::checked(negated).map(Value::Duration)
        }
        _ => Err(Fault::NoSuchOverload),
    }
}
