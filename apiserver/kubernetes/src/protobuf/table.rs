//! The messages of the core kinds, from the generated table.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;

/// Every message, by name.
pub(super) struct Table {
    /// `apiVersion/kind` to the name of the message.
    kinds: HashMap<String, String>,
    messages: HashMap<String, Arc<Message>>,
}

/// Fields of a message by number.
pub(super) type Message = HashMap<u64, Field>;

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name in JSON; empty for a message whose fields JSON shows as its parent's.
    pub(super) name: Box<str>,
    pub(super) shape: Shape,
    /// Whether it is one value, a list or a map with text keys.
    pub(super) many: Many,
    /// Whether zero differs from absent.
    pub(super) may_be_zero: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    One,
    List,
    Map,
}

#[derive(Debug)]
pub(super) enum Shape {
    Bool,
    Bytes,
    Int,
    IntOrString,
    /// A message with one list of texts, shown as the list.
    Items,
    /// A message with the JSON text of any value.
    Json,
    Message(Box<str>),
    MicroTime,
    Quantity,
    Text,
    Time,
}

#[derive(Deserialize)]
struct Generated {
    kinds: HashMap<String, String>,
    messages: HashMap<String, HashMap<String, (Box<str>, String)>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // A test reads the file: without it every protobuf body is refused.
    let generated: Option<Generated> = serde_json::from_str(include_str!("../../schemas/protobuf.json")).ok();
    let (kinds, messages) = generated
        .map(|generated| (generated.kinds, generated.messages))
        .unwrap_or_default();
    let message = |fields: HashMap<String, (Box<str>, String)>| {
        let fields = fields.into_iter();
        Arc::new(
            fields
                .filter_map(|(number, (name, shape))| Some((number.parse().ok()?, field(name, &shape))))
                .collect(),
        )
    };
    let messages = messages
        .into_iter()
        .map(|(name, fields)| (name, message(fields)))
        .collect();
    Table { kinds, messages }
});

impl Table {
    pub(super) fn get() -> &'static Table {
        &TABLE
    }

    /// The message of a kind. DeleteOptions belong to every version.
    pub(super) fn root(&self, api_version: &str, kind: &str) -> Option<&Message> {
        let api_version = if kind == "DeleteOptions" { "v1" } else { api_version };
        self.message(self.kinds.get(&format!("{api_version}/{kind}"))?)
    }

    pub(super) fn message(&self, name: &str) -> Option<&Message> {
        self.messages.get(name).map(AsRef::as_ref)
    }
}

/// Reads `*` (zero differs from absent), `[]` (list) or `{}` (map), and the shape.
fn field(name: Box<str>, declared: &str) -> Field {
    let (may_be_zero, declared) = declared
        .strip_prefix('*')
        .map_or((false, declared), |rest| (true, rest));
    let (many, declared) = match (declared.strip_prefix("[]"), declared.strip_prefix("{}")) {
        (Some(of), _) => (Many::List, of),
        (_, Some(of)) => (Many::Map, of),
        _ => (Many::One, declared),
    };
    let shape = match declared {
        "bool" => Shape::Bool,
        "bytes" => Shape::Bytes,
        "int" => Shape::Int,
        "intorstring" => Shape::IntOrString,
        "items" => Shape::Items,
        "json" => Shape::Json,
        "microtime" => Shape::MicroTime,
        "quantity" => Shape::Quantity,
        "string" => Shape::Text,
        "time" => Shape::Time,
        message => Shape::Message(message.into()),
    };
    Field {
        name,
        shape,
        many,
        may_be_zero,
    }
}
