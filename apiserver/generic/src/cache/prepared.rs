//! Indexes of writes that are on their way through the store: who encodes an object knows it, and saves the feed the parsing.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::Index;

/// The indexes of writes that this process has asked the store for, by the address of the bytes that are to be stored. A
/// store that hands the same bytes to its watch gives them away by it; from another the bytes are new, and are parsed.
#[derive(Debug, Default)]
pub(super) struct Prepared(Mutex<HashMap<usize, (Bytes, Index)>>);

/// Keeps an index ready for as long as its write takes. Dropped, it is forgotten, so there are never more than writes.
#[must_use = "the index is forgotten when this is dropped"]
pub struct Preparation {
    prepared: Arc<Prepared>,
    address: usize,
}

impl Prepared {
    /// Keeps the index of the object that is stored as these bytes.
    pub(super) fn keep(self: &Arc<Self>, stored: &Bytes, index: Index) -> Preparation {
        let address = stored.as_ptr() as usize;
        // The bytes are kept too: as long as they live, no others have their address.
        self.0.lock().insert(address, (stored.clone(), index));
        Preparation {
            prepared: self.clone(),
            address,
        }
    }

    /// The index of exactly these bytes.
    pub(super) fn take(&self, stored: &[u8]) -> Option<Index> {
        let address = stored.as_ptr() as usize;
        let mut waiting = self.0.lock();
        let (kept, index) = waiting.remove(&address)?;
        (kept.len() == stored.len()).then_some(index)
    }
}

impl Drop for Preparation {
    fn drop(&mut self) {
        self.prepared.0.lock().remove(&self.address);
    }
}
