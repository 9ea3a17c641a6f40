//! Who is asking: authenticators, and the user they find.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;

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

/// What the connection says about its peer.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// The peer's address; none for calls within the process.
    pub remote: Option<SocketAddr>,
    /// The TLS client certificate, leaf first, not yet judged.
    pub peer_certificates: Vec<CertificateDer<'static>>,
}

/// A credential was shown and refused: the answer is 401. The reason is for the log only.
#[derive(Debug, thiserror::Error)]
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
    ) -> Result<Option<User>, Refused>;
}
