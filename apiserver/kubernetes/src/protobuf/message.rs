//! From the fields of a message to the fields of an object.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::wire::{self, Fields, Wire};
use crate::structs::{Field, Many, Shape, Struct, Table};

/// Messages nest no deeper than this in any core kind.
const DEEPEST: usize = 32;

/// The object that the bytes of a message hold.
pub(super) fn decode(message: &Struct, bytes: &[u8]) -> Result<Map<String, Value>, String> {
    nested(message, bytes, 0)
}

fn nested(message: &Struct, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, String> {
    if depth > DEEPEST {
        return Err("protobuf: messages nest too deeply".to_owned());
    }
    let mut object = Map::new();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        // A newer client may send fields that are not known here.
        let Some(field) = message.numbered(number) else {
            continue;
        };
        if field.name.is_empty() {
            if let Value::Object(fields) = value(field.shape, wire, depth)? {
                object.extend(fields);
            }
            continue;
        }
        add(&mut object, field, wire, depth)?;
    }
    Ok(object)
}

fn add(object: &mut Map<String, Value>, field: &Field, wire: Wire<'_>, depth: usize) -> Result<(), String> {
    let name = String::from(&*field.name);
    match field.many {
        Many::One => {
            let value = value(field.shape, wire, depth)?;
            if field.may_be_zero || !is_zero(&value) {
                object.insert(name, value);
            }
        }
        Many::List => {
            let value = value(field.shape, wire, depth)?;
            if let Value::Array(list) = object.entry(name).or_insert_with(|| json!([])) {
                list.push(value);
            }
        }
        Many::Map => {
            let (key, value) = entry(field.shape, wire, depth)?;
            if let Value::Object(map) = object.entry(name).or_insert_with(|| json!({})) {
                map.insert(key, value);
            }
        }
    }
    Ok(())
}

/// Go writes absent texts, numbers, times and structs as their zero values.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn entry(shape: Shape, wire: Wire<'_>, depth: usize) -> Result<(String, Value), String> {
    let (mut key, mut held) = (String::new(), None);
    for field in Fields(bytes(wire)?) {
        match field? {
            (1, wire) => wire::text(bytes(wire)?)?.clone_into(&mut key),
            (2, wire) => held = Some(value(shape, wire, depth)?),
            _ => {}
        }
    }
    let held = match held {
        Some(held) => held,
        None => value(shape, Wire::Bytes(&[]), depth)?,
    };
    Ok((key, held))
}

fn value(shape: Shape, wire: Wire<'_>, depth: usize) -> Result<Value, String> {
    Ok(match shape {
        Shape::Bool => (number(wire)? != 0).into(),
        Shape::Int => number(wire)?.into(),
        Shape::Text => wire::text(bytes(wire)?)?.into(),
        Shape::Bytes => STANDARD.encode(bytes(wire)?).into(),
        Shape::Quantity => wire::text(first(bytes(wire)?)?)?.into(),
        Shape::Items => items(bytes(wire)?)?,
        Shape::IntOrString => int_or_string(bytes(wire)?)?,
        Shape::Json => {
            let text = first(bytes(wire)?)?;
            serde_json::from_slice(text).map_err(|error| format!("protobuf: {error}"))?
        }
        Shape::Time => time(bytes(wire)?, Unit::Second)?,
        Shape::MicroTime => time(bytes(wire)?, Unit::Microsecond)?,
        Shape::Struct(id) => nested(Table::get().of(id), bytes(wire)?, depth + 1)?.into(),
    })
}

fn bytes(wire: Wire<'_>) -> Result<&[u8], String> {
    match wire {
        Wire::Bytes(bytes) => Ok(bytes),
        _ => Err("protobuf: a number where bytes are expected".to_owned()),
    }
}

fn number(wire: Wire<'_>) -> Result<i64, String> {
    match wire {
        Wire::Varint(number) => Ok(number.cast_signed()),
        _ => Err("protobuf: bytes where a number is expected".to_owned()),
    }
}

/// The first field, empty when it is absent.
fn first(message: &[u8]) -> Result<&[u8], String> {
    for field in Fields(message) {
        if let (1, Wire::Bytes(bytes)) = field? {
            return Ok(bytes);
        }
    }
    Ok(&[])
}

fn items(message: &[u8]) -> Result<Value, String> {
    let mut items = Vec::new();
    for field in Fields(message) {
        if let (1, Wire::Bytes(text)) = field? {
            items.push(Value::from(wire::text(text)?));
        }
    }
    Ok(items.into())
}

/// Type (0 for a number), number, text.
fn int_or_string(message: &[u8]) -> Result<Value, String> {
    let (mut is_text, mut number_value, mut text) = (false, 0, "");
    for field in Fields(message) {
        match field? {
            (1, wire) => is_text = number(wire)? == 1,
            (2, wire) => number_value = number(wire)?,
            (3, wire) => text = wire::text(bytes(wire)?)?,
            _ => {}
        }
    }
    Ok(if is_text { text.into() } else { number_value.into() })
}

/// Seconds and nanoseconds since 1970 as RFC 3339; the zero time is null.
fn time(message: &[u8], precision: Unit) -> Result<Value, String> {
    let (mut seconds, mut nanoseconds) = (0, 0);
    for field in Fields(message) {
        match field? {
            (1, wire) => seconds = number(wire)?,
            (2, wire) => nanoseconds = number(wire)?,
            _ => {}
        }
    }
    if seconds == 0 && nanoseconds == 0 {
        return Ok(Value::Null);
    }
    let nanoseconds = i32::try_from(nanoseconds).map_err(|error| format!("protobuf: {error}"))?;
    let time = Timestamp::new(seconds, nanoseconds).map_err(|error| format!("protobuf: {error}"))?;
    Ok(if precision == Unit::Microsecond {
        format!("{time:.6}")
    } else {
        format!("{time:.0}")
    }
    .into())
}
