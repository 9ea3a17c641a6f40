//! All objects of a resource at one revision.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Entry;
use super::map::{LabelHash, Map, Position};
use crate::storage::Revision;

/// All objects of a resource at one revision, in byte order of `namespace/name`. A clone is a pointer.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) map: Map,
    pub(super) revision: Revision,
}

impl Snapshot {
    /// The revision that the snapshot shows; a watch after it misses nothing.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        self.map.get(namespace, name)
    }

    /// All objects.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.map.iter_from(Position::default())
    }

    /// The objects of one namespace, or of all, that come after `start_after` (namespace and name) where given.
    pub fn range<'a>(
        &'a self,
        namespace: Option<&'a str>,
        start_after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        let start = self.start(namespace, start_after);
        self.map
            .iter_from(start)
            .take_while(move |entry| namespace.is_none_or(|wanted| *entry.namespace == *wanted))
    }

    /// Those objects of [`Snapshot::range`] that have a label with this value, and perhaps a few others: whoever asks looks
    /// again. Costs little more than the objects that are found.
    pub fn labelled<'a>(
        &'a self,
        namespace: Option<&str>,
        start_after: Option<(&str, &str)>,
        (key, value): (&str, &str),
    ) -> impl Iterator<Item = &'a Arc<Entry>> + use<'a> {
        let start = self.start(namespace, start_after);
        let end = namespace.map_or_else(|| self.map.end(), |namespace| self.end_of(namespace));
        let label = LabelHash::of(key.as_bytes(), value.as_bytes());
        self.map.labelled(label, start, end)
    }

    /// How many objects [`Snapshot::range`] yields, without walking them.
    pub fn count(&self, namespace: Option<&str>, start_after: Option<(&str, &str)>) -> usize {
        let end = match namespace {
            Some(namespace) => self.map.rank(self.end_of(namespace)),
            None => self.len(),
        };
        end.saturating_sub(self.map.rank(self.start(namespace, start_after)))
    }

    fn start(&self, namespace: Option<&str>, start_after: Option<(&str, &str)>) -> Position {
        self.map.seek(|entry| {
            let before_namespace = namespace.is_some_and(|wanted| entry.order(wanted, "") == Ordering::Less);
            let passed = start_after.is_some_and(|(namespace, name)| entry.order(namespace, name) != Ordering::Greater);
            before_namespace || passed
        })
    }

    fn end_of(&self, namespace: &str) -> Position {
        self.map
            .seek(|entry| *entry.namespace == *namespace || entry.order(namespace, "") == Ordering::Less)
    }
}
