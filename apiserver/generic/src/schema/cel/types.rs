//! What is known of an expression's value before there is any: enough to refuse a rule that can't be meant.

use std::sync::LazyLock;

use serde_json::json;

use super::names;
use crate::schema::{Kind, Schema, build, formats::Format, node::Additional};

/// The type of an expression's value.
#[derive(Clone, Debug)]
pub(super) enum Type<'s> {
    /// Known when it is there.
    Dyn,
    /// The same of a token's claim: nothing runs over it before `dyn()` says that it may be a list or a map.
    Any,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    /// What `type()` gives.
    Meta,
    Quantity,
    Url,
    Foreign,
    /// An object with the declared fields of this schema.
    Object(&'s Schema),
    List(Box<Type<'s>>),
    /// A map to values of this type.
    Map(Box<Type<'s>>),
    Optional(Box<Type<'s>>),
}

impl PartialEq for Type<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Type::Object(a), Type::Object(b)) => std::ptr::eq(*a, *b),
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) | (Type::Optional(a), Type::Optional(b)) => {
                a == b
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl<'s> Type<'s> {
    /// What expressions see of a part of the resource; none where they see nothing.
    pub(super) fn of(schema: &'s Schema) -> Option<Type<'s>> {
        if schema.is_object_metadata() {
            return Some(Type::Object(visible_metadata()));
        }
        if schema.int_or_string {
            return Some(Type::Dyn);
        }
        let format = schema.rules.as_deref().and_then(|rules| rules.format.as_ref());
        Some(match (schema.kind, format.map(|format| format.check)) {
            (Kind::Object, _) => match &schema.additional {
                Additional::Schema(values) if schema.properties.is_empty() => Type::Map(Box::new(Type::of(values)?)),
                _ => Type::Object(schema),
            },
            (Kind::Array, _) => Type::List(Box::new(Type::of(schema.items()?)?)),
            (Kind::String, Some(Format::Byte)) => Type::Bytes,
            (Kind::String, Some(Format::Duration)) => Type::Duration,
            (Kind::String, Some(Format::Date | Format::DateTime)) => Type::Timestamp,
            (Kind::String, _) => Type::Text,
            (Kind::Integer, _) => Type::Int,
            (Kind::Number, _) => Type::Double,
            (Kind::Boolean, _) => Type::Bool,
            (Kind::Any, _) => return None,
        })
    }

    /// Whether it is only known when the value is there.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Type::Dyn | Type::Any)
    }

    /// The type of `.name`.
    pub(super) fn field(&self, name: &str) -> Result<Type<'s>, String> {
        match self {
            Type::Dyn | Type::Any => Ok(Type::Dyn),
            Type::Map(values) => Ok((**values).clone()),
            Type::Optional(held) => Ok(Type::Optional(Box::new(held.field(name)?))),
            Type::Object(schema) => names::unescape(name)
                .and_then(|name| schema.property(&name))
                .and_then(|field| Type::of(field))
                .ok_or_else(|| format!("undefined field '{name}'")),
            other => Err(format!("type '{}' does not support field selection", other.name())),
        }
    }

    /// The type of `[index]`.
    pub(super) fn index(&self) -> Result<Type<'s>, String> {
        match self {
            Type::Dyn | Type::Any => Ok(Type::Dyn),
            Type::List(inner) | Type::Map(inner) => Ok((**inner).clone()),
            Type::Optional(held) => Ok(Type::Optional(Box::new(held.index()?))),
            other => Err(format!("type '{}' can't be indexed", other.name())),
        }
    }

    /// The types of a loop's variables: the item or key, or index and item, or key and value.
    pub(super) fn variables(&self, pairs: bool) -> Result<Vec<Type<'s>>, String> {
        match (self, pairs) {
            (Type::Dyn, true) => Ok(vec![Type::Dyn, Type::Dyn]),
            (Type::List(item), false) => Ok(vec![(**item).clone()]),
            (Type::List(item), true) => Ok(vec![Type::Int, (**item).clone()]),
            (Type::Dyn | Type::Map(_), false) => Ok(vec![Type::Dyn]),
            (Type::Map(value), true) => Ok(vec![Type::Dyn, (**value).clone()]),
            (other, _) => Err(format!(
                "expression of type '{}' cannot be range of a comprehension",
                other.name()
            )),
        }
    }

    /// Whether values of both types can be the same, or stand in one list.
    pub(super) fn agrees_with(&self, other: &Type<'_>) -> bool {
        match (self, other) {
            (Type::Dyn | Type::Any | Type::Null, _)
            | (_, Type::Dyn | Type::Any | Type::Null)
            | (Type::Object(_), Type::Map(_))
            | (Type::Map(_), Type::Object(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) | (Type::Optional(a), Type::Optional(b)) => {
                a.agrees_with(b)
            }
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Type::Dyn => "dyn",
            Type::Any => "any",
            Type::Null => "null",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::Text => "string",
            Type::Bytes => "bytes",
            Type::Duration => "google.protobuf.Duration",
            Type::Timestamp => "google.protobuf.Timestamp",
            Type::Meta => "type",
            Type::Quantity => "kubernetes.Quantity",
            Type::Url => "kubernetes.URL",
            Type::Foreign => "kubernetes",
            Type::Object(_) => "object",
            Type::List(_) => "list",
            Type::Map(_) => "map",
            Type::Optional(_) => "optional_type",
        }
    }
}

/// Rules see a name and nothing else of an object's metadata.
fn visible_metadata() -> &'static Schema {
    static METADATA: LazyLock<Schema> = LazyLock::new(|| {
        let fields = json!({"name": {"type": "string"}, "generateName": {"type": "string"}});
        let built = build::Builder::of_metadata().node(&json!({"type": "object", "properties": fields}));
        built.unwrap_or_else(|error| unreachable!("two strings are a valid schema: {error}"))
    });
    &METADATA
}
