//! From a changed key of the store to a changed map and an event.

use std::ops::Range;
use std::sync::Arc;

use super::map::Map;
use super::{Entry, Event, EventKind, Index, Indexer, Malformed, ResourceSpec};
use crate::storage::Revision;

/// Which of the sorted `specs` a key belongs to, one for each version, with the namespace and name of the object.
pub(super) fn locate<'k>(specs: &[ResourceSpec], key: &'k str) -> Option<(Range<usize>, (&'k str, &'k str))> {
    let end = specs.partition_point(|spec| spec.prefix.as_str() <= key);
    let last = specs[..end].last()?;
    let rest = key.strip_prefix(last.prefix.as_str())?;
    let versions = specs[..end].iter().rev().take_while(|spec| spec.prefix == last.prefix);
    Some((end - versions.count()..end, rest.split_once('/')?))
}

/// Applies one write (or removal, without `value`) to `map`. None when the map shows it already. Of a write that was
/// `prepared`, the index is known.
pub(super) fn apply(
    map: &mut Map,
    indexer: &dyn Indexer,
    (namespace, name): (&str, &str),
    revision: Revision,
    value: Option<&[u8]>,
    prepared: Option<Index>,
) -> Option<Arc<Event>> {
    let held = map.get(namespace, name);
    if held.is_some_and(|held| held.revision >= revision) {
        return None;
    }
    let kind = if held.is_some() {
        EventKind::Modified
    } else {
        EventKind::Added
    };
    let key = (namespace, name);
    let read = |value: &[u8]| match prepared {
        Some(index) => told(key, revision, Entry::indexed(kind, key, revision, value, index)),
        None => readable(kind, key, revision, value, indexer),
    };
    let Some(entry) = value.and_then(read) else {
        let previous = map.remove(namespace, name)?;
        return deleted(previous, revision, indexer);
    };
    let entry = Arc::new(entry);
    let previous = map.insert(entry.clone());
    Some(Arc::new(Event {
        kind,
        revision,
        entry,
        previous,
    }))
}

/// The entry of a stored value. One that can't be read counts as absent, and is told of in the log.
pub(super) fn readable(
    kind: EventKind,
    (namespace, name): (&str, &str),
    revision: Revision,
    value: &[u8],
    indexer: &dyn Indexer,
) -> Option<Entry> {
    let key = (namespace, name);
    told(key, revision, Entry::new(kind, key, revision, value, indexer))
}

fn told((namespace, name): (&str, &str), revision: Revision, read: Result<Entry, Malformed>) -> Option<Entry> {
    read.inspect_err(|error| tracing::error!(namespace, name, revision, %error, "a stored object can't be read"))
        .ok()
}

/// The event of a removal: the last state, with the revision of the removal.
pub(super) fn deleted(previous: Arc<Entry>, revision: Revision, indexer: &dyn Indexer) -> Option<Arc<Event>> {
    let key = (&*previous.namespace, &*previous.name);
    let entry = if indexer.shows_revision() {
        readable(EventKind::Deleted, key, revision, &previous.encoded, indexer)
    } else {
        let index = previous.index.clone();
        told(
            key,
            revision,
            Entry::indexed(EventKind::Deleted, key, revision, &previous.encoded, index),
        )
    };
    let entry = Arc::new(entry?);
    Some(Arc::new(Event {
        kind: EventKind::Deleted,
        revision,
        entry,
        previous: Some(previous),
    }))
}
