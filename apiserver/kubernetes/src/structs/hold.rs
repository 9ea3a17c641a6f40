//! What a struct makes of a decoded object.

use generic_apiserver::registry::Decoder;
use serde_json::{Map, Value};

use super::{
    bytes,
    place::{Place, no_struct},
    table::{Field, LeftOut, Many, Shape, Struct, Table},
    time,
};
use crate::quantity::{NoQuantity, Quantity};

/// Structs nest no deeper than this in any core kind.
const DEEPEST: usize = 32;

/// Gives a decoded object of a core kind the form that its struct gives it. The error is in the decoder's words.
///
/// Fields that the struct does not have stay: they are pruned, and reported, elsewhere.
pub(crate) fn hold(object: &mut Value, decoder: Decoder) -> Result<(), String> {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let Some(of) = Table::get().root(text("apiVersion"), text("kind")) else {
        return Ok(());
    };
    match object {
        Value::Object(fields) => Holding { decoder, depth: 0 }.fields(of, &of.name, fields, None),
        _ => Ok(()),
    }
}

#[derive(Clone, Copy)]
struct Holding {
    decoder: Decoder,
    depth: usize,
}

/// A type: of a field, of the items of a list, or of the values of a map.
#[derive(Clone, Copy)]
struct Type<'a> {
    shape: Shape,
    many: Many,
    shown: &'a str,
}

impl Holding {
    fn fields(
        self,
        of: &Struct,
        owner: &str,
        fields: &mut Map<String, Value>,
        above: Option<&Place<'_>>,
    ) -> Result<(), String> {
        if self.depth > DEEPEST {
            return Err("exceeded max depth".to_owned());
        }
        for field in &of.fields {
            if let (Shape::Struct(id), true) = (field.shape, field.name.is_empty()) {
                let inner = Table::get().of(id);
                let place = Place {
                    above,
                    owner,
                    field: &inner.name,
                };
                self.deeper().fields(inner, owner, fields, Some(&place))?;
                continue;
            }
            let place = Place {
                above,
                owner,
                field: &field.name,
            };
            self.field(field, fields, &place)?;
        }
        Ok(())
    }

    fn field(self, field: &Field, fields: &mut Map<String, Value>, place: &Place<'_>) -> Result<(), String> {
        let r#type = Type {
            shape: field.shape,
            many: field.many,
            shown: &field.shown,
        };
        if let Some(value) = fields.get_mut(&*field.name)
            && !value.is_null()
        {
            self.value(r#type, value, place)?;
            let is_left_out = match field.left_out {
                LeftOut::Never => false,
                LeftOut::Empty => !field.may_be_zero && is_empty(r#type, value),
                LeftOut::Zero => !field.may_be_zero && *value == self.zero(r#type, place)?,
            };
            if is_left_out {
                fields.remove(&*field.name);
            } else if self.decoder == Decoder::Store && field.many != Many::One && is_empty(r#type, value) {
                *value = Value::Null;
            }
            return Ok(());
        }
        let is_nothing = field.may_be_zero || field.many != Many::One;
        let zero = if is_nothing {
            Value::Null
        } else {
            self.zero(r#type, place)?
        };
        let is_left_out = match field.left_out {
            LeftOut::Never => false,
            LeftOut::Zero => true,
            LeftOut::Empty => is_nothing || is_empty(r#type, &zero),
        };
        if is_left_out {
            fields.remove(&*field.name);
        } else {
            fields.insert(field.name.to_string(), zero);
        }
        Ok(())
    }

    fn value(self, r#type: Type<'_>, value: &mut Value, place: &Place<'_>) -> Result<(), String> {
        match (r#type.many, value) {
            (Many::List, Value::Array(items)) => {
                let of = Type {
                    many: Many::One,
                    shown: r#type.shown.trim_start_matches("[]").trim_start_matches('*'),
                    ..r#type
                };
                items.iter_mut().try_for_each(|item| self.member(of, item, place))
            }
            (Many::Map, Value::Object(fields)) => {
                let of = Type {
                    many: Many::One,
                    shown: r#type
                        .shown
                        .split_once(']')
                        .map_or("", |(_, of)| of)
                        .trim_start_matches('*'),
                    ..r#type
                };
                fields.values_mut().try_for_each(|value| self.member(of, value, place))
            }
            (Many::One, value) => self.one(r#type, value, place),
            (_, value) => Err(place.mismatch(self.decoder, value, r#type.shown)),
        }
    }

    /// An item of a list or a value of a map: null is zero.
    fn member(self, r#type: Type<'_>, value: &mut Value, place: &Place<'_>) -> Result<(), String> {
        if value.is_null() {
            *value = self.zero(r#type, place)?;
            return Ok(());
        }
        self.one(r#type, value, place)
    }

    fn one(self, r#type: Type<'_>, value: &mut Value, place: &Place<'_>) -> Result<(), String> {
        let decoder = self.decoder;
        match (r#type.shape, &mut *value) {
            (Shape::Struct(id), Value::Object(fields)) => {
                let of = Table::get().of(id);
                self.deeper().fields(of, &of.name, fields, Some(place))
            }
            (Shape::Struct(_), other) if decoder == Decoder::Unstructured => Err(no_struct(other)),
            (Shape::Bool, Value::Bool(_)) | (Shape::Text | Shape::IntOrString, Value::String(_)) | (Shape::Json, _) => {
                Ok(())
            }
            (Shape::IntOrString, Value::Number(number)) if fits(number, "int32") => Ok(()),
            (Shape::IntOrString, other) => Err(place.own_mismatch(decoder, other, "int32")),
            (Shape::Int, Value::Number(number)) if fits(number, r#type.shown) => Ok(()),
            (Shape::Int, Value::Number(_)) => Err(place.overflow(decoder, value, r#type.shown)),
            (Shape::Bytes, Value::String(text)) => replace(text, bytes::canonical).map_err(|problem| match decoder {
                Decoder::Json | Decoder::Store => problem,
                Decoder::Unstructured => format!("error decoding from json: {problem}"),
            }),
            (Shape::Items, Value::Array(items)) => {
                let of = Type {
                    shape: Shape::Text,
                    many: Many::One,
                    shown: "string",
                };
                items.iter_mut().try_for_each(|item| self.member(of, item, place))
            }
            (Shape::Time, Value::String(text)) => replace(text, time::seconds),
            (Shape::MicroTime, Value::String(text)) => replace(text, time::microseconds),
            (Shape::Time | Shape::MicroTime, other) => Err(place.own_mismatch(decoder, other, "string")),
            (Shape::Quantity, Value::String(text)) => replace(text, canonical_quantity),
            (Shape::Quantity, other) => {
                *other = canonical_quantity(&other.to_string())
                    .map_err(|error| error.to_string())?
                    .into();
                Ok(())
            }
            (_, other) => Err(place.mismatch(decoder, other, r#type.shown)),
        }
    }

    /// What Go's zero value is in JSON.
    fn zero(self, r#type: Type<'_>, place: &Place<'_>) -> Result<Value, String> {
        if r#type.many != Many::One {
            return Ok(Value::Null);
        }
        Ok(match r#type.shape {
            Shape::Bool => false.into(),
            Shape::Int | Shape::IntOrString => 0.into(),
            Shape::Text => "".into(),
            Shape::Quantity => "0".into(),
            Shape::Struct(id) => {
                let (of, mut fields) = (Table::get().of(id), Map::new());
                self.deeper().fields(of, &of.name, &mut fields, Some(place))?;
                fields.into()
            }
            Shape::Bytes | Shape::Items | Shape::Json | Shape::MicroTime | Shape::Time => Value::Null,
        })
    }

    fn deeper(self) -> Holding {
        Holding {
            depth: self.depth + 1,
            ..self
        }
    }
}

/// Empty as `omitempty` means it.
fn is_empty(r#type: Type<'_>, value: &Value) -> bool {
    match value {
        Value::Null => {
            !matches!(r#type.shape, Shape::Time | Shape::MicroTime | Shape::Json) || r#type.many != Many::One
        }
        Value::Bool(value) => !value,
        Value::Number(number) => r#type.shape == Shape::Int && number.as_i64() == Some(0),
        Value::String(text) => text.is_empty() && matches!(r#type.shape, Shape::Text | Shape::Bytes),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => r#type.many == Many::Map && fields.is_empty(),
    }
}

fn fits(number: &serde_json::Number, r#type: &str) -> bool {
    match (number.as_i64(), r#type) {
        (None, _) => false,
        (Some(number), "int32") => i32::try_from(number).is_ok(),
        (Some(_), _) => true,
    }
}

fn canonical_quantity(text: &str) -> Result<String, NoQuantity> {
    text.trim().parse().map(|quantity: Quantity| quantity.to_string())
}

fn replace<E: ToString>(text: &mut String, canonical: impl Fn(&str) -> Result<String, E>) -> Result<(), String> {
    *text = canonical(text).map_err(|error| error.to_string())?;
    Ok(())
}
