//! What really happened, as one who was never away saw it; and what others must have seen of it.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::{Context as _, ensure};

use crate::{
    form::{Change, Form, Kind, Shown},
    object::{Key, Object, Selection, same},
    watcher::{Piece, Record},
    writer::Acknowledged,
};

/// All changes of all ConfigMaps, from a first state on.
pub(crate) struct History {
    begin: u64,
    changes: Vec<Written>,
    /// The states of each object, with the revisions that they are from; none is absence.
    states: BTreeMap<Key, Vec<(u64, Option<Object>)>>,
}

/// One change.
struct Written {
    revision: u64,
    kind: Kind,
    /// None for a creation.
    before: Option<Object>,
    /// For a deletion the last state with the deletion's revision.
    after: Object,
}

impl History {
    /// Takes what the witness saw, if it can have happened.
    pub(crate) fn of(witness: &Record) -> anyhow::Result<Self> {
        let mut pieces = witness.pieces.iter();
        let Some(Piece::All { revision, objects, .. }) = pieces.next() else {
            anyhow::bail!("the witness begins with a list")
        };
        let mut history = Self {
            begin: *revision,
            changes: Vec::new(),
            states: BTreeMap::new(),
        };
        for shown in objects {
            let object = Object::parse(&shown.text)?;
            history.states.insert(object.key.clone(), vec![(0, Some(object))]);
        }
        for piece in pieces {
            match piece {
                Piece::Change(change) => history.add(change)?,
                Piece::Bookmark(_) => {}
                Piece::All { .. } => anyhow::bail!("the witness was away"),
            }
        }
        Ok(history)
    }

    fn add(&mut self, change: &Change) -> anyhow::Result<()> {
        let after = Object::parse(&change.shown.text)?;
        let revision = after.revision;
        let newest = self.changes.last().map_or(self.begin, |change| change.revision);
        ensure!(revision > newest, "{revision} after {newest}");
        let states = self.states.entry(after.key.clone()).or_default();
        let before = states.last().and_then(|(_, state)| state.clone());
        let what = || format!("{:?} of {:?} at {revision}", change.kind, after.key);
        match (change.kind, &before) {
            (Kind::Added, None) => {}
            (Kind::Modified, Some(before)) => ensure!(before.uid == after.uid, "{}: another uid", what()),
            (Kind::Deleted, Some(before)) => {
                ensure!(
                    same(&before.at(revision)?.whole, &after.whole),
                    "{}: {}",
                    what(),
                    after.whole
                );
            }
            (_, before) => anyhow::bail!("{}, which was {before:?}", what()),
        }
        let state = (change.kind != Kind::Deleted).then(|| after.clone());
        states.push((revision, state));
        self.changes.push(Written {
            revision,
            kind: change.kind,
            before,
            after,
        });
        Ok(())
    }

    /// How many changes there are.
    pub(crate) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether everything that was acknowledged happened, as it was acknowledged.
    pub(crate) fn check_acknowledged(&self, acknowledged: &[Acknowledged]) -> anyhow::Result<()> {
        for one in acknowledged {
            match one {
                Acknowledged::Stored(object) => {
                    let state = self.state(&object.key, object.revision);
                    let state = state.with_context(|| format!("{:?} was acknowledged and never was", object.key))?;
                    ensure!(
                        state.revision == object.revision && same(&state.whole, &object.whole),
                        "acknowledged: {}\nfound: {}",
                        object.whole,
                        state.whole
                    );
                }
                Acknowledged::Removed { uid } => {
                    let is_it = |change: &&Written| change.kind == Kind::Deleted && *change.after.uid == **uid;
                    let count = self.changes.iter().filter(is_it).count();
                    ensure!(count == 1, "{uid} was removed {count} times");
                }
            }
        }
        Ok(())
    }

    /// Whether a watcher learned exactly what happened to what it selects, piece by piece.
    pub(crate) fn check(&self, selection: &Selection, form: Form, record: &Record) -> anyhow::Result<()> {
        let mut expected: std::vec::IntoIter<(Kind, Shown)> = Vec::new().into_iter();
        let mut known = 0;
        for piece in &record.pieces {
            match piece {
                Piece::All { revision, objects, .. } => {
                    ensure!(*revision >= known, "a list at {revision} after {known}");
                    known = *revision;
                    self.check_all(selection, form, known, objects)?;
                    expected = self.expected(selection, form, known)?.into_iter();
                }
                Piece::Change(change) => {
                    let next = expected.next();
                    let found = &change.shown;
                    let right = next.as_ref().is_some_and(|(kind, shown)| {
                        *kind == change.kind
                            && (&shown.key, shown.revision) == (&found.key, found.revision)
                            && same(&shown.text, &found.text)
                    });
                    ensure!(right, "after {known}\nexpected: {next:?}\nfound: {change:?}");
                    known = found.revision;
                }
                Piece::Bookmark(revision) => {
                    ensure!(*revision >= known, "a bookmark of {revision} after {known}");
                    known = *revision;
                    if let Some((kind, shown)) = expected.as_slice().first() {
                        let missed = format!("{kind:?} {:?} at {}", shown.key, shown.revision);
                        ensure!(shown.revision > known, "a bookmark of {known} before {missed}");
                    }
                }
            }
        }
        ensure!(expected.len() == 0, "at the end {} events are missing", expected.len());
        Ok(())
    }

    /// Whether these are the objects of a state.
    pub(crate) fn check_all(
        &self,
        selection: &Selection,
        form: Form,
        revision: u64,
        found: &[Shown],
    ) -> anyhow::Result<()> {
        let states = self.states.keys().filter_map(|key| self.state(key, revision));
        let mut expected: Vec<_> = states
            .filter(|object| selection.matches(object))
            .map(|object| form.of(object))
            .collect();
        // Byte order of both together, as the server's.
        expected.sort_by_cached_key(|shown| format!("{}/{}", shown.key.namespace, shown.key.name));
        let mut differences = String::new();
        for at in 0..expected.len().max(found.len()) {
            let (expected, found) = (expected.get(at), found.get(at));
            let equal = match (expected, found) {
                (Some(expected), Some(found)) => {
                    expected.key == found.key && expected.revision == found.revision && expected.text == found.text
                }
                _ => false,
            };
            if !equal && differences.is_empty() {
                write!(differences, "expected: {expected:?}\nfound: {found:?}")?;
            }
        }
        ensure!(differences.is_empty(), "objects at {revision}: {differences}");
        Ok(())
    }

    /// The events of a selection after a revision.
    fn expected(&self, selection: &Selection, form: Form, after: u64) -> anyhow::Result<Vec<(Kind, Shown)>> {
        let begin = self.changes.partition_point(|change| change.revision <= after);
        let changes = self.changes[begin..].iter();
        let seen = changes
            .map(|change| change.as_seen(selection, form))
            .filter_map(Result::transpose);
        seen.collect()
    }

    fn state(&self, key: &Key, revision: u64) -> Option<&Object> {
        let states = self.states.get(key)?;
        let after = states.partition_point(|(from, _)| *from <= revision);
        states[..after].last()?.1.as_ref()
    }
}

impl Written {
    /// What the change means to those who see only the selection.
    fn as_seen(&self, selection: &Selection, form: Form) -> anyhow::Result<Option<(Kind, Shown)>> {
        let was = self.before.as_ref().filter(|before| selection.matches(before));
        let is = selection.matches(&self.after);
        Ok(match (self.kind, was, is) {
            (Kind::Deleted, Some(_), _) => Some((Kind::Deleted, form.of(&self.after))),
            (Kind::Added | Kind::Modified, None, true) => Some((Kind::Added, form.of(&self.after))),
            (Kind::Modified, Some(_), true) => Some((Kind::Modified, form.of(&self.after))),
            (Kind::Modified, Some(before), false) => Some((Kind::Deleted, form.of(&before.at(self.revision)?))),
            _ => None,
        })
    }
}
