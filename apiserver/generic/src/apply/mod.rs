//! Server-side apply: who owns which field, merging, conflicts.
//!
//! [`track_create`] and [`track_update`] are for every write that is no apply, [`apply`] for those that are; all compute
//! `metadata.managedFields`. They follow the schema: objects merge field by field, lists by their keys or items where it
//! says so, and everything else is owned and replaced as a whole.
//!
//! Entries of all versions of a kind are read with the one schema that is served.

mod compare;
mod equality;
mod extract;
mod fields_v1;
mod last_applied;
mod managers;
mod merge;
mod ownership;
mod path;
mod prune;
mod remove;
mod scale;
mod server_side;
mod set;
#[cfg(test)]
pub(crate) mod tests;
mod typed;
mod update;
mod validate;
mod value;

use std::fmt;

pub use self::{
    equality::equal_ignoring_managed_time,
    path::PathElement,
    scale::{show_owners, take_owners},
    server_side::apply,
    set::FieldSet,
    update::{track_create, track_update},
};

pub(crate) use self::value::{OrderedValue, same as same_value};

/// Who writes, and through which endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Manager<'a> {
    /// The field manager's name.
    pub name: &'a str,
    /// `group/version` of the request.
    pub api_version: &'a str,
    /// Subresource of the request, or empty.
    pub subresource: &'a str,
    /// Time of the request.
    pub now: jiff::Timestamp,
}

/// How a manager came to own a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        })
    }
}

/// One field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Name of the owner.
    pub manager: String,
    /// How the owner got the field.
    pub operation: Operation,
    /// `group/version` that the owner wrote.
    pub api_version: String,
    /// Subresource that the owner wrote through, or empty.
    pub subresource: String,
    /// When the owner's fields last changed, as it is stored. kube-apiserver's message does not name it.
    pub time: Option<String>,
    /// Path such as `.spec.list[name="x"].y`.
    pub field: String,
}

/// Why an apply was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// Other managers own fields of the configuration, with other values. Sorted by manager, then by field.
    Conflicts(Vec<Conflict>),
    /// The configuration does not fit the schema, or the live object can't be merged; the whole message.
    Invalid(String),
}
