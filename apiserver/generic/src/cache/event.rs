//! What happened to one object.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Entry;
use crate::storage::Revision;

/// What a write did to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Created.
    Added,
    /// Changed.
    Modified,
    /// Removed.
    Deleted,
}

impl EventKind {
    /// The `type` of a watch event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }

    /// What stands before the object in a watch frame of this type; after it come `}` and a newline.
    pub fn frame_prefix(self) -> &'static [u8] {
        match self {
            Self::Added => br#"{"type":"ADDED","object":"#,
            Self::Modified => br#"{"type":"MODIFIED","object":"#,
            Self::Deleted => br#"{"type":"DELETED","object":"#,
        }
    }

    /// A watch frame of this type around an encoded object.
    pub fn frame(self, object: &[u8]) -> Bytes {
        let prefix = self.frame_prefix();
        let mut out = BytesMut::with_capacity(prefix.len() + object.len() + 2);
        out.extend_from_slice(prefix);
        out.extend_from_slice(object);
        out.extend_from_slice(b"}\n");
        out.freeze()
    }
}

/// One change of one object, shared by all watchers.
#[derive(Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When, in the store's count.
    pub revision: Revision,
    /// The object after the event. For [`EventKind::Deleted`]: its last state, with the deletion's revision.
    pub entry: Arc<Entry>,
    /// The object before the event; none for [`EventKind::Added`].
    pub previous: Option<Arc<Entry>>,
}

impl Event {
    /// The JSON watch frame, `{"type":"ADDED","object":...}` and a newline. Encoded once, with the entry: this clones a
    /// pointer.
    pub fn frame(&self) -> Bytes {
        self.entry.frame()
    }

    /// Estimated bytes that only the history keeps alive: the event and the state that it replaced.
    pub(super) fn weight(&self) -> usize {
        let deleted = if self.kind == EventKind::Deleted {
            self.entry.weight()
        } else {
            0
        };
        OVERHEAD + self.previous.as_ref().map_or(0, |previous| previous.weight()) + deleted
    }
}

/// The event itself, its counters and its places in the queues.
const OVERHEAD: usize = 128;
