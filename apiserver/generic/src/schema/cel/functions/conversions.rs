//! From one type to another.

use super::{Budget, Fault, Value};
use crate::schema::cel::{
    time::{self, Timestamp},
    value::Key,
};

type Outcome<'a> = Result<Value<'a>, Fault>;

pub(super) fn type_of<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Type(arguments[0].type_name()))
}

pub(super) fn dynamic<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(arguments[0].clone())
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "within these bounds, as cel-go cuts a fraction off"
)]
pub(super) fn int<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let overflow = || Fault::error("integer overflow");
    Ok(Value::Int(match &arguments[0] {
        Value::Int(value) => *value,
        Value::Uint(value) => i64::try_from(*value).map_err(|_| overflow())?,
        Value::Double(value) if *value > i64::MIN as f64 && *value < i64::MAX as f64 => *value as i64,
        Value::Double(_) => return Err(overflow()),
        Value::Text(text) => text.parse().map_err(|_| Fault::conversion("string", "int"))?,
        Value::Timestamp(time) => time.at.as_second(),
        Value::Duration(duration) => i64::try_from(duration.as_nanos()).map_err(|_| overflow())?,
        other => return Err(Fault::conversion(other.type_name(), "int")),
    }))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "within these bounds, as cel-go cuts a fraction off"
)]
pub(super) fn uint<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let overflow = || Fault::error("unsigned integer overflow");
    Ok(Value::Uint(match &arguments[0] {
        Value::Int(value) => u64::try_from(*value).map_err(|_| overflow())?,
        Value::Uint(value) => *value,
        Value::Double(value) if *value >= 0.0 && *value < u64::MAX as f64 => *value as u64,
        Value::Double(_) => return Err(overflow()),
        Value::Text(text) => text.parse().map_err(|_| Fault::conversion("string", "uint"))?,
        other => return Err(Fault::conversion(other.type_name(), "uint")),
    }))
}

#[allow(clippy::cast_precision_loss, reason = "the precision that a float has")]
pub(super) fn double<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Double(match &arguments[0] {
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        Value::Double(value) => *value,
        Value::Text(text) => text.parse().map_err(|_| Fault::conversion("string", "double"))?,
        other => return Err(Fault::conversion(other.type_name(), "double")),
    }))
}

pub(super) fn bool<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(match &arguments[0] {
        Value::Bool(value) => *value,
        Value::Text(text) => match &**text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return Err(Fault::conversion("string", "bool")),
        },
        other => return Err(Fault::conversion(other.type_name(), "bool")),
    }))
}

pub(super) fn string<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    match &arguments[0] {
        Value::Text(_) => Ok(arguments[0].clone()),
        Value::Bytes(bytes) => {
            budget.traverse(bytes.len())?;
            let text = std::str::from_utf8(bytes);
            text.map(Value::text)
                .map_err(|_| Fault::error("invalid UTF-8 in bytes, cannot convert to string"))
        }
        value @ (Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Duration(_)
        | Value::Timestamp(_)) => Ok(Value::text(shown(value))),
        other => Err(Fault::conversion(other.type_name(), "string")),
    }
}

/// A scalar as a text.
pub(super) fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Double(value) => double_text(*value),
        Value::Duration(duration) => time::duration_text(*duration),
        Value::Timestamp(time) => time.text(),
        Value::Type(name) => (*name).to_owned(),
        other => match Key::of(other) {
            Some(Key::Bool(value)) => value.to_string(),
            Some(Key::Int(value)) => value.to_string(),
            Some(Key::Uint(value)) => value.to_string(),
            Some(Key::Text(text)) => text.to_string(),
            None => String::new(),
        },
    }
}

/// As Go's `strconv` writes it by `g`: the shortest form, with an exponent below 1e-4 and from 1e6 on.
fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

pub(super) fn bytes<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    match &arguments[0] {
        Value::Bytes(_) => Ok(arguments[0].clone()),
        Value::Text(text) => {
            budget.traverse(text.len())?;
            Ok(Value::Bytes(text.as_bytes().into()))
        }
        other => Err(Fault::conversion(other.type_name(), "bytes")),
    }
}

pub(super) fn duration<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    match &arguments[0] {
        Value::Duration(_) => Ok(arguments[0].clone()),
        Value::Int(nanos) => Ok(Value::Duration(jiff::SignedDuration::from_nanos(*nanos))),
        Value::Text(text) => time::parse_duration(text)
            .map(Value::Duration)
            .ok_or_else(|| Fault::conversion("string", "google.protobuf.Duration")),
        other => Err(Fault::conversion(other.type_name(), "google.protobuf.Duration")),
    }
}

pub(super) fn timestamp<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    match &arguments[0] {
        Value::Timestamp(_) => Ok(arguments[0].clone()),
        Value::Int(seconds) => Timestamp::from_seconds(*seconds)
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::error("timestamp overflow")),
        Value::Text(text) => time::parse_date_time(text)
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::conversion("string", "google.protobuf.Timestamp")),
        other => Err(Fault::conversion(other.type_name(), "google.protobuf.Timestamp")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_read_as_gos() {
        let table = [
            (1.0, "1"),
            (0.5, "0.5"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (1.5e-5, "1.5e-05"),
            (f64::INFINITY, "+Inf"),
        ];
        for (value, text) in table {
            assert_eq!(double_text(value), text);
        }
    }
}
