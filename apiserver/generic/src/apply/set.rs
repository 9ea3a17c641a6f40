//! Sets of fields, and their algebra.

use std::{cmp::Ordering, fmt};

use super::path::PathElement;

/// A set of paths into an object. A path that is a member says nothing about those above or below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Sorted by element. A node is a member, or has members below it, or both.
    pub(super) nodes: Vec<Node>,
}

/// One element with what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: PathElement,
    /// The path to this element is in the set.
    pub(super) member: bool,
    pub(super) below: FieldSet,
}

impl FieldSet {
    /// Whether the set has no members.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many paths are in the set.
    pub fn len(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| usize::from(node.member) + node.below.len())
            .sum()
    }

    /// Adds one path. The empty path, the object itself, can't be a member.
    pub fn insert(&mut self, path: &[PathElement]) {
        let Some((first, rest)) = path.split_first() else {
            return;
        };
        let node = self.node_mut(first);
        if rest.is_empty() {
            node.member = true;
        } else {
            node.below.insert(rest);
        }
    }

    /// Whether this path is in the set.
    pub fn has(&self, path: &[PathElement]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return false;
        };
        match self.node(first) {
            None => false,
            Some(node) if rest.is_empty() => node.member,
            Some(node) => node.below.has(rest),
        }
    }

    /// Every path: the members of a level first, then those below each.
    pub fn paths(&self) -> Vec<Vec<PathElement>> {
        let mut paths = Vec::with_capacity(self.len());
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    /// Members of either set.
    #[must_use]
    pub fn union(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |element, a, b| match (a, b) {
            (Some(a), Some(b)) => Some(Node {
                element: element.clone(),
                member: a.member || b.member,
                below: a.below.union(&b.below),
            }),
            (Some(only), None) | (None, Some(only)) => Some(only.clone()),
            (None, None) => None,
        })
    }

    /// Members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |element, a, b| {
            let (a, b) = (a?, b?);
            Node::new(element.clone(), a.member && b.member, a.below.intersection(&b.below))
        })
    }

    /// Members of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |element, a, b| {
            let a = a?;
            let Some(b) = b else { return Some(a.clone()) };
            Node::new(element.clone(), a.member && !b.member, a.below.difference(&b.below))
        })
    }

    /// Members of this set that are neither in the other nor below a member of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &FieldSet) -> FieldSet {
        self.zip(other, |element, a, b| {
            let a = a?;
            match b {
                None => Some(a.clone()),
                Some(b) if b.member => None,
                Some(b) => Node::new(element.clone(), a.member, a.below.recursive_difference(&b.below)),
            }
        })
    }

    /// Members that have no members below them.
    #[must_use]
    pub fn leaves(&self) -> FieldSet {
        let leaf = |node: &Node| Node {
            element: node.element.clone(),
            member: node.member && node.below.is_empty(),
            below: node.below.leaves(),
        };
        FieldSet {
            nodes: self.nodes.iter().map(leaf).collect(),
        }
    }

    /// Whether every member is in the other set.
    pub fn is_subset(&self, other: &FieldSet) -> bool {
        self.nodes.iter().all(|node| {
            other
                .node(&node.element)
                .is_some_and(|known| (known.member || !node.member) && node.below.is_subset(&known.below))
        })
    }

    /// The node of an element, where there is one.
    pub(super) fn node(&self, element: &PathElement) -> Option<&Node> {
        let at = self.position(element).ok()?;
        self.nodes.get(at)
    }

    /// Adds a node for an element that is not in the set; elements that arrive in order cost no search.
    pub(super) fn push(&mut self, element: PathElement, member: bool, below: FieldSet) {
        let Some(node) = Node::new(element, member, below) else {
            return;
        };
        if self.nodes.last().is_none_or(|last| last.element < node.element) {
            self.nodes.push(node);
            return;
        }
        match self.position(&node.element) {
            Err(at) => self.nodes.insert(at, node),
            Ok(at) => {
                let known = &mut self.nodes[at];
                known.member |= node.member;
                known.below = known.below.union(&node.below);
            }
        }
    }

    fn node_mut(&mut self, element: &PathElement) -> &mut Node {
        let at = match self.position(element) {
            Ok(at) => at,
            Err(at) => {
                let node = Node {
                    element: element.clone(),
                    member: false,
                    below: FieldSet::default(),
                };
                self.nodes.insert(at, node);
                at
            }
        };
        &mut self.nodes[at]
    }

    fn position(&self, element: &PathElement) -> Result<usize, usize> {
        self.nodes.binary_search_by(|node| node.element.cmp(element))
    }

    /// Walks the elements of both sets in order and keeps what `choose` returns.
    fn zip<'a>(
        &'a self,
        other: &'a FieldSet,
        choose: impl Fn(&PathElement, Option<&'a Node>, Option<&'a Node>) -> Option<Node>,
    ) -> FieldSet {
        let (mut left, mut right) = (self.nodes.iter().peekable(), other.nodes.iter().peekable());
        let mut nodes = Vec::new();
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return FieldSet { nodes },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.element.cmp(&b.element),
            };
            let a = if order.is_le() { left.next() } else { None };
            let b = if order.is_ge() { right.next() } else { None };
            let chosen = a.or(b).and_then(|node| choose(&node.element, a, b));
            nodes.extend(chosen);
        }
    }

    fn collect_paths(&self, above: &mut Vec<PathElement>, paths: &mut Vec<Vec<PathElement>>) {
        for node in self.nodes.iter().filter(|node| node.member) {
            paths.push(above.iter().chain([&node.element]).cloned().collect());
        }
        for node in &self.nodes {
            above.push(node.element.clone());
            node.below.collect_paths(above, paths);
            above.pop();
        }
    }
}

impl Node {
    /// `None` where the node would hold nothing.
    fn new(element: PathElement, member: bool, below: FieldSet) -> Option<Node> {
        (member || !below.is_empty()).then_some(Node { element, member, below })
    }
}

/// The paths of a set, as messages name them, separated by new lines.
impl fmt::Display for FieldSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, path) in self.paths().iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "\n" })?;
            path.iter().try_for_each(|element| write!(f, "{element}"))?;
        }
        Ok(())
    }
}
