//! Watch frames in the form that a client asked for.

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::{
    cache::{Entry, Event, EventKind},
    negotiate::{Form, TableOptions},
    registry::{answer, definition_ref::DefinitionRef, object, selection::Selection},
    status::Status,
    storage::Revision,
    table::{self, RowSource},
};

/// Marks the bookmark after the initial objects; without it an informer waits for ever.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Writes the frames of one watch.
pub(in crate::registry) struct Frames {
    definition: DefinitionRef,
    form: Form,
    /// Tables carry their columns in the first frame only.
    columns_sent: bool,
}

/// The frame of an error, after which a watch ends.
pub(in crate::registry) fn error_frame(status: &Status) -> Bytes {
    format!("{{\"type\":\"ERROR\",\"object\":{}}}\n", status.to_json()).into()
}

impl Frames {
    pub(in crate::registry) fn new(definition: DefinitionRef, form: Form) -> Frames {
        Frames {
            definition,
            form,
            columns_sent: false,
        }
    }

    /// An object that existed when the watch began.
    pub(super) fn write_added(&mut self, entry: &Entry, out: &mut BytesMut) {
        if self.form != Form::Object {
            out.extend_from_slice(&self.entry(EventKind::Added, entry));
            return;
        }
        out.extend_from_slice(EventKind::Added.frame_prefix());
        out.extend_from_slice(&entry.encoded);
        out.extend_from_slice(b"}\n");
    }

    /// What an event means to those who see only the selection: an object may enter or leave it.
    pub(super) fn event(&mut self, event: &Event, selection: &Selection) -> Option<Bytes> {
        let is = selection.matches(&event.entry);
        let was = event
            .previous
            .as_ref()
            .is_some_and(|previous| selection.matches(previous));
        match (event.kind, was, is) {
            (EventKind::Added | EventKind::Deleted, _, true) | (EventKind::Modified, true, true)
                if self.form == Form::Object =>
            {
                // Encoded once for all watchers.
                Some(event.frame())
            }
            (EventKind::Deleted, _, true) => Some(self.entry(EventKind::Deleted, &event.entry)),
            (EventKind::Modified, true, true) => Some(self.entry(EventKind::Modified, &event.entry)),
            (EventKind::Added | EventKind::Modified, _, true) => Some(self.entry(EventKind::Added, &event.entry)),
            (EventKind::Modified, true, false) => self.left(event),
            _ => None,
        }
    }

    /// An object left the selection: its last state in it, with the revision of the change.
    fn left(&mut self, event: &Event) -> Option<Bytes> {
        let previous = event.previous.as_ref()?;
        let mut value: Value = serde_json::from_slice(&previous.encoded).ok()?;
        object::set(&mut value, "resourceVersion", event.revision.to_string());
        let json = match self.form {
            Form::Object => value.to_string().into(),
            Form::Metadata(version) => answer::partial_of_value(&value, version),
            Form::Table(options) => {
                let (metadata, object) = (value["metadata"].to_string(), value.to_string());
                let row = RowSource {
                    name: &previous.name,
                    cells: &previous.index.cells,
                    metadata: metadata.as_bytes(),
                    object: object.as_bytes(),
                };
                self.table(&row, event.revision, options)
            }
        };
        Some(EventKind::Deleted.frame(&json))
    }

    fn entry(&mut self, kind: EventKind, entry: &Entry) -> Bytes {
        match self.form {
            Form::Object => kind.frame(&entry.encoded),
            Form::Metadata(version) => kind.frame(&entry.partial_metadata(version)),
            Form::Table(options) => {
                let metadata = entry.metadata();
                let row = RowSource {
                    name: &entry.name,
                    cells: &entry.index.cells,
                    metadata: &metadata,
                    object: &entry.encoded,
                };
                kind.frame(&self.table(&row, entry.revision, options))
            }
        }
    }

    fn table(&mut self, row: &RowSource<'_>, revision: Revision, options: TableOptions) -> Bytes {
        let with_columns = !std::mem::replace(&mut self.columns_sent, true);
        let meta = json!({"resourceVersion": revision.to_string()});
        answer::one_row_table(&self.definition, row, &meta, options, with_columns)
    }

    /// Nothing before this revision was missed.
    pub(super) fn bookmark(&mut self, revision: Revision) -> Bytes {
        self.bookmark_with(&json!({"resourceVersion": revision.to_string()}), revision)
    }

    /// All objects that existed at this revision were sent.
    pub(super) fn initial_events_end(&mut self, revision: Revision) -> Bytes {
        let metadata = json!({"resourceVersion": revision.to_string(), "annotations": {INITIAL_EVENTS_END: "true"}});
        self.bookmark_with(&metadata, revision)
    }

    fn bookmark_with(&mut self, metadata: &Value, revision: Revision) -> Bytes {
        let names = &self.definition.names;
        let object = json!({"kind": names.kind, "apiVersion": names.api_version(), "metadata": metadata});
        let shown: Bytes = match self.form {
            Form::Object => object.to_string().into(),
            Form::Metadata(version) => answer::partial_of_value(&object, version),
            Form::Table(options) => {
                let cells = table::cells(&self.definition, &object);
                let (metadata, object) = (metadata.to_string(), object.to_string());
                let row = RowSource {
                    name: "",
                    cells: &cells,
                    metadata: metadata.as_bytes(),
                    object: object.as_bytes(),
                };
                self.table(&row, revision, options)
            }
        };
        let mut frame = Vec::with_capacity(shown.len() + 32);
        frame.extend_from_slice(br#"{"type":"BOOKMARK","object":"#);
        frame.extend_from_slice(&shown);
        frame.extend_from_slice(b"}\n");
        frame.into()
    }
}
