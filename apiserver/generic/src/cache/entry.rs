//! One cached object: its encoded bytes and a small index.

use std::cmp::Ordering;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::splice::{member, splice};
use super::{EventKind, Labels};
use crate::{negotiate::MetaVersion, storage::Revision};

/// Takes out of an object what lists, selectors and tables need, so that reads never parse it.
pub trait Indexer: Send + Sync + 'static {
    /// Indexes `object`, whose bytes are `encoded`; both carry `metadata.resourceVersion`.
    /// [`Index::metadata`] may be left empty: the cache sets it.
    fn index(&self, object: &Value, encoded: &[u8]) -> Index;

    /// Whether objects are cached otherwise than they are stored, in another version.
    fn converts(&self) -> bool {
        false
    }

    /// A stored object in the cached version; none where nothing is converted or it can't be. Twice is as good as once.
    fn convert(&self, _stored: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Whether an index shows `metadata.resourceVersion`: then it can't be made before the write, nor be kept by the
    /// event of a removal.
    fn shows_revision(&self) -> bool {
        false
    }
}

/// What is known of an object without parsing it.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Labels.
    pub labels: Labels,
    /// Values of the definition's selectable fields, in its order.
    pub fields: Box<[Box<str>]>,
    /// Table cells, as [`crate::table::cells`] makes them.
    pub cells: Box<str>,
    /// Where the metadata object lies in the encoded bytes.
    pub metadata: Range<u32>,
}

/// An object at one revision. Immutable, shared by the map, the history and every watcher.
#[derive(Debug)]
pub struct Entry {
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// The revision of the write, which is also `metadata.resourceVersion` in the bytes.
    pub revision: Revision,
    /// The object as JSON, with `metadata.resourceVersion`. A part of the watch frame's buffer.
    pub encoded: Bytes,
    /// What selectors and tables read.
    pub index: Index,
    /// The watch frame of the event that made this entry; `encoded` points into it.
    frame: Bytes,
}

/// Stored bytes that are not a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object (at byte {at})")]
pub struct Malformed {
    pub(super) at: usize,
}

impl Entry {
    /// Makes the entry of a write of kind `kind` at `revision` from the stored bytes, in the version that is cached.
    pub fn new(
        kind: EventKind,
        (namespace, name): (&str, &str),
        revision: Revision,
        stored: &[u8],
        indexer: &dyn Indexer,
    ) -> Result<Self, Malformed> {
        let converted = indexer.converts().then(|| indexer.convert(stored)).flatten();
        let cached = converted.as_deref().unwrap_or(stored);
        let mut entry = Self::indexed(kind, (namespace, name), revision, cached, Index::default())?;
        let object: Value = serde_json::from_slice(&entry.encoded).map_err(|error| Malformed { at: error.column() })?;
        entry.index = Index {
            metadata: entry.index.metadata,
            ..indexer.index(&object, &entry.encoded)
        };
        Ok(entry)
    }

    /// As [`Entry::new`], for an object whose index is known: its bytes are not parsed.
    pub(super) fn indexed(
        kind: EventKind,
        (namespace, name): (&str, &str),
        revision: Revision,
        stored: &[u8],
        index: Index,
    ) -> Result<Self, Malformed> {
        let prefix = kind.frame_prefix();
        let mut buffer = Vec::with_capacity(prefix.len() + stored.len() + 48);
        buffer.extend_from_slice(prefix);
        let metadata = splice(&mut buffer, stored, revision)?;
        let object_end = buffer.len();
        buffer.extend_from_slice(FRAME_END);
        buffer.shrink_to_fit();

        let frame = Bytes::from(buffer);
        let encoded = frame.slice(prefix.len()..object_end);
        let index = Index {
            metadata: narrow(&metadata)?,
            ..index
        };
        Ok(Self {
            namespace: namespace.into(),
            name: name.into(),
            revision,
            encoded,
            index,
            frame,
        })
    }

    /// The bytes of the metadata object.
    pub fn metadata(&self) -> Bytes {
        self.encoded
            .slice(self.index.metadata.start as usize..self.index.metadata.end as usize)
    }

    /// The object as `PartialObjectMetadata` of this version.
    pub fn partial_metadata(&self, version: MetaVersion) -> Bytes {
        let mut out = BytesMut::with_capacity(self.partial_length(version));
        self.write_partial_metadata(version, &mut out);
        out.freeze()
    }

    /// Appends the object as `PartialObjectMetadata`.
    pub(crate) fn write_partial_metadata(&self, version: MetaVersion, out: &mut BytesMut) {
        out.extend_from_slice(version.partial_start().as_bytes());
        out.extend_from_slice(&self.encoded[self.index.metadata.start as usize..self.index.metadata.end as usize]);
        out.extend_from_slice(b"}");
    }

    /// How long it is in this form.
    pub(crate) fn partial_length(&self, version: MetaVersion) -> usize {
        version.partial_start().len() + self.index.metadata.len() + 1
    }

    /// `metadata.uid`, read from the bytes.
    pub fn uid(&self) -> Option<String> {
        serde_json::from_slice(member(&self.metadata(), "uid")?).ok()
    }

    /// Whether the object is being deleted, read from the bytes.
    pub fn is_terminating(&self) -> bool {
        member(&self.metadata(), "deletionTimestamp").is_some_and(|since| since != b"null")
    }

    /// The watch frame that tells of this object as ADDED, for a watcher's initial events.
    pub fn added_frame(&self) -> Bytes {
        if self.made_by(EventKind::Added) {
            self.frame()
        } else {
            EventKind::Added.frame(&self.encoded)
        }
    }

    /// Whether an event of this kind made the entry.
    pub(super) fn made_by(&self, kind: EventKind) -> bool {
        self.frame.starts_with(kind.frame_prefix())
    }

    /// The watch frame of the event that made this entry: `{"type":"ADDED","object":...}` and a newline.
    pub(super) fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// Estimated bytes that this entry keeps alive.
    pub(super) fn weight(&self) -> usize {
        let labels = self.index.labels.weight();
        let fields: usize = self.index.fields.iter().map(|f| f.len() + 16).sum();
        size_of::<Self>() + ALLOCATIONS + self.frame.len() + labels + fields + self.index.cells.len()
    }

    /// Order of the store's keys: bytes of `namespace/name`.
    pub(super) fn order(&self, namespace: &str, name: &str) -> Ordering {
        compare_keys((&self.namespace, &self.name), (namespace, name))
    }
}

/// Compares `namespace/name` of two objects in byte order, as the store's keys.
pub(super) fn compare_keys(a: (&str, &str), b: (&str, &str)) -> Ordering {
    if a.0 == b.0 {
        return a.1.as_bytes().cmp(b.1.as_bytes());
    }
    let bytes = |key: (&str, &str)| -> Vec<u8> { [key.0.as_bytes(), b"/", key.1.as_bytes()].concat() };
    let common = a.0.len().min(b.0.len());
    match a.0.as_bytes()[..common].cmp(&b.0.as_bytes()[..common]) {
        // One namespace begins with the other ("a" and "a-b"): the slash decides.
        Ordering::Equal => bytes(a).cmp(&bytes(b)),
        order => order,
    }
}

fn narrow(range: &Range<usize>) -> Result<Range<u32>, Malformed> {
    let bound = |at: usize| u32::try_from(at).map_err(|_| Malformed { at });
    Ok(bound(range.start)?..bound(range.end)?)
}

const FRAME_END: &[u8] = b"}\n";
/// Allocator overhead of the entry's parts, and the counter that its two byte slices share.
const ALLOCATIONS: usize = 128;
