//! A persistent ordered map of entries in two levels: an array of shared leaves.
//!
//! A clone is a pointer. A write to a map that has clones copies one leaf (at most 128 pointers) and the array of leaves
//! (one pointer for each 64 to 128 entries: 1 KiB at 10,000 objects); a write to one that has none copies nothing.

use std::cmp::Ordering;
use std::sync::Arc;

mod leaf;

use super::Entry;
pub(super) use leaf::LabelHash;
use leaf::Leaf;

/// Entries of a full leaf.
const FULL: usize = 128;
/// A leaf with fewer entries is joined with a neighbour where both fit into three quarters of a leaf.
const SPARSE: usize = FULL / 4;

/// Entries in byte order of `namespace/name`. No leaf is empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    leaves: Arc<Vec<Arc<Leaf>>>,
    len: usize,
}

impl Map {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Entry>> {
        let leaf = &self.leaves[self.leaf_of(namespace, name)?];
        let at = search(leaf, namespace, name).ok()?;
        leaf.get(at)
    }

    /// Puts an entry and returns the one it replaces.
    pub(super) fn insert(&mut self, entry: Arc<Entry>) -> Option<Arc<Entry>> {
        let leaves = Arc::make_mut(&mut self.leaves);
        let Some(index) = leaf_of(leaves, &entry.namespace, &entry.name) else {
            leaves.push(Arc::new(vec![entry].into()));
            self.len += 1;
            return None;
        };
        match search(&leaves[index], &entry.namespace, &entry.name) {
            Ok(at) => Some(std::mem::replace(&mut Arc::make_mut(&mut leaves[index])[at], entry)),
            Err(at) => {
                insert_new(leaves, index, at, entry);
                self.len += 1;
                None
            }
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) -> Option<Arc<Entry>> {
        let index = self.leaf_of(namespace, name)?;
        let at = search(&self.leaves[index], namespace, name).ok()?;
        let leaves = Arc::make_mut(&mut self.leaves);
        let removed = Arc::make_mut(&mut leaves[index]).remove(at);
        self.len -= 1;
        join_sparse(leaves, index);
        Some(removed)
    }

    /// All entries from `position` on.
    pub(super) fn iter_from(&self, position: Position) -> Iter<'_> {
        Iter {
            leaves: &self.leaves,
            leaf: position.leaf,
            at: position.at,
        }
    }

    /// The entries from `start` to before `end` that have a label, and perhaps others of the same hash.
    pub(super) fn labelled(
        &self,
        label: LabelHash,
        start: Position,
        end: Position,
    ) -> impl Iterator<Item = &Arc<Entry>> {
        let leaves = self.leaves.iter().enumerate().take(end.leaf + 1).skip(start.leaf);
        leaves.flat_map(move |(index, leaf)| {
            let from = if index == start.leaf { start.at } else { 0 };
            let to = if index == end.leaf { end.at } else { usize::MAX };
            let positions = leaf.labelled(label).filter(move |at| (from..to).contains(at));
            positions.filter_map(|at| leaf.get(at))
        })
    }

    /// One past the last entry.
    pub(super) fn end(&self) -> Position {
        Position {
            leaf: self.leaves.len(),
            at: 0,
        }
    }

    /// The place of the first entry for which `before` does not hold; it must hold for the entries of a prefix.
    pub(super) fn seek(&self, before: impl Fn(&Entry) -> bool) -> Position {
        let holds = |leaf: &Arc<Leaf>| leaf.first().is_some_and(|first| before(first));
        let Some(leaf) = self.leaves.partition_point(holds).checked_sub(1) else {
            return Position::default();
        };
        let at = self.leaves[leaf].partition_point(|entry| before(entry));
        Position { leaf, at }
    }

    /// How many entries lie before `position`.
    pub(super) fn rank(&self, position: Position) -> usize {
        self.leaves
            .iter()
            .take(position.leaf)
            .map(|leaf| leaf.len())
            .sum::<usize>()
            + position.at
    }

    fn leaf_of(&self, namespace: &str, name: &str) -> Option<usize> {
        leaf_of(&self.leaves, namespace, name)
    }
}

/// A place in one map: a leaf and an offset in it, which may be one past the leaf's last entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    leaf: usize,
    at: usize,
}

/// Walks a map in order.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    leaves: &'a [Arc<Leaf>],
    leaf: usize,
    at: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let leaf = self.leaves.get(self.leaf)?;
            if let Some(entry) = leaf.get(self.at) {
                self.at += 1;
                return Some(entry);
            }
            self.leaf += 1;
            self.at = 0;
        }
    }
}

/// The leaf that holds the key, or would: the last one that begins at or before it. None in an empty map.
fn leaf_of(leaves: &[Arc<Leaf>], namespace: &str, name: &str) -> Option<usize> {
    let starts_at_or_before = |leaf: &Arc<Leaf>| {
        leaf.first()
            .is_some_and(|first| first.order(namespace, name) != Ordering::Greater)
    };
    let after = leaves.partition_point(starts_at_or_before);
    if leaves.is_empty() {
        None
    } else {
        Some(after.saturating_sub(1))
    }
}

fn search(leaf: &Leaf, namespace: &str, name: &str) -> Result<usize, usize> {
    leaf.binary_search_by(|entry| entry.order(namespace, name))
}

fn insert_new(leaves: &mut Vec<Arc<Leaf>>, index: usize, at: usize, entry: Arc<Entry>) {
    if leaves[index].len() < FULL {
        Arc::make_mut(&mut leaves[index]).insert(at, entry);
        return;
    }
    // Keys that arrive in order fill each leaf to the brim.
    if at == FULL && index + 1 == leaves.len() {
        leaves.push(Arc::new(vec![entry].into()));
        return;
    }
    let leaf = Arc::make_mut(&mut leaves[index]);
    let mut upper = leaf.split_off(FULL / 2);
    leaf.shrink_to_fit();
    if at <= FULL / 2 {
        leaf.insert(at, entry);
    } else {
        upper.insert(at - FULL / 2, entry);
    }
    leaves.insert(index + 1, Arc::new(upper.into()));
}

fn join_sparse(leaves: &mut Vec<Arc<Leaf>>, index: usize) {
    let len = leaves[index].len();
    if len == 0 {
        leaves.remove(index);
        return;
    }
    if len >= SPARSE {
        return;
    }
    let room = FULL - SPARSE - len;
    let fits = |at: usize| leaves.get(at).is_some_and(|leaf| leaf.len() <= room);
    let left = if fits(index + 1) {
        index
    } else if index > 0 && fits(index - 1) {
        index - 1
    } else {
        return;
    };
    let right = leaves.remove(left + 1);
    Arc::make_mut(&mut leaves[left]).extend(right.iter().cloned());
}

#[cfg(test)]
mod tests;
