//! A run of neighbouring entries, and which of them carry a label: found out when a list by label first asks.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, OnceLock};

use crate::cache::Entry;

/// Entries in order. Whoever changes them makes what is known of their labels void.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    entries: Vec<Arc<Entry>>,
    /// The hash of each entry's each label with the entry's position, in order.
    labels: OnceLock<Box<[u64]>>,
}

/// A label with its value, reduced to what leaves keep of it. Different labels may have the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct LabelHash(u64);

/// Bits of a position in a leaf: the lowest byte.
const POSITION_BITS: u32 = 8;

impl LabelHash {
    pub(in crate::cache) fn of(key: &[u8], value: &[u8]) -> Self {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        Self(hasher.hash_one((key, value)) << POSITION_BITS)
    }

    fn range(self) -> Range<u64> {
        self.0..self.0 + (1 << POSITION_BITS)
    }
}

impl Leaf {
    /// The positions of the entries that have a label, in order, and perhaps of others of the same hash.
    pub(super) fn labelled(&self, label: LabelHash) -> impl Iterator<Item = usize> {
        let labels = self.labels.get_or_init(|| index(&self.entries));
        let range = label.range();
        let first = labels.partition_point(|labelled| *labelled < range.start);
        labels[first..]
            .iter()
            .take_while(move |labelled| range.contains(labelled))
            .map(move |labelled| usize::from((labelled - label.0).to_le_bytes()[0]))
    }
}

fn index(entries: &[Arc<Entry>]) -> Box<[u64]> {
    let labels = entries.iter().zip(0u64..).flat_map(|(entry, position)| {
        let hashes = entry.index.labels.pairs().map(|(key, value)| LabelHash::of(key, value));
        hashes.map(move |label| label.0 + position)
    });
    let mut labels: Vec<u64> = labels.collect();
    labels.sort_unstable();
    labels.into()
}

impl From<Vec<Arc<Entry>>> for Leaf {
    fn from(entries: Vec<Arc<Entry>>) -> Self {
        Self {
            entries,
            labels: OnceLock::new(),
        }
    }
}

/// A copy is made to be changed, so it knows nothing of labels.
impl Clone for Leaf {
    fn clone(&self) -> Self {
        self.entries.clone().into()
    }
}

impl Deref for Leaf {
    type Target = Vec<Arc<Entry>>;

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl DerefMut for Leaf {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.labels.take();
        &mut self.entries
    }
}
