//! The managers of an object: `metadata.managedFields`, decoded.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Conflict, Manager, Operation, compare::Changes, fields_v1, set::FieldSet, typed::Type};

/// How many Update managers an object keeps; the oldest beyond that are merged into one.
const MAX_UPDATE_MANAGERS: usize = 10;
/// The manager that the oldest updates are merged into.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// Who owns which fields of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers {
    entries: Vec<Entry>,
}

/// What one manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: Option<Timestamp>,
    pub(super) fields: FieldSet,
}

/// `managedFields` that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

impl Entry {
    /// An entry without fields for the manager of a request.
    pub(super) fn of(manager: &Manager<'_>, operation: Operation) -> Entry {
        let name = if manager.name.is_empty() {
            "unknown"
        } else {
            manager.name
        };
        Entry {
            manager: name.to_owned(),
            operation,
            api_version: manager.api_version.to_owned(),
            subresource: manager.subresource.to_owned(),
            time: None,
            fields: FieldSet::default(),
        }
    }

    /// Whether both are the same manager. An applier stays the same when it moves to another version.
    fn is(&self, other: &Entry) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    fn seconds(&self) -> i64 {
        self.time.map_or(0, Timestamp::as_second)
    }
}

impl Managers {
    /// Reads `metadata.managedFields` of an object; empty where there are none.
    pub(super) fn decode(object: &Value) -> Result<Managers, Undecodable> {
        let mut managers = Managers::default();
        match object.pointer("/metadata/managedFields") {
            None | Some(Value::Null) => {}
            Some(Value::Array(entries)) => {
                for entry in entries {
                    managers.put(decode_entry(entry).ok_or(Undecodable)?);
                }
            }
            Some(_) => return Err(Undecodable),
        }
        Ok(managers)
    }

    /// Writes `metadata.managedFields` of an object.
    pub(super) fn encode(mut self, object: &mut Value) {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        if self.entries.is_empty() {
            metadata.remove("managedFields");
            return;
        }
        self.entries.sort_by(|a, b| stored_order(a).cmp(&stored_order(b)));
        let entries = self.entries.into_iter().map(encode_entry).collect();
        metadata.insert("managedFields".to_owned(), Value::Array(entries));
    }

    /// Whether nobody owns anything.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The stored entry of this manager.
    pub(super) fn get(&self, manager: &Entry) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(manager))
    }

    /// Takes the entry of this manager out.
    pub(super) fn take(&mut self, manager: &Entry) -> Option<Entry> {
        let place = self.entries.iter().position(|entry| entry.is(manager))?;
        Some(self.entries.swap_remove(place))
    }

    /// Stores an entry in place of the one that its manager had.
    pub(super) fn put(&mut self, entry: Entry) {
        self.entries.retain(|known| !known.is(&entry));
        self.entries.push(entry);
    }

    /// Adds an entry beside that which its manager may have already.
    pub(super) fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Fits the sets to the schema: where it takes a value as a whole, owning a part of it is owning all.
    pub(super) fn fit(&mut self, r#type: Type<'_>) {
        for entry in &mut self.entries {
            fit(r#type, &mut entry.fields);
        }
    }

    /// Fields of this set that other managers own.
    pub(super) fn conflicts(&self, writer: &Entry, written: &FieldSet) -> Vec<Conflict> {
        let mut others: Vec<&Entry> = self.entries.iter().filter(|entry| !entry.is(writer)).collect();
        others.sort_by_key(|entry| (&entry.manager, entry.operation, &entry.api_version, &entry.subresource));
        others
            .into_iter()
            .flat_map(|entry| {
                let taken = entry.fields.intersection(written).paths();
                taken.into_iter().map(|path| Conflict {
                    manager: entry.manager.clone(),
                    operation: entry.operation,
                    api_version: entry.api_version.clone(),
                    subresource: entry.subresource.clone(),
                    time: entry.time.map(rfc3339),
                    field: path.iter().map(ToString::to_string).collect(),
                })
            })
            .collect()
    }

    /// All managers but the writer lose what the write set or removed; those that own nothing any more go.
    pub(super) fn surrender(&mut self, writer: Option<&Entry>, changes: &Changes) {
        let lost = changes.written().union(&changes.removed);
        for entry in &mut self.entries {
            let keeps = writer.is_some_and(|writer| entry.is(writer));
            if !keeps && !lost.is_empty() {
                entry.fields = entry.fields.difference(&lost);
            }
        }
        self.entries.retain(|entry| !entry.fields.is_empty());
    }

    /// Merges the oldest Update managers until few enough are left.
    pub(super) fn cap(&mut self) {
        while self
            .entries
            .iter()
            .filter(|entry| entry.operation == Operation::Update)
            .count()
            > MAX_UPDATE_MANAGERS
        {
            if !self.merge_oldest() {
                return;
            }
        }
    }

    /// Merges the two oldest Update managers that wrote the same version; false where there are no two.
    fn merge_oldest(&mut self) -> bool {
        self.entries.sort_by(|a, b| age(a).cmp(&age(b)));
        let Some((first, second)) = self.oldest_pair() else {
            return false;
        };
        let newer = self.entries.remove(second);
        let older = self.entries.remove(first);
        let mut bucket = Entry {
            manager: ANCIENT_CHANGES.to_owned(),
            operation: Operation::Update,
            api_version: newer.api_version,
            subresource: String::new(),
            time: newer.time,
            fields: newer.fields.union(&older.fields),
        };
        if let Some(known) = self.get(&bucket) {
            bucket.fields = bucket.fields.union(&known.fields);
        }
        self.put(bucket);
        true
    }

    fn oldest_pair(&self) -> Option<(usize, usize)> {
        let updates = || {
            self.entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.operation == Operation::Update)
        };
        updates().find_map(|(second, newer)| {
            let first = updates()
                .take_while(|(first, _)| *first < second)
                .find(|(_, older)| older.api_version == newer.api_version)?;
            Some((first.0, second))
        })
    }
}

fn age(entry: &Entry) -> impl Ord + '_ {
    (entry.seconds(), &entry.manager, &entry.api_version, &entry.subresource)
}

fn stored_order(entry: &Entry) -> impl Ord + '_ {
    (
        entry.operation,
        entry.seconds(),
        &entry.manager,
        &entry.api_version,
        &entry.subresource,
    )
}

fn fit(r#type: Type<'_>, fields: &mut FieldSet) {
    for node in &mut fields.nodes {
        let below = r#type.at(&node.element);
        if below.is_atomic() && !node.below.is_empty() {
            node.member = true;
            node.below = FieldSet::default();
        } else {
            fit(below, &mut node.below);
        }
    }
}

fn decode_entry(entry: &Value) -> Option<Entry> {
    let text = |key: &str| match entry.get(key) {
        None | Some(Value::Null) => Some(""),
        Some(value) => value.as_str(),
    };
    let operation = match text("operation")? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let api_version = text("apiVersion")?;
    if api_version.is_empty() || text("fieldsType")? != "FieldsV1" {
        return None;
    }
    let time = match text("time")? {
        "" => None,
        time => Some(time.parse().ok()?),
    };
    Some(Entry {
        manager: text("manager")?.to_owned(),
        operation,
        api_version: api_version.to_owned(),
        subresource: text("subresource")?.to_owned(),
        time,
        fields: fields_v1::parse(entry.get("fieldsV1")).ok()?,
    })
}

fn encode_entry(entry: Entry) -> Value {
    let mut encoded = Map::new();
    let mut text = |key: &str, value: String| {
        if !value.is_empty() {
            encoded.insert(key.to_owned(), Value::String(value));
        }
    };
    text("manager", entry.manager);
    text("operation", entry.operation.to_string());
    text("apiVersion", entry.api_version);
    text("subresource", entry.subresource);
    text("fieldsType", "FieldsV1".to_owned());
    text("time", entry.time.map(rfc3339).unwrap_or_default());
    encoded.insert("fieldsV1".to_owned(), fields_v1::serialize(&entry.fields));
    Value::Object(encoded)
}

/// Whole seconds, as all times in objects.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
