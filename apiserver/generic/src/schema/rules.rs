//! The value rules of a node: what JSON Schema calls validation keywords.

use std::sync::Arc;

use regex::Regex;
use serde_json::{Number, Value};

use super::{Schema, formats::Format};

/// Rules beyond the type. All are checked; a node without any holds none of this.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Fields that must be present, in declared order.
    pub(super) required: Box<[Box<str>]>,
    pub(super) enumeration: Box<[Value]>,
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<Number>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) pattern: Option<Pattern>,
    pub(super) format: Option<DeclaredFormat>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) unique_items: bool,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,
    pub(super) all_of: Box<[Schema]>,
    pub(super) any_of: Box<[Schema]>,
    /// `anyOf` only repeats what `x-kubernetes-int-or-string` says.
    pub(super) any_of_repeats_type: bool,
    pub(super) one_of: Box<[Schema]>,
    pub(super) not: Option<Box<Schema>>,
}

/// A limit of a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    pub(super) limit: Number,
    pub(super) exclusive: bool,
}

/// `format`, as declared and as it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeclaredFormat {
    pub(super) name: Box<str>,
    pub(super) check: Format,
}

/// A compiled regular expression; equal patterns of one schema share it.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Arc<Regex>);

impl Rules {
    /// Whether there is nothing to check.
    pub(super) fn is_empty(&self) -> bool {
        self.required.is_empty()
            && self.enumeration.is_empty()
            && self.minimum.is_none()
            && self.maximum.is_none()
            && self.multiple_of.is_none()
            && self.min_length.is_none()
            && self.max_length.is_none()
            && self.pattern.is_none()
            && self.format.is_none()
            && self.min_items.is_none()
            && self.max_items.is_none()
            && !self.unique_items
            && self.min_properties.is_none()
            && self.max_properties.is_none()
            && self.all_of.is_empty()
            && self.any_of.is_empty()
            && self.one_of.is_empty()
            && self.not.is_none()
    }
}
