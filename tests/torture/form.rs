//! The forms in which a client reads objects, and what of each is compared.

use std::{collections::HashSet, sync::Arc};

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::object::{Key, Metadata, Object, WithMetadata};

/// Marks the bookmark after the initial objects.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Whole objects.
    Objects,
    /// Their metadata.
    Metadata,
    /// Rows of a table, with the objects' metadata.
    Rows,
    /// Rows of a table, with the objects.
    RowsOfObjects,
}

/// What a line of a watch says.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Change(Change),
    Bookmark { revision: u64, initial_end: bool },
    Error { code: u64, message: String },
}

/// An object was added, modified or deleted.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Added,
    Modified,
    Deleted,
}

/// An object in some form.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) key: Key,
    pub(crate) revision: u64,
    /// The part of its bytes that the form compares.
    pub(crate) text: Arc<str>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Table<'a> {
    column_definitions: Option<Vec<Value>>,
    /// Null in the empty tables of built-in kinds.
    #[serde(borrow)]
    rows: Option<Vec<Row<'a>>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    cells: Vec<Value>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Items<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

impl Form {
    pub(crate) const ALL: [Self; 4] = [Self::Objects, Self::Metadata, Self::Rows, Self::RowsOfObjects];

    /// What a client asks for, of a list or of a watch.
    pub(crate) fn accept(self, list: bool) -> &'static str {
        match (self, list) {
            (Self::Objects, _) => "application/json",
            (Self::Metadata, true) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            (Self::Metadata, false) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            (Self::Rows | Self::RowsOfObjects, _) => "application/json;as=Table;g=meta.k8s.io;v=v1",
        }
    }

    /// Further parameters of the query.
    pub(crate) fn parameters(self) -> &'static str {
        if self == Self::RowsOfObjects {
            "&includeObject=Object"
        } else {
            ""
        }
    }

    /// How this form shows an object.
    pub(crate) fn of(self, object: &Object) -> Shown {
        let text = match self {
            Self::Objects | Self::RowsOfObjects => &object.whole,
            Self::Metadata | Self::Rows => &object.metadata,
        };
        Shown {
            key: object.key.clone(),
            revision: object.revision,
            text: text.clone(),
        }
    }

    /// Reads a line of a watch; `first` where no other line with an object came before.
    pub(crate) fn event(self, line: &str, first: bool, kept: &Kept) -> anyhow::Result<Event> {
        let frame: Frame = serde_json::from_str(line).with_context(|| format!("no event: {line}"))?;
        let kind = match frame.kind {
            "ADDED" => Kind::Added,
            "MODIFIED" => Kind::Modified,
            "DELETED" => Kind::Deleted,
            "BOOKMARK" => return self.bookmark(frame.object),
            "ERROR" => return error(frame.object),
            other => anyhow::bail!("an event of type {other}"),
        };
        let shown = match self {
            Self::Objects | Self::Metadata => self.shown(frame.object, kept)?,
            Self::Rows | Self::RowsOfObjects => {
                let table: Table = serde_json::from_str(frame.object.get())?;
                ensure!(table.column_definitions.is_some() == first, "columns: {line}");
                let Some([row]) = table.rows.as_deref() else {
                    anyhow::bail!("no single row: {line}")
                };
                self.row(row, kept)?
            }
        };
        Ok(Event::Change(Change { kind, shown }))
    }

    /// Reads a list: its revision and its objects.
    pub(crate) fn list(self, answer: &str, kept: &Kept) -> anyhow::Result<(u64, Vec<Shown>)> {
        let list: WithMetadata = serde_json::from_str(answer)?;
        let metadata: Metadata = serde_json::from_str(list.metadata.get())?;
        let objects: anyhow::Result<Vec<_>> = match self {
            Self::Objects | Self::Metadata => {
                let list: Items = serde_json::from_str(answer)?;
                list.items.iter().map(|item| self.shown(item, kept)).collect()
            }
            Self::Rows | Self::RowsOfObjects => {
                let table: Table = serde_json::from_str(answer)?;
                table.rows.iter().flatten().map(|row| self.row(row, kept)).collect()
            }
        };
        Ok((metadata.revision()?, objects?))
    }

    fn bookmark(self, object: &RawValue) -> anyhow::Result<Event> {
        let metadata: Metadata = match self {
            Self::Objects | Self::Metadata => metadata_of(object)?,
            Self::Rows | Self::RowsOfObjects => {
                let table: Table = serde_json::from_str(object.get())?;
                metadata_of(
                    table
                        .rows
                        .iter()
                        .flatten()
                        .next()
                        .context("a bookmark without a row")?
                        .object,
                )?
            }
        };
        Ok(Event::Bookmark {
            revision: metadata.revision()?,
            initial_end: metadata.annotations.contains_key(INITIAL_EVENTS_END),
        })
    }

    fn row(self, row: &Row<'_>, kept: &Kept) -> anyhow::Result<Shown> {
        let shown = self.shown(row.object, kept)?;
        ensure!(
            row.cells[0] == *shown.key.name,
            "the row of {:?}: {:?}",
            shown.key,
            row.cells
        );
        Ok(shown)
    }

    fn shown(self, object: &RawValue, kept: &Kept) -> anyhow::Result<Shown> {
        let raw = serde_json::from_str::<WithMetadata>(object.get())?.metadata;
        let metadata: Metadata = serde_json::from_str(raw.get())?;
        let text = match self {
            Self::Objects | Self::RowsOfObjects => object.get(),
            Self::Metadata | Self::Rows => raw.get(),
        };
        Ok(Shown {
            key: metadata.key(),
            revision: metadata.revision()?,
            text: kept.keep(text),
        })
    }
}

fn metadata_of(object: &RawValue) -> anyhow::Result<Metadata> {
    let raw: WithMetadata = serde_json::from_str(object.get())?;
    Ok(serde_json::from_str(raw.metadata.get())?)
}

fn error(status: &RawValue) -> anyhow::Result<Event> {
    let status: Value = serde_json::from_str(status.get())?;
    Ok(Event::Error {
        code: status["code"].as_u64().context("no code")?,
        message: status["message"].as_str().unwrap_or_default().to_owned(),
    })
}

/// Texts, each once: many watchers see the same.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<HashSet<Arc<str>>>);

impl Kept {
    pub(crate) fn keep(&self, text: &str) -> Arc<str> {
        let mut texts = self.0.lock();
        if let Some(known) = texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        texts.insert(new.clone());
        new
    }
}
