//! Signing in where there is nobody to ask: a program shows a token that is given to it, or signs in as a client of the issuer.

mod arguments;
mod flags;
mod presented;

use std::path::PathBuf;

use url::Url;

pub(crate) use self::{
    flags::{IssuerFlags, UnattendedFlags},
    presented::Presented,
};

/// How a program signs in to a supervisor. Paths and ids alone: it stands in kubeconfigs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unattended {
    pub(crate) by: By,
    /// PEM file of who signs for the supervisor, where one was named.
    pub(crate) certificate_authority: Option<PathBuf>,
}

/// By what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A file that somebody else keeps fresh holds an OpenID token.
    TokenFile(PathBuf),
    /// The credentials of a client (RFC 6749, section 4.4).
    Client(Client),
}

/// A client of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret_file: PathBuf,
    /// None where it is the one that the supervisor names.
    pub(crate) issuer: Option<NamedIssuer>,
    pub(crate) scope: Option<String>,
    pub(crate) resource: Option<Url>,
}

/// An issuer that somebody has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedIssuer {
    pub(crate) url: String,
    /// PEM file of who signs for it.
    pub(crate) certificate_authority: Option<PathBuf>,
}
