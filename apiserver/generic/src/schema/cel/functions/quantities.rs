//! Quantities such as `1.5Gi`.

use super::{Budget, Fault, Value};
use crate::quantity::{NoQuantity, Quantity};

type Outcome<'a> = Result<Value<'a>, Fault>;

pub(super) fn quantity<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    parsed(&arguments[0], budget)?
        .map(Value::Quantity)
        .ok_or_else(|| Fault::error(NoQuantity::Form.to_string()))
}

pub(super) fn is_quantity<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(parsed(&arguments[0], budget)?.is_some()))
}

fn parsed(value: &Value<'_>, budget: &mut Budget) -> Result<Option<Quantity>, Fault> {
    match value {
        Value::Text(text) => {
            budget.traverse(text.len())?;
            Ok(text.parse().ok())
        }
        _ => Err(Fault::NoSuchOverload),
    }
}

fn read(value: &Value<'_>) -> Result<Quantity, Fault> {
    match value {
        Value::Quantity(quantity) => Ok(*quantity),
        Value::Int(whole) => Ok(Quantity::whole(*whole)),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn sign<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Int(read(&arguments[0])?.sign()))
}

pub(super) fn is_integer<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(read(&arguments[0])?.integer().is_some()))
}

pub(super) fn as_integer<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let whole = read(&arguments[0])?.integer();
    whole
        .map(Value::Int)
        .ok_or_else(|| Fault::error("cannot convert value to integer"))
}

pub(super) fn as_approximate_float<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Double(read(&arguments[0])?.approximate()))
}

pub(super) fn add<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Quantity(read(&arguments[0])?.plus(read(&arguments[1])?)))
}

pub(super) fn sub<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Quantity(read(&arguments[0])?.minus(read(&arguments[1])?)))
}

pub(super) fn is_greater<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(read(&arguments[0])? > read(&arguments[1])?))
}

pub(super) fn is_less<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(read(&arguments[0])? < read(&arguments[1])?))
}

pub(super) fn compare<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let order = read(&arguments[0])?.cmp(&read(&arguments[1])?);
    Ok(Value::Int(order as i64))
}
