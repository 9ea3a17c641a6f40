//! May they: the attributes of a request, and the authorizer's answer.

mod access;
mod builtin;
mod cached;
mod forbidden;
mod held;

use async_trait::async_trait;

pub use self::{
    access::{Access, target_of},
    builtin::{AlwaysAllowPaths, MASTERS, SystemMasters, Union},
    cached::Cached,
    forbidden::forbidden,
    held::{HeldRules, PathRule, ResourceRule},
};
use crate::authn::User;

/// What a request wants to do, as in a SubjectAccessReview.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    /// Who.
    pub user: &'a User,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, any custom verb, or the
    /// lower-case HTTP method for a path that is no resource.
    pub verb: &'a str,
    /// What.
    pub target: Target<'a>,
}

/// A resource, or a path that is none.
#[derive(Clone, Debug)]
pub enum Target<'a> {
    /// A resource request.
    Resource {
        /// API group, empty for core.
        group: &'a str,
        /// API version.
        version: &'a str,
        /// Plural name.
        resource: &'a str,
        /// Subresource, or empty.
        subresource: &'a str,
        /// Namespace, or empty.
        namespace: &'a str,
        /// Name, or empty.
        name: &'a str,
    },
    /// A non-resource path such as `/metrics`.
    Path(&'a str),
}

/// An authorizer's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Allowed.
    Allow {
        /// Which rule allowed it, for the audit log.
        reason: String,
    },
    /// Refused; no other authorizer is asked.
    Deny {
        /// Why, shown to the user.
        reason: String,
    },
    /// This authorizer does not know; with no other, refused.
    NoOpinion {
        /// Why, shown to the user.
        reason: String,
    },
}

/// Decides whether a request may go on.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// Decides, or says why it could not (answered as 500, closed).
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String>;

    /// What a user may do in a namespace, as a list. An authorizer that decides by other means lists nothing.
    async fn held_rules(&self, _user: &User, _namespace: &str) -> HeldRules {
        HeldRules::default()
    }
}
