//! From objects to HTTP answers, in the form that the client asked for. Cached bytes are sent as they are.

use std::{sync::Arc, vec};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ResourceDefinition, Style, warnings::Warnings, write::Shown};
use crate::{
    cache::Entry,
    negotiate::{Accepted, Form, MediaType, MetaVersion, TableOptions},
    serve::Body,
    table::{self, RowSource},
};

/// About how long the pieces of a list are, and room for the object that makes one longer.
const CHUNK: usize = 64 * 1024;
const SLACK: usize = 4 * 1024;

/// One object as the answer of a request.
pub(super) fn object(
    definition: &ResourceDefinition,
    code: StatusCode,
    object: &Shown,
    accepted: Accepted,
    warnings: &Warnings,
) -> Response<Body> {
    let json = match (object, accepted.form) {
        (Shown::Entry(entry), Form::Object) => entry.encoded.clone(),
        (Shown::Entry(entry), Form::Metadata(version)) => entry.partial_metadata(version),
        (Shown::Entry(entry), Form::Table(options)) => table_of_entry(definition, entry, options, true),
        (Shown::Value(value), Form::Object) => value.to_string().into(),
        (Shown::Value(value), Form::Metadata(version)) => partial_of_value(value, version),
        (Shown::Value(value), Form::Table(options)) => table_of_value(definition, value, options),
    };
    bytes(code, accepted.media, json, warnings)
}

/// A JSON value as the answer of a request.
pub(super) fn value(code: StatusCode, value: &Value, media: MediaType, warnings: &Warnings) -> Response<Body> {
    respond(code, media, Body::full(media.encode(value)), warnings)
}

/// Encoded JSON as the answer of a request.
pub(super) fn bytes(code: StatusCode, media: MediaType, json: Bytes, warnings: &Warnings) -> Response<Body> {
    respond(code, media, Body::full(media.transcode(json)), warnings)
}

fn respond(code: StatusCode, media: MediaType, body: Body, warnings: &Warnings) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    warnings.write(response.headers_mut());
    response
}

/// The `metadata` of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct ListMeta {
    pub(super) resource_version: u64,
    pub(super) continue_token: Option<String>,
    pub(super) remaining: Option<usize>,
}

impl ListMeta {
    fn to_json(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.resource_version.to_string()});
        if let Some(token) = &self.continue_token {
            metadata["continue"] = token.as_str().into();
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        metadata
    }
}

/// A list. Its items are pieces of the cache, joined while they are sent.
pub(super) fn list(
    definition: &ResourceDefinition,
    entries: Vec<Arc<Entry>>,
    meta: &ListMeta,
    accepted: Accepted,
    warnings: &Warnings,
) -> Response<Body> {
    let pieces = match accepted.form {
        Form::Object => {
            let mut meta = meta.clone();
            if definition.style == Style::Custom {
                // Lists of custom resources always have one, empty on the last page.
                meta.continue_token.get_or_insert_default();
            }
            let kind = format!("{}List", definition.names.kind);
            let (start, end) = list_frame(&definition.names.api_version(), &kind, &meta);
            Pieces::of_list(
                start,
                end,
                entries,
                |entry| entry.encoded.len(),
                |entry, out| {
                    out.extend_from_slice(&entry.encoded);
                },
            )
        }
        Form::Metadata(version) => {
            let (start, end) = list_frame(version.api_version(), "PartialObjectMetadataList", meta);
            Pieces::of_list(
                start,
                end,
                entries,
                |entry| entry.partial_length(version),
                move |entry, out| entry.write_partial_metadata(version, out),
            )
        }
        Form::Table(options) => Pieces::of_one(table_of_list(definition, &entries, meta, options)),
    };
    if accepted.media == MediaType::Json {
        let body = Body::lazy_parts(pieces.length as u64, pieces.parts);
        return respond(StatusCode::OK, accepted.media, body, warnings);
    }
    bytes(StatusCode::OK, accepted.media, pieces.join(), warnings)
}

/// The bytes of a list, made while they are sent.
struct Pieces {
    length: usize,
    parts: Box<dyn Iterator<Item = Bytes> + Send>,
}

impl Pieces {
    fn of_one(bytes: Bytes) -> Pieces {
        Pieces {
            length: bytes.len(),
            parts: Box::new(std::iter::once(bytes)),
        }
    }

    fn of_list(
        start: Bytes,
        end: Bytes,
        entries: Vec<Arc<Entry>>,
        length_of: impl Fn(&Entry) -> usize,
        write: impl Fn(&Entry, &mut BytesMut) + Send + 'static,
    ) -> Pieces {
        let items: usize = entries.iter().map(|entry| length_of(entry)).sum();
        let length = start.len() + items + entries.len().saturating_sub(1) + end.len();
        let chunks = Chunks {
            start: Some(start),
            entries: entries.into_iter(),
            separator: b"",
            end: Some(end),
            write,
        };
        Pieces {
            length,
            parts: Box::new(chunks),
        }
    }

    fn join(self) -> Bytes {
        let mut joined = Vec::with_capacity(self.length);
        self.parts.for_each(|part| joined.extend_from_slice(&part));
        joined.into()
    }
}

/// A list in pieces that are worth sending, each written when it is asked for. Objects are copied once, with nothing made for
/// each of them.
struct Chunks<W> {
    start: Option<Bytes>,
    entries: vec::IntoIter<Arc<Entry>>,
    separator: &'static [u8],
    end: Option<Bytes>,
    write: W,
}

impl<W: Fn(&Entry, &mut BytesMut)> Iterator for Chunks<W> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.end.as_ref()?;
        let mut chunk = BytesMut::with_capacity(CHUNK + SLACK);
        chunk.extend_from_slice(&self.start.take().unwrap_or_default());
        for entry in self.entries.by_ref() {
            chunk.extend_from_slice(std::mem::replace(&mut self.separator, b","));
            (self.write)(&entry, &mut chunk);
            if chunk.len() >= CHUNK {
                return Some(chunk.freeze());
            }
        }
        chunk.extend_from_slice(&self.end.take().unwrap_or_default());
        Some(chunk.freeze())
    }
}

fn list_frame(api_version: &str, kind: &str, meta: &ListMeta) -> (Bytes, Bytes) {
    let start = format!("{{\"apiVersion\":{},\"items\":[", Value::from(api_version));
    let end = format!("],\"kind\":{},\"metadata\":{}}}\n", Value::from(kind), meta.to_json());
    (start.into(), end.into())
}

/// A value as `PartialObjectMetadata`.
pub(super) fn partial_of_value(value: &Value, version: MetaVersion) -> Bytes {
    format!("{}{}}}", version.partial_start(), value["metadata"]).into()
}

/// A table of one row, as a get or a watch event shows it.
pub(super) fn table_of_entry(
    definition: &ResourceDefinition,
    entry: &Entry,
    options: TableOptions,
    with_columns: bool,
) -> Bytes {
    let metadata = entry.metadata();
    let row = RowSource {
        name: &entry.name,
        cells: &entry.index.cells,
        metadata: &metadata,
        object: &entry.encoded,
    };
    let meta = json!({"resourceVersion": entry.revision.to_string()});
    one_row_table(definition, &row, &meta, options, with_columns)
}

fn table_of_value(definition: &ResourceDefinition, value: &Value, options: TableOptions) -> Bytes {
    let cells = table::cells(definition, value);
    let (metadata, object) = (value["metadata"].to_string(), value.to_string());
    let name = super::object::text(value, "name");
    let row = RowSource {
        name,
        cells: &cells,
        metadata: metadata.as_bytes(),
        object: object.as_bytes(),
    };
    let meta = match super::object::text(value, "resourceVersion") {
        "" => json!({}),
        version => json!({"resourceVersion": version}),
    };
    one_row_table(definition, &row, &meta, options, true)
}

pub(super) fn one_row_table(
    definition: &ResourceDefinition,
    row: &RowSource<'_>,
    meta: &Value,
    options: TableOptions,
    with_columns: bool,
) -> Bytes {
    let mut out = table_start(definition, meta, options.version, with_columns);
    table::write_row(&mut out, definition, row, options, Timestamp::now());
    out.extend_from_slice(b"]}");
    out.into()
}

fn table_of_list(
    definition: &ResourceDefinition,
    entries: &[Arc<Entry>],
    meta: &ListMeta,
    options: TableOptions,
) -> Bytes {
    let mut out = table_start(definition, &meta.to_json(), options.version, true);
    let now = Timestamp::now();
    for (position, entry) in entries.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let metadata = entry.metadata();
        let row = RowSource {
            name: &entry.name,
            cells: &entry.index.cells,
            metadata: &metadata,
            object: &entry.encoded,
        };
        table::write_row(&mut out, definition, &row, options, now);
    }
    if entries.is_empty() && table::is_usual(definition) {
        // That table is made by Go code that leaves the list unset.
        out.pop();
        out.extend_from_slice(b"null}\n");
    } else {
        out.extend_from_slice(b"]}\n");
    }
    out.into()
}

fn table_start(definition: &ResourceDefinition, meta: &Value, version: MetaVersion, with_columns: bool) -> Vec<u8> {
    let columns = if with_columns {
        table::column_definitions(definition)
    } else {
        Value::Null
    };
    format!(
        "{{\"apiVersion\":\"{}\",\"columnDefinitions\":{columns},\"kind\":\"Table\",\"metadata\":{meta},\"rows\":[",
        version.api_version()
    )
    .into_bytes()
}
