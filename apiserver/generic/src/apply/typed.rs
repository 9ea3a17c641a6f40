//! What server-side apply reads of a schema: which values are taken as a whole, and which items of a list are the same.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::path::PathElement;
use crate::schema::{Kind, ListType, Schema};

/// The type of one value.
#[derive(Clone, Copy)]
pub(super) enum Type<'a> {
    /// As the schema declares it.
    Declared {
        /// The node.
        schema: &'a Schema,
        /// This node or one above it keeps unknown fields.
        keep_unknown: bool,
    },
    /// An unknown field: objects merge, lists don't.
    Deduced,
    /// Below an unknown list: nothing merges.
    Whole,
}

/// How a value takes part in merging.
#[derive(Clone, Copy)]
pub(super) enum Form<'v> {
    /// Key by key.
    Map(&'v Map<String, Value>),
    /// Item by item.
    List(&'v [Value]),
    /// As a whole.
    Leaf,
    /// Takes the form of the value that it meets.
    Null,
}

/// A field of an object.
pub(super) struct Field<'a> {
    pub(super) r#type: Type<'a>,
    /// The schema names the field; it is not the key of a map.
    pub(super) declared: bool,
}

impl<'a> Type<'a> {
    /// The type of a whole object.
    pub(super) fn root(schema: &'a Schema) -> Type<'a> {
        Type::Declared {
            schema,
            keep_unknown: false,
        }
        .settled()
    }

    /// The node, where the schema declares one.
    pub(super) fn schema(self) -> Option<&'a Schema> {
        match self {
            Type::Declared { schema, .. } => Some(schema),
            Type::Deduced | Type::Whole => None,
        }
    }

    /// How a value of this type merges. A value that does not fit its type is a leaf.
    pub(super) fn form(self, value: &Value) -> Form<'_> {
        match value {
            Value::Null => Form::Null,
            Value::Object(fields) if self.merges_maps() => Form::Map(fields),
            Value::Array(items) if self.merges_lists() => Form::List(items),
            _ => Form::Leaf,
        }
    }

    /// The type of an object's field; `None` where the schema refuses it.
    pub(super) fn declared_field(self, name: &str) -> Option<Field<'a>> {
        let Type::Declared { schema, keep_unknown } = self else {
            return Some(Field {
                r#type: self,
                declared: false,
            });
        };
        let below = |schema: &'a Arc<Schema>| Type::Declared { schema, keep_unknown }.settled();
        if let Some(property) = schema.property(name) {
            return Some(Field {
                r#type: below(property),
                declared: true,
            });
        }
        if let Some(values) = schema.additional_properties() {
            return Some(Field {
                r#type: below(values),
                declared: false,
            });
        }
        let free = keep_unknown || schema.allows_undeclared() || schema.properties().is_empty();
        free.then_some(Field {
            r#type: Type::Deduced,
            declared: false,
        })
    }

    /// The type of an object's field; one that the schema refuses merges as an unknown one.
    pub(super) fn field(self, name: &str) -> Field<'a> {
        self.declared_field(name).unwrap_or(Field {
            r#type: Type::Deduced,
            declared: false,
        })
    }

    /// The type of a list's items.
    pub(super) fn item(self) -> Type<'a> {
        match self {
            Type::Declared { schema, keep_unknown } => schema
                .items()
                .map_or(Type::Whole, |schema| Type::Declared { schema, keep_unknown }.settled()),
            Type::Deduced | Type::Whole => Type::Whole,
        }
    }

    /// The type of what a path element leads to.
    pub(super) fn at(self, element: &PathElement) -> Type<'a> {
        match element {
            PathElement::Field(name) => self.field(name).r#type,
            PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => self.item(),
        }
    }

    /// The path element of a list's item; `None` where the item has no identity (no key, or no scalar in a set).
    pub(super) fn item_element(self, item: &Value) -> Option<PathElement> {
        match (self.schema()?.list_type(), item) {
            (ListType::Map(keys), Value::Object(fields)) => self.key_element(keys, fields),
            (ListType::Set, Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                Some(PathElement::Value(Arc::new(item.clone())))
            }
            _ => None,
        }
    }

    /// Whether this is a list whose items are told apart by this key field.
    pub(super) fn is_key(self, name: &str) -> bool {
        matches!(self.schema().map(Schema::list_type), Some(ListType::Map(keys)) if keys.iter().any(|key| key == name))
    }

    /// Whether this is an object or list that is only replaced as a whole.
    pub(super) fn is_atomic(self) -> bool {
        match self.schema().map(Schema::kind) {
            Some(Kind::Object) => !self.merges_maps(),
            Some(Kind::Array) => !self.merges_lists(),
            _ => false,
        }
    }

    fn settled(self) -> Type<'a> {
        match self {
            Type::Declared { schema, keep_unknown } => Type::Declared {
                schema,
                keep_unknown: keep_unknown || schema.preserve_unknown(),
            },
            other => other,
        }
    }

    fn merges_maps(self) -> bool {
        match self {
            Type::Declared { schema, .. } => matches!(schema.kind(), Kind::Object | Kind::Any) && !schema.map_atomic(),
            Type::Deduced => true,
            Type::Whole => false,
        }
    }

    fn merges_lists(self) -> bool {
        self.schema().is_some_and(|schema| {
            matches!(schema.kind(), Kind::Array | Kind::Any) && !matches!(schema.list_type(), ListType::Atomic)
        })
    }

    fn key_element(self, keys: &[String], fields: &Map<String, Value>) -> Option<PathElement> {
        let items = self.schema()?.items();
        let default = |key: &str| {
            items
                .and_then(|items| items.property(key))
                .and_then(|field| field.default())
        };
        let found: Vec<(Arc<str>, Value)> = keys
            .iter()
            .filter_map(|key| {
                let value = fields.get(key).or_else(|| default(key))?;
                Some((key.as_str().into(), value.clone()))
            })
            .collect();
        (!found.is_empty()).then(|| PathElement::key(found))
    }
}

/// A list has items without identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoIdentity;

/// The items of a list by their path element; an element with several items is a duplicate.
pub(super) struct Items<'v> {
    /// The element of each item, in the list's order.
    pub(super) elements: Vec<PathElement>,
    /// The list.
    pub(super) values: &'v [Value],
    /// Positions in the list, sorted by element, equal ones by position.
    sorted: Vec<usize>,
}

impl<'v> Items<'v> {
    /// Indexes the items of a list of this type.
    pub(super) fn of(list: Type<'_>, values: &'v [Value]) -> Result<Items<'v>, NoIdentity> {
        let elements: Vec<PathElement> = values
            .iter()
            .map(|item| list.item_element(item).ok_or(NoIdentity))
            .collect::<Result<_, _>>()?;
        let mut sorted: Vec<usize> = (0..elements.len()).collect();
        sorted.sort_by(|a, b| elements[*a].cmp(&elements[*b]));
        Ok(Items {
            elements,
            values,
            sorted,
        })
    }

    /// Each element once, sorted.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &PathElement> {
        let groups = self.sorted.chunk_by(|a, b| self.elements[*a] == self.elements[*b]);
        groups.filter_map(|group| group.first()).map(|at| &self.elements[*at])
    }

    /// All items with this element, in the list's order.
    pub(super) fn all(&self, element: &PathElement) -> impl ExactSizeIterator<Item = &'v Value> {
        let values = self.values;
        self.positions(element).iter().map(move |at| &values[*at])
    }

    /// Whether the list has an item with this element.
    pub(super) fn has(&self, element: &PathElement) -> bool {
        !self.positions(element).is_empty()
    }

    /// The item with this element, unless it is missing or there are several.
    pub(super) fn only(&self, element: &PathElement) -> Option<&'v Value> {
        match self.positions(element) {
            [at] => self.values.get(*at),
            _ => None,
        }
    }

    fn positions(&self, element: &PathElement) -> &[usize] {
        let start = self.sorted.partition_point(|at| self.elements[*at] < *element);
        let rest = &self.sorted[start..];
        let end = rest.iter().take_while(|at| self.elements[**at] == *element).count();
        &rest[..end]
    }
}
