//! Builds a value from any deserializer, noting duplicate fields.

use std::{cell::RefCell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Decoded;
use crate::schema::path::{Path, Paths};

/// Reads one value to its end.
pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decoded, D::Error> {
    let duplicates = RefCell::new(Paths::new());
    let value = Node {
        path: Path::Root,
        duplicates: &duplicates,
    }
    .deserialize(deserializer)?;
    Ok(Decoded {
        value,
        duplicates: duplicates.into_inner().into_found(),
    })
}

/// One value at a path.
#[derive(Clone, Copy)]
struct Node<'a> {
    path: Path<'a>,
    duplicates: &'a RefCell<Paths>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    /// Whole numbers beyond 64 bits with a sign become floats, as Go's decoder makes them.
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "the precision that a float has is what clients get"
        )]
        let float = value as f64;
        Ok(i64::try_from(value).map_or_else(|_| float_value(float), Value::from))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "the precision that a float has is what clients get"
        )]
        let float = value as f64;
        Ok(i64::try_from(value).map_or_else(|_| float_value(float), Value::from))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "the precision that a float has is what clients get"
        )]
        let float = value as f64;
        Ok(i64::try_from(value).map_or_else(|_| float_value(float), Value::from))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Node {
            path: Path::Index(&self.path, items.len()),
            ..self
        })? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let path = Path::Field(&self.path, &name);
            let value = object.next_value_seed(Node { path, ..self })?;
            if fields.contains_key(&name) {
                self.duplicates.borrow_mut().add(path);
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

/// A float that comes from an integer is finite.
fn float_value(float: f64) -> Value {
    Number::from_f64(float).map_or(Value::Null, Value::Number)
}
