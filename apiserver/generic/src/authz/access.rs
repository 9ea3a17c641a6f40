//! Further questions to the authorizer while a request is answered.

use super::{Attributes, Authorizer, Decision, Target, forbidden};
use crate::{authn::User, request::RequestInfo, status::Status};

/// The rights of one request's user: a PATCH or PUT that creates needs `create` too, a sub-request needs its own verb.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    user: &'a User,
    authorizer: &'a dyn Authorizer,
}

impl<'a> Access<'a> {
    /// The rights of `user` as `authorizer` sees them.
    pub fn new(user: &'a User, authorizer: &'a dyn Authorizer) -> Access<'a> {
        Access { user, authorizer }
    }

    /// Whose rights.
    pub fn user(&self) -> &'a User {
        self.user
    }

    /// Who decides, for questions about other users.
    pub fn authorizer(&self) -> &'a dyn Authorizer {
        self.authorizer
    }

    /// Asks whether the user may do what `info` names, with another verb. 403 with kube-apiserver's words if not, 500 if
    /// the authorizer can't tell.
    pub async fn check(&self, verb: &str, info: &RequestInfo) -> Result<(), Status> {
        self.require(verb, target_of(info)).await
    }

    /// Asks whether the user may do `verb` to `target`.
    pub async fn require(&self, verb: &str, target: Target<'_>) -> Result<(), Status> {
        let attributes = Attributes {
            user: self.user,
            verb,
            target,
        };
        match self.authorizer.authorize(&attributes).await {
            Ok(Decision::Allow { .. }) => Ok(()),
            Ok(Decision::Deny { reason } | Decision::NoOpinion { reason }) => Err(forbidden(&attributes, &reason)),
            Err(error) => Err(Status::internal(error)),
        }
    }
}

/// What a request is about, for the authorizer.
pub fn target_of(info: &RequestInfo) -> Target<'_> {
    if !info.is_resource {
        return Target::Path(&info.path);
    }
    Target::Resource {
        group: &info.group,
        version: &info.version,
        resource: &info.resource,
        subresource: &info.subresource,
        namespace: &info.namespace,
        name: &info.name,
    }
}
