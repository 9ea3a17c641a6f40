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

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        i64::try_from(value).map_or_else(
            |_| self.visit_f64(as_float(value.into())),
            |value| self.visit_i64(value),
        )
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        i64::try_from(value).map_or_else(|_| self.visit_f64(as_float(value)), |value| self.visit_i64(value))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_i128(i128::try_from(value).unwrap_or(i128::MAX))
    }

    /// A whole number is an integer, however it is written: Go's clients refuse `1.0` for one.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if let Some(whole) = as_whole(value) {
            return self.visit_i64(whole);
        }
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

/// Whole numbers beyond 64 bits become floats, as Go's decoder makes them.
#[allow(
    clippy::cast_precision_loss,
    reason = "the precision that a float has is what clients get"
)]
fn as_float(value: i128) -> f64 {
    value as f64
}

/// The integer of this value, if it is one of 64 bits.
#[allow(
    clippy::cast_possible_truncation,
    reason = "within these bounds a whole float is an integer exactly"
)]
pub(in crate::schema) fn as_whole(value: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-BOUND..BOUND).contains(&value)).then_some(value as i64)
}
