//! The events between two states of a resource, for when the store could not tell them one by one.

use std::cmp::Ordering;
use std::sync::Arc;

use super::change::{deleted, readable};
use super::map::{Map, Position};
use super::{Entry, Event, EventKind, Indexer};
use crate::storage::Revision;

/// The events that lead from `old` to `new`, which shows `revision`, in order of their revisions. Entries of `new` get
/// the watch frame of their event.
///
/// A removal whose revision is unknown counts as done at `revision`. An object that was removed and created again (its
/// uid tells) gives both events.
pub(super) fn events(old: &Map, new: &mut Map, revision: Revision, indexer: &dyn Indexer) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    for pair in pairs(old, &new.clone()) {
        match pair {
            (Some(previous), None) => events.extend(deleted(previous.clone(), revision, indexer)),
            (None, Some(entry)) => events.extend(written(EventKind::Added, entry, None, new, indexer)),
            (Some(previous), Some(entry)) if Arc::ptr_eq(previous, entry) => {}
            (Some(previous), Some(entry)) if previous.uid() == entry.uid() => {
                events.extend(written(EventKind::Modified, entry, Some(previous), new, indexer));
            }
            (Some(previous), Some(entry)) => {
                // The removal came after everything that is held and before the object's creation.
                events.extend(deleted(previous.clone(), entry.revision.saturating_sub(1), indexer));
                events.extend(written(EventKind::Added, entry, None, new, indexer));
            }
            (None, None) => {}
        }
    }
    events.sort_by_key(|event| event.revision);
    events
}

fn written(
    kind: EventKind,
    entry: &Arc<Entry>,
    previous: Option<&Arc<Entry>>,
    new: &mut Map,
    indexer: &dyn Indexer,
) -> Option<Arc<Event>> {
    let mut entry = entry.clone();
    if !entry.made_by(kind) {
        let key = (&*entry.namespace, &*entry.name);
        entry = Arc::new(readable(kind, key, entry.revision, &entry.encoded, indexer)?);
        new.insert(entry.clone());
    }
    Some(Arc::new(Event {
        kind,
        revision: entry.revision,
        entry,
        previous: previous.cloned(),
    }))
}

/// Both maps' entries in order, those of one key together.
fn pairs<'a>(old: &'a Map, new: &'a Map) -> impl Iterator<Item = (Option<&'a Arc<Entry>>, Option<&'a Arc<Entry>>)> {
    let mut old = old.iter_from(Position::default()).peekable();
    let mut new = new.iter_from(Position::default()).peekable();
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.order(&new.namespace, &new.name),
        };
        let old = if order.is_le() { old.next() } else { None };
        let new = if order.is_ge() { new.next() } else { None };
        Some((old, new))
    })
}
