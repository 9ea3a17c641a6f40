//! Writes through `/scale`.

use serde_json::Value;

use super::{Manager, Operation, managers::Entry, ownership::dotted, track_update, update::decode_or_none};
use crate::schema::Schema;

/// As [`track_update`], after a write that set the replicas at this dotted path through a Scale.
///
/// A Scale has no managers but those of the replicas, and where it has none nobody is noted. So the writer comes to own replicas
/// only that somebody owned. None (0 is left out of a Scale) belong to nobody. When they were set is not noted.
pub fn track_scale(schema: &Schema, live: &Value, new: &mut Value, manager: &Manager<'_>, replicas: &str) {
    let path = replicas.trim_start_matches('.');
    let owned = dotted(&[path]);
    let before = decode_or_none(live);
    let count = |object: &Value| {
        object
            .pointer(&format!("/{}", path.replace('.', "/")))
            .and_then(Value::as_i64)
    };
    let is_owned = before.iter().any(|entry| !entry.fields.intersection(&owned).is_empty());
    if !is_owned || count(live) == count(new) {
        before.encode(new);
        return;
    }
    let is_some = count(new).is_some_and(|count| count != 0);
    track_update(schema, Some(live), new, manager, &[]);
    let mut after = decode_or_none(new);
    if let Some(entry) = after.take(&Entry::of(manager, Operation::Update)) {
        let fields = if is_some {
            entry.fields
        } else {
            entry.fields.difference(&owned)
        };
        if !fields.is_empty() {
            after.put(Entry {
                fields,
                time: None,
                ..entry
            });
        }
    }
    after.encode(new);
}
