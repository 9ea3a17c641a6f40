//! Which part of the stored object corresponds to a part of the new one, and whether it is the same: what was not changed is
//! not refused ("ratcheting").

use std::collections::HashMap;

use serde_json::Value;

use super::{Kind, ListType, Schema};

/// A part of the new object, and what corresponds to it.
#[derive(Clone, Copy)]
struct Pair<'a> {
    schema: &'a Schema,
    new: &'a Value,
    old: &'a Value,
}

/// Where a walk over the new object stands, beside the stored one.
#[derive(Clone, Copy, Default)]
pub(super) struct Correlation<'a> {
    here: Option<Pair<'a>>,
    /// The nearest part above that corresponds to something.
    above: Option<Pair<'a>>,
}

impl<'a> Correlation<'a> {
    /// Of whole objects.
    pub(super) fn of(schema: &'a Schema, new: &'a Value, old: &'a Value) -> Correlation<'a> {
        Correlation {
            here: Some(Pair { schema, new, old }),
            above: None,
        }
    }

    /// Of a field or of an entry of a map.
    pub(super) fn field(self, name: &str) -> Correlation<'a> {
        let Some(pair) = self.here else { return self };
        // Both objects say the same here, whatever the stored one was.
        if self.above.is_none() && matches!(name, "apiVersion" | "kind") {
            return Correlation::default();
        }
        Correlation {
            here: pair.field(name),
            above: Some(pair),
        }
    }

    /// Of an item of a list, whose old items are in the index.
    pub(super) fn item(self, item: &'a Value, old_items: &ListIndex<'a>) -> Correlation<'a> {
        let Some(pair) = self.here else { return self };
        let here = pair.schema.items().and_then(|schema| {
            let old = old_items.get(item)?;
            Some(Pair { schema, new: item, old })
        });
        Correlation {
            here,
            above: Some(pair),
        }
    }

    /// The items of the old list.
    pub(super) fn old_items(self) -> ListIndex<'a> {
        match self.here {
            Some(pair) => ListIndex::of(pair.schema, pair.old),
            None => ListIndex::default(),
        }
    }

    /// Whether this part has a counterpart and is the same.
    pub(super) fn is_unchanged(self) -> bool {
        self.here.is_some_and(Pair::is_same)
    }

    /// Whether this part is the same, or has no counterpart of its own and is in one that is the same.
    pub(super) fn is_within_unchanged(self) -> bool {
        self.here.or(self.above).is_some_and(Pair::is_same)
    }
}

impl<'a> Pair<'a> {
    fn field(self, name: &str) -> Option<Pair<'a>> {
        Some(Pair {
            schema: self.schema.field(name)?,
            new: self.new.as_object()?.get(name)?,
            old: self.old.as_object()?.get(name)?,
        })
    }

    /// Map lists are the same in any order; what no schema describes is never the same.
    fn is_same(self) -> bool {
        match (self.new, self.old) {
            (Value::Array(new), Value::Array(old)) if new.len() == old.len() => {
                let ListType::Map(_) = self.schema.list_type() else {
                    return new == old;
                };
                let old_items = ListIndex::of(self.schema, self.old);
                let Some(schema) = self.schema.items() else {
                    return new == old;
                };
                new.iter().all(|new| {
                    let pair = old_items.get(new).map(|old| Pair { schema, new, old });
                    pair.is_some_and(Pair::is_same)
                })
            }
            (Value::Object(new), Value::Object(old)) => {
                new.len() == old.len() && new.keys().all(|name| self.field(name).is_some_and(Pair::is_same))
            }
            (new, old) => new == old,
        }
    }
}

/// The items of a map list by their keys; of any other list, none.
#[derive(Default)]
pub(super) struct ListIndex<'a> {
    keys: &'a [String],
    items: HashMap<Vec<&'a Value>, &'a Value>,
}

impl<'a> ListIndex<'a> {
    pub(super) fn of(schema: &'a Schema, list: &'a Value) -> ListIndex<'a> {
        let (Kind::Array, ListType::Map(keys), Value::Array(list)) = (schema.kind(), schema.list_type(), list) else {
            return ListIndex::default();
        };
        let mut items = HashMap::with_capacity(list.len());
        for item in list {
            if let Some(key) = key_of(item, keys) {
                items.entry(key).or_insert(item);
            }
        }
        ListIndex { keys, items }
    }

    /// The item with the same keys.
    pub(super) fn get(&self, item: &'a Value) -> Option<&'a Value> {
        if self.items.is_empty() {
            return None;
        }
        self.items.get(&key_of(item, self.keys)?).copied()
    }
}

/// The values of an item's keys; none unless all are there and scalars.
fn key_of<'a>(item: &'a Value, keys: &[String]) -> Option<Vec<&'a Value>> {
    let is_scalar = |value: &&Value| !(value.is_null() || value.is_object() || value.is_array());
    keys.iter().map(|key| item.get(key).filter(is_scalar)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_corresponds_is_found_by_keys() {
        let schema = Schema::from_json(&json!({
            "type": "object",
            "properties": {
                "ports": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}},
                },
                "args": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        }))
        .unwrap();
        let new = json!({
            "ports": [{"name": "b", "port": 2}, {"name": "a", "port": 1}], "args": ["x"], "free": {"a": 1},
        });
        let old = json!({
            "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 3}], "args": ["x"], "free": {"a": 1},
        });
        let root = Correlation::of(&schema, &new, &old);
        let ports = root.field("ports");
        let old_items = ports.old_items();
        assert!(!ports.is_unchanged());
        assert!(!ports.item(&new["ports"][0], &old_items).is_unchanged());
        assert!(ports.item(&new["ports"][1], &old_items).is_unchanged());
        let args = root.field("args");
        let item = args.item(&new["args"][0], &args.old_items());
        assert!(args.is_unchanged() && !item.is_unchanged() && item.is_within_unchanged());
        assert!(
            !root.field("free").is_unchanged(),
            "what nothing describes is never the same"
        );
    }
}
