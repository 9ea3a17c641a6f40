//! The write path: one pipeline for all verbs, from a decoded object to a durable one.

mod admitted;
mod commit;
mod create;
mod delete;
mod metadata;
mod options;
pub(super) mod replicas;
mod update;
mod validate;

use std::{net::IpAddr, sync::Arc};

use serde_json::Value;

pub(super) use self::metadata::{check_namespace, validate_body as validate_metadata};
pub use self::options::{DeleteOptions, Deleted, Preconditions, Propagation};
use super::StrategyContext;
use crate::{
    admission::Notes, apply::Manager, authn::User, authz::Access, cache::Entry, request::options::WriteOptions,
    status::Status, storage::Revision,
};

/// Who writes, where and how.
pub(super) struct WriteRequest<'a> {
    pub(super) user: &'a User,
    /// None for calls within the process.
    pub(super) access: Option<Access<'a>>,
    /// Where from, as far as it is known.
    pub(super) source: Option<IpAddr>,
    /// Empty for a cluster-scoped resource.
    pub(super) namespace: &'a str,
    /// Empty for the main resource.
    pub(super) subresource: &'a str,
    pub(super) options: WriteOptions,
    /// What is left for the client, the audit log, and after the write.
    pub(super) notes: Notes,
}

impl WriteRequest<'_> {
    pub(super) fn strategy_context(&self) -> StrategyContext<'_> {
        StrategyContext {
            user: self.user,
            access: self.access,
            source: self.source,
            namespace: self.namespace,
            subresource: self.subresource,
            dry_run: self.options.dry_run,
            notes: &self.notes,
        }
    }

    /// The field manager of this request, for an object of `api_version`.
    pub(super) fn manager<'m>(&'m self, api_version: &'m str) -> Manager<'m> {
        Manager {
            name: &self.options.manager,
            api_version,
            subresource: self.subresource,
            now: jiff::Timestamp::now(),
        }
    }
}

/// Which part of an object a write may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All but the status, where `/status` writes it.
    Main,
    /// The status.
    Status,
    /// What the strategy lets through.
    Subresource(&'static str),
    /// The replicas, through `/scale`.
    Scale,
}

impl Part {
    /// The subresource in paths.
    pub(super) fn subresource(self) -> &'static str {
        match self {
            Part::Main => "",
            Part::Status => "status",
            Part::Subresource(name) => name,
            Part::Scale => "scale",
        }
    }
}

/// What happens to an existing object.
pub(super) enum Change<'a> {
    /// It becomes another.
    Update(Update<'a>),
    /// It goes away.
    Delete(&'a DeleteOptions),
}

/// Makes the new object from the stored one. May run several times, on newer states.
pub(super) type MakeNew<'a> = dyn Fn(&Value) -> Result<Value, Status> + Send + Sync + 'a;

/// How an object changes.
pub(super) struct Update<'a> {
    pub(super) part: Part,
    pub(super) make_new: &'a MakeNew<'a>,
    /// Whether `make_new` has already set `metadata.managedFields`, as server-side apply does.
    pub(super) managed: bool,
    /// Whether an object without resourceVersion may replace any state.
    pub(super) unconditional: bool,
    /// Whether the new object was sent whole: its UID is then a precondition.
    pub(super) whole: bool,
}

impl<'a> Update<'a> {
    /// A change of any state of the object, whose owner is still to be recorded.
    pub(super) fn of(part: Part, make_new: &'a MakeNew<'a>) -> Update<'a> {
        Update {
            part,
            make_new,
            managed: false,
            unconditional: true,
            whole: false,
        }
    }

    /// A server-side apply.
    pub(super) fn applied(part: Part, make_new: &'a MakeNew<'a>) -> Update<'a> {
        Update {
            managed: true,
            ..Update::of(part, make_new)
        }
    }
}

impl<'a> From<Update<'a>> for Change<'a> {
    fn from(update: Update<'a>) -> Change<'a> {
        Change::Update(update)
    }
}

/// How a write ended.
pub(super) struct Written {
    pub(super) state: State,
    pub(super) object: Shown,
}

/// What has become of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is new.
    Created,
    /// It is there, changed or not.
    Kept,
    /// It is gone.
    Removed,
}

/// An object to answer with.
#[derive(Clone)]
pub(super) enum Shown {
    /// As it is cached: its bytes are sent as they are.
    Entry(Arc<Entry>),
    /// Not stored: the result of a dry run, or of a virtual resource.
    Value(Value),
}

impl Written {
    /// The object as a value, for code in this process.
    pub(super) fn into_value(self) -> Result<Value, Status> {
        match self.object {
            Shown::Value(value) => Ok(value),
            Shown::Entry(entry) => {
                serde_json::from_slice(&entry.encoded).map_err(|error| Status::internal(error.to_string()))
            }
        }
    }
}

/// The stored object that a change begins with.
pub(super) struct Live {
    /// With `metadata.resourceVersion`.
    pub(super) value: Value,
    pub(super) revision: Revision,
    /// Whether it was read from the store itself, not from the cache, which may lag.
    pub(super) verified: bool,
    /// Whether the store would write it otherwise now.
    pub(super) stale: bool,
}

/// What a change comes to.
pub(super) enum Plan {
    /// Nothing is written.
    Unchanged,
    /// This is written.
    Put(Value),
    /// The key is removed; this was the last state.
    Remove(Value),
}
