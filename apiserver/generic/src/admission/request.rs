//! What a plug-in is told of a write.

use serde_json::{Map, Value};

use super::Notes;
use crate::{
    authn::User,
    registry::{DeleteOptions, Names, Propagation, ResourceDefinition},
    request::options::{FieldValidation, WriteOptions},
};

/// The write that is asked for.
pub struct AdmissionRequest<'a> {
    /// Who.
    pub user: &'a User,
    /// The resource.
    pub resource: &'a ResourceDefinition,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// The kind of the object: the resource's own, or that of a subresource, such as a Scale.
    pub kind: Kind<'a>,
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Name; a generated one is made already.
    pub name: &'a str,
    /// What happens.
    pub operation: Operation,
    /// How it was asked for.
    pub options: Options<'a>,
    /// The stored object, for update and delete.
    pub old: Option<&'a Value>,
    /// Nothing is stored.
    pub dry_run: bool,
    /// What plug-ins leave with the request.
    pub notes: &'a Notes,
}

/// What a write does. What is created may be an object or the body of a subresource. There is no CONNECT: nothing here is
/// connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// A removed object.
    Delete,
}

/// Group, version and kind of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind<'a> {
    /// API group, empty for core.
    pub group: &'a str,
    /// Version.
    pub version: &'a str,
    /// Kind.
    pub kind: &'a str,
}

/// How a write was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Options<'a> {
    /// A create or an update.
    Write(&'a WriteOptions),
    /// A delete.
    Delete(&'a DeleteOptions),
}

impl AdmissionRequest<'_> {
    /// Whether policies and webhooks are asked about it. They are not about reviews, which say who may do what, nor about
    /// themselves, so that a bad one can be put right.
    pub(super) fn is_for_policies(&self) -> bool {
        const THEMSELVES: &str = "admissionregistration.k8s.io";
        self.resource.virtual_create.is_none() && self.resource.names.group != THEMSELVES
    }

    /// The name in messages.
    pub(super) fn shown_name(&self) -> &str {
        if self.name.is_empty() { "Unknown" } else { self.name }
    }

    /// The options as the object that webhooks and policies see: `CreateOptions`, `UpdateOptions` or `DeleteOptions`.
    pub fn options_object(&self) -> Value {
        let mut object = Map::new();
        let mut set = |field: &str, value: Value| object.insert(field.to_owned(), value);
        set("apiVersion", "meta.k8s.io/v1".into());
        set("kind", format!("{}Options", self.operation.name()).into());
        if self.dry_run {
            set("dryRun", vec!["All"].into());
        }
        match self.options {
            Options::Write(options) => {
                set("fieldManager", options.manager.as_str().into());
                set("fieldValidation", validation(options.field_validation).into());
            }
            Options::Delete(options) => {
                if let Some(propagation) = options.propagation {
                    set("propagationPolicy", policy(propagation).into());
                }
                if let Some(seconds) = options.grace_period_seconds {
                    set("gracePeriodSeconds", seconds.into());
                }
                let expected = &options.preconditions;
                let expected = [("uid", &expected.uid), ("resourceVersion", &expected.resource_version)];
                let expected: Map<String, Value> = expected
                    .into_iter()
                    .filter_map(|(field, value)| Some((field.to_owned(), value.as_deref()?.into())))
                    .collect();
                if !expected.is_empty() {
                    set("preconditions", expected.into());
                }
            }
        }
        object.into()
    }
}

impl Operation {
    /// As options name it: `Create`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Create => "Create",
            Operation::Update => "Update",
            Operation::Delete => "Delete",
        }
    }

    /// As webhooks and metrics name it: `CREATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
        }
    }
}

impl<'a> From<&'a Names> for Kind<'a> {
    fn from(names: &'a Names) -> Kind<'a> {
        Kind {
            group: &names.group,
            version: &names.version,
            kind: &names.kind,
        }
    }
}

fn validation(validation: FieldValidation) -> &'static str {
    match validation {
        FieldValidation::Ignore => "Ignore",
        FieldValidation::Warn => "Warn",
        FieldValidation::Strict => "Strict",
    }
}

fn policy(propagation: Propagation) -> &'static str {
    match propagation {
        Propagation::Orphan => "Orphan",
        Propagation::Background => "Background",
        Propagation::Foreground => "Foreground",
    }
}
