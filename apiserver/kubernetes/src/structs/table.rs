//! The structs of the core kinds, from the generated table.

use std::{collections::HashMap, sync::LazyLock};

use serde::Deserialize;

/// Every struct that an object of a core kind is made of.
pub(crate) struct Table {
    /// `apiVersion/kind` to its struct.
    kinds: HashMap<String, StructId>,
    structs: Vec<Struct>,
}

/// Which struct of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StructId(u16);

/// One struct.
#[derive(Debug, Default)]
pub(crate) struct Struct {
    /// As Go's messages say it, such as `PodSpec`.
    pub(crate) name: Box<str>,
    /// Sorted by number.
    pub(crate) fields: Vec<Field>,
}

/// One field of a struct.
#[derive(Debug)]
pub(crate) struct Field {
    /// In protobuf.
    number: u16,
    /// In JSON; empty for a struct whose fields JSON shows as its parent's.
    pub(crate) name: Box<str>,
    pub(crate) shape: Shape,
    /// Whether it is one value, a list or a map with text keys.
    pub(crate) many: Many,
    /// Whether zero differs from absent.
    pub(crate) may_be_zero: bool,
    pub(crate) left_out: LeftOut,
    /// What Go's messages call its type.
    pub(crate) shown: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    One,
    List,
    Map,
}

/// When JSON does not show a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Never,
    /// When it is empty; a struct never is.
    Empty,
    /// When it is zero.
    Zero,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Bool,
    Bytes,
    Int,
    IntOrString,
    /// A struct with one list of texts, shown as the list.
    Items,
    /// A struct with the JSON text of any value.
    Json,
    MicroTime,
    Quantity,
    Struct(StructId),
    Text,
    Time,
}

impl Table {
    pub(crate) fn get() -> &'static Table {
        static TABLE: LazyLock<Table> = LazyLock::new(|| {
            // A test reads the file: without it no body is read.
            let generated: Option<Generated> = serde_json::from_str(include_str!("../../schemas/structs.json")).ok();
            Table::from(generated.unwrap_or_default())
        });
        &TABLE
    }

    /// The struct of a kind. DeleteOptions belong to every version.
    pub(crate) fn root(&self, api_version: &str, kind: &str) -> Option<&Struct> {
        let api_version = if kind == "DeleteOptions" { "v1" } else { api_version };
        Some(self.of(*self.kinds.get(&format!("{api_version}/{kind}"))?))
    }

    pub(crate) fn of(&self, id: StructId) -> &Struct {
        &self.structs[usize::from(id.0)]
    }
}

impl Struct {
    pub(crate) fn numbered(&self, number: u64) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by_key(&number, |field| field.number.into())
            .ok()?;
        Some(&self.fields[at])
    }
}

#[derive(Default, Deserialize)]
struct Generated {
    kinds: HashMap<String, String>,
    structs: HashMap<String, HashMap<u16, GeneratedField>>,
}

/// Tag for JSON, shape, and what the type is called where the shape does not say it.
#[derive(Deserialize)]
#[serde(untagged)]
enum GeneratedField {
    Usual(String, String),
    Called(String, String, Box<str>),
}

impl From<Generated> for Table {
    fn from(generated: Generated) -> Table {
        let ids: HashMap<&str, StructId> = (0..)
            .map(StructId)
            .zip(generated.structs.keys())
            .map(|(id, name)| (name.as_str(), id))
            .collect();
        let id_of = |name: &str| ids.get(name).copied();
        let structs = generated.structs.iter().map(|(name, fields)| {
            let mut fields: Vec<Field> = fields
                .iter()
                .filter_map(|(number, field)| read_field(*number, field, id_of))
                .collect();
            fields.sort_unstable_by_key(|field| field.number);
            Struct {
                name: name.rsplit('.').next().unwrap_or_default().into(),
                fields,
            }
        });
        Table {
            structs: structs.collect(),
            kinds: generated
                .kinds
                .iter()
                .filter_map(|(kind, name)| Some((kind.clone(), id_of(name)?)))
                .collect(),
        }
    }
}

/// Reads a tag such as `name,omitempty`, and `*` (zero differs from absent), `[]` (list) or `{}` (map) with the shape.
fn read_field(number: u16, field: &GeneratedField, id_of: impl Fn(&str) -> Option<StructId>) -> Option<Field> {
    let (tag, declared, called) = match field {
        GeneratedField::Usual(tag, shape) => (tag, shape, None),
        GeneratedField::Called(tag, shape, called) => (tag, shape, Some(called)),
    };
    let mut words = tag.split(',');
    let name = words.next()?.into();
    let options: Vec<_> = words.collect();
    let left_out = if options.contains(&"omitzero") {
        LeftOut::Zero
    } else if options.contains(&"omitempty") {
        LeftOut::Empty
    } else {
        LeftOut::Never
    };
    let (may_be_zero, declared) = declared
        .strip_prefix('*')
        .map_or((false, declared.as_str()), |rest| (true, rest));
    let (many, prefix, one) = match (declared.strip_prefix("[]"), declared.strip_prefix("{}")) {
        (Some(of), _) => (Many::List, "[]", of),
        (_, Some(of)) => (Many::Map, "map[string]", of),
        _ => (Many::One, "", declared),
    };
    let (shape, usual) = match one {
        "bool" => (Shape::Bool, "bool"),
        "bytes" => (Shape::Bytes, "[]uint8"),
        "int" => (Shape::Int, "int32"),
        "intorstring" => (Shape::IntOrString, "intstr.IntOrString"),
        "items" => (Shape::Items, "items"),
        "json" => (Shape::Json, "json"),
        "microtime" => (Shape::MicroTime, "v1.MicroTime"),
        "quantity" => (Shape::Quantity, "resource.Quantity"),
        "string" => (Shape::Text, "string"),
        "time" => (Shape::Time, "v1.Time"),
        named => (Shape::Struct(id_of(named)?), ""),
    };
    let shown = match (called, shape) {
        (Some(called), _) => called.clone(),
        (None, Shape::Struct(_)) => format!("{prefix}v1.{}", one.rsplit('.').next()?).into(),
        (None, _) => format!("{prefix}{usual}").into(),
    };
    Some(Field {
        number,
        name,
        shape,
        many,
        may_be_zero,
        left_out,
        shown,
    })
}
