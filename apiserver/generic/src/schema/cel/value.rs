//! The values of expressions. What belongs to the object is read in place, through its schema.

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::SignedDuration;
use serde_json::{Map, Value as Json};

use super::{
    fault::Fault,
    names,
    time::{self, Timestamp},
    url::Url,
};
use crate::{
    quantity::Quantity,
    schema::{Kind, Schema, formats::Format},
};

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Arc<[u8]>),
    Duration(SignedDuration),
    Timestamp(Timestamp),
    /// An object or a map of the resource; one that no schema describes has [`Schema::nothing`].
    Object(&'a Map<String, Json>, &'a Schema),
    /// A list of the resource, likewise.
    Array(&'a [Json], &'a Schema),
    /// A list that an expression made.
    List(Arc<Vec<Value<'a>>>),
    /// A map that an expression made.
    Map(Arc<BTreeMap<Key, Value<'a>>>),
    Optional(Option<Arc<Value<'a>>>),
    /// The type of a value, by its name.
    Type(&'static str),
    Quantity(Quantity),
    Url(Arc<Url>),
    /// What a function of kube-cel made: an address, a version, a format.
    Foreign(kube_cel::cel::Value),
    /// A part of the resource that no schema describes: it only equals itself.
    Unknown(&'a Json),
}

/// A string of the resource or of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

/// The key of a map that an expression made. A whole number is one key, signed or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Arc<str>),
}

impl Key {
    pub(super) fn of(value: &Value<'_>) -> Option<Key> {
        Some(match value {
            Value::Bool(value) => Key::Bool(*value),
            Value::Int(value) => Key::Int(*value),
            Value::Uint(value) => i64::try_from(*value).map_or(Key::Uint(*value), Key::Int),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "a whole float within these bounds is an integer"
            )]
            Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => Key::Int(*value as i64),
            Value::Text(text) => Key::Text(Arc::from(&**text)),
            _ => return None,
        })
    }

    pub(super) fn value<'a>(&self) -> Value<'a> {
        match self {
            Key::Bool(value) => Value::Bool(*value),
            Key::Int(value) => Value::Int(*value),
            Key::Uint(value) => Value::Uint(*value),
            Key::Text(text) => Value::Text(Text::Shared(text.clone())),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Value<'a> {
        Value::Text(Text::Shared(text.into()))
    }

    pub(super) fn list(items: Vec<Value<'a>>) -> Value<'a> {
        Value::List(Arc::new(items))
    }

    pub(super) fn some(value: Value<'a>) -> Value<'a> {
        Value::Optional(Some(Arc::new(value)))
    }

    /// The name of its type, as `type()` knows it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null_type",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Double(_) => "double",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Duration(_) => "google.protobuf.Duration",
            Value::Timestamp(_) => "google.protobuf.Timestamp",
            Value::Object(..) | Value::Map(_) => "map",
            Value::Array(..) | Value::List(_) => "list",
            Value::Optional(_) => "optional_type",
            Value::Type(_) => "type",
            Value::Quantity(_) => "kubernetes.Quantity",
            Value::Url(_) => "kubernetes.URL",
            Value::Foreign(_) => "kubernetes",
            Value::Unknown(_) => "unknown",
        }
    }

    /// Reads a value that no schema describes: it is what JSON says.
    pub(crate) fn untyped(json: &'a Json) -> Value<'a> {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(value) => Value::Int(value),
                None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(Text::Borrowed(text)),
            Json::Array(items) => Value::Array(items, Schema::nothing()),
            Json::Object(fields) => Value::Object(fields, Schema::nothing()),
        }
    }

    /// Its text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its items, if it is a list.
    pub(crate) fn as_list(&self) -> Option<Result<Vec<Value<'a>>, Fault>> {
        self.length().map(|_| self.items().collect())
    }

    /// Reads a part of the resource.
    pub(crate) fn read(json: &'a Json, schema: &'a Schema) -> Result<Value<'a>, Fault> {
        if json.is_null() {
            return if schema.nullable {
                Ok(Value::Null)
            } else {
                Err(Fault::error("invalid data, got null for schema with nullable=false"))
            };
        }
        if schema.int_or_string && schema.kind == Kind::Any {
            return match json {
                Json::String(text) => Ok(Value::Text(Text::Borrowed(text))),
                Json::Number(number) if number.is_i64() => Ok(Value::Int(number.as_i64().unwrap_or_default())),
                _ => Err(Fault::error(
                    "invalid data, expected XIntOrString value to be either a string or integer",
                )),
            };
        }
        match (schema.kind, json) {
            (Kind::Object, Json::Object(fields)) => Ok(Value::Object(fields, schema)),
            (Kind::Array, Json::Array(items)) if schema.items.is_some() => Ok(Value::Array(items, schema)),
            (Kind::String, Json::String(text)) => read_text(text, schema),
            (Kind::Number, Json::Number(number)) => Ok(Value::Double(number.as_f64().unwrap_or(f64::NAN))),
            (Kind::Integer, Json::Number(number)) => number
                .as_i64()
                .map(Value::Int)
                .ok_or_else(|| Fault::error("invalid data, expected int, got float64")),
            (Kind::Boolean, Json::Bool(value)) => Ok(Value::Bool(*value)),
            (Kind::Any, json) => Ok(Value::Unknown(json)),
            _ => Err(Fault::error("invalid data, not of the type in the schema")),
        }
    }

    /// The field of an object or the value of a map; none where there is none. `name` is as the expression writes it.
    pub(super) fn field(&self, name: &str) -> Result<Option<Value<'a>>, Fault> {
        match self {
            Value::Object(fields, schema) => read_field(fields, schema, name),
            Value::Map(map) => Ok(map.get(&Key::Text(Arc::from(name))).cloned()),
            _ => Err(Fault::NoSuchOverload),
        }
    }

    /// The item of a list or the value of a map; none where there is none.
    pub(super) fn at(&self, index: &Value<'_>) -> Result<Option<Value<'a>>, Fault> {
        match self {
            Value::Object(fields, schema) => match index {
                Value::Text(name) => read_field(fields, schema, name),
                _ => Err(Fault::NoSuchOverload),
            },
            Value::Map(map) => Ok(Key::of(index).and_then(|key| map.get(&key).cloned())),
            Value::Array(..) | Value::List(_) => {
                let Some(Key::Int(index)) = Key::of(index) else {
                    return Err(Fault::error("unsupported index"));
                };
                usize::try_from(index).map_or(Ok(None), |index| self.item(index).transpose())
            }
            _ => Err(Fault::NoSuchOverload),
        }
    }

    /// The item of a list at a place.
    pub(super) fn item(&self, index: usize) -> Option<Result<Value<'a>, Fault>> {
        match self {
            Value::Array(items, schema) => {
                let item = items.get(index)?;
                Some(match schema.items() {
                    Some(schema) => Value::read(item, schema),
                    None => Ok(Value::untyped(item)),
                })
            }
            Value::List(items) => items.get(index).cloned().map(Ok),
            _ => None,
        }
    }

    /// How many items a list has; none for anything else.
    pub(super) fn length(&self) -> Option<usize> {
        match self {
            Value::Array(items, _) => Some(items.len()),
            Value::List(items) => Some(items.len()),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = Result<Value<'a>, Fault>> + '_ {
        (0..self.length().unwrap_or(0)).filter_map(|index| self.item(index))
    }

    /// The keys of a map, as the expression sees them; none for anything else.
    pub(super) fn keys(&self) -> Option<Vec<Value<'a>>> {
        match self {
            Value::Object(fields, schema) => Some(
                fields
                    .iter()
                    .filter(|(name, value)| {
                        let is_seen = schema.kind == Kind::Any || schema.field(name).is_some();
                        is_seen && (schema.properties.is_empty() || !value.is_null())
                    })
                    .map(|(name, _)| match schema.properties.is_empty() {
                        true => Value::Text(Text::Borrowed(name)),
                        false => Value::text(names::escape(name).unwrap_or_else(|| name.clone())),
                    })
                    .collect(),
            ),
            Value::Map(map) => Some(map.keys().map(Key::value).collect()),
            _ => None,
        }
    }
}

fn read_field<'a>(fields: &'a Map<String, Json>, schema: &'a Schema, name: &str) -> Result<Option<Value<'a>>, Fault> {
    let is_object = !schema.properties.is_empty();
    let unescaped;
    let name = if is_object {
        match names::unescape(name) {
            Some(plain) => {
                unescaped = plain;
                &*unescaped
            }
            None => return Ok(None),
        }
    } else {
        name
    };
    let Some(json) = fields.get(name) else { return Ok(None) };
    // Of an object, a null field is the same as an absent one.
    if is_object && json.is_null() {
        return Ok(None);
    }
    if schema.kind == Kind::Any {
        return Ok(Some(Value::untyped(json)));
    }
    schema.field(name).map(|schema| Value::read(json, schema)).transpose()
}

fn read_text<'a>(text: &'a str, schema: &Schema) -> Result<Value<'a>, Fault> {
    let format = schema.rules.as_deref().and_then(|rules| rules.format.as_ref());
    match format.map(|format| format.check) {
        Some(Format::Duration) => time::parse_duration(text)
            .map(Value::Duration)
            .ok_or_else(|| Fault::error(format!("Invalid duration {text}"))),
        Some(Format::Date) => time::parse_date(text)
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::error(format!("Invalid date formatted string {text}"))),
        Some(Format::DateTime) => time::parse_date_time(text)
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::error(format!("Invalid date-time formatted string {text}"))),
        Some(Format::Byte) => BASE64_STANDARD
            .decode(text)
            .map(|bytes| Value::Bytes(bytes.into()))
            .map_err(|_| Fault::error(format!("Invalid byte formatted string {text}"))),
        _ => Ok(Value::Text(Text::Borrowed(text))),
    }
}
