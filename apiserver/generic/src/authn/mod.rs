//! Who is asking: authenticators, and the user they find.

mod bearer;
mod client_certificates;
mod client_chains;
mod identity_headers;
mod impersonation;
mod oidc;
mod replaceable;
mod request_header;
#[cfg(test)]
pub(crate) mod testing;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;

pub use self::{
    bearer::bearer,
    client_certificates::ClientCertificates,
    client_chains::InvalidRoots,
    oidc::{AuthenticationConfiguration, IdTokens, InvalidConfiguration},
    replaceable::Replaceable,
    request_header::{InvalidRequestHeaderConfig, RequestHeader, RequestHeaderConfig},
};
pub(crate) use self::{
    identity_headers::strip_usual,
    impersonation::{Impersonated, impersonate, wants_to_impersonate},
};

/// An authenticated user, as `authentication.k8s.io/v1 UserInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// User name.
    pub name: String,
    /// Unique id, where the authenticator knows one.
    pub uid: Option<String>,
    /// Groups; `system:authenticated` is added by the server.
    pub groups: Vec<String>,
    /// Further attributes.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The group of everyone who showed a credential.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of everyone who showed none.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
/// The user of a request without a credential.
pub const ANONYMOUS: &str = "system:anonymous";

impl User {
    /// The user of a request without a credential.
    pub fn anonymous() -> User {
        User {
            name: ANONYMOUS.to_owned(),
            groups: vec![UNAUTHENTICATED.to_owned()],
            ..User::default()
        }
    }

    /// Whether the user is in a group.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|own| own == group)
    }

    /// Adds `system:authenticated`, unless the name or the groups already say whether the user is.
    #[must_use]
    pub(crate) fn authenticated(mut self) -> User {
        let is_told = self.name == ANONYMOUS || self.is_in(AUTHENTICATED) || self.is_in(UNAUTHENTICATED);
        if !is_told {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }
}

/// A user that an authenticator found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated {
    /// Who asks.
    pub user: User,
    /// Where from, as a front proxy says that speaks for the user; else the connection's peer is who asks.
    pub forwarded_for: Option<IpAddr>,
}

impl From<User> for Authenticated {
    fn from(user: User) -> Authenticated {
        Authenticated {
            user,
            forwarded_for: None,
        }
    }
}

/// The address that a request came from. Requests carry it as an extension; those within the process have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) IpAddr);

/// What the connection says about its peer.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The peer's address; none for calls within the process.
    pub remote: Option<SocketAddr>,
    /// The TLS client certificate, leaf first, not yet judged.
    pub peer_certificates: Arc<[CertificateDer<'static>]>,
}

/// A credential was shown and refused: the answer is 401. The reason is for the log only.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Finds the user of a request.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// The user; `Ok(None)` when the request shows no credential of this authenticator's kind.
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused>;

    /// Removes the headers in which this authenticator may find an identity, once the user is known: no handler must believe
    /// them. The server itself removes `Authorization` and `X-Remote-*`.
    fn strip(&self, _headers: &mut http::HeaderMap) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_anonymous_is_not_authenticated_whoever_says_so() {
        let groups = |name: &str, groups: &[&str]| {
            let groups = groups.iter().map(|&group| group.to_owned()).collect();
            let name = name.to_owned();
            let user = User {
                name,
                groups,
                ..User::default()
            };
            user.authenticated().groups.join(" ")
        };
        assert_eq!(groups("ana", &["a"]), "a system:authenticated");
        assert_eq!(groups("ana", &[AUTHENTICATED]), AUTHENTICATED);
        assert_eq!(groups("ana", &[UNAUTHENTICATED]), UNAUTHENTICATED);
        assert_eq!(groups(ANONYMOUS, &["a"]), "a");
    }
}
