//! Users that a front proxy names in headers: how kube-apiserver passes its clients on to an aggregated server.

use std::net::IpAddr;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName};
use x509_parser::prelude::X509Certificate;

use super::{
    Authenticated, Authenticator, Connection, InvalidRoots, Refused, client_chains::ClientChains,
    identity_headers::IdentityHeaders,
};

/// Who the front proxy is and how its headers are called, as in ConfigMap
/// `kube-system/extension-apiserver-authentication`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeaderConfig {
    /// The CA certificates that sign the proxy's certificate.
    pub ca_pem: Vec<u8>,
    /// Common names that the proxy's certificate may have.
    pub allowed_names: Vec<String>,
    /// Headers that may hold the user's name; the first that does counts.
    pub username_headers: Vec<String>,
    /// Headers that may hold the user's uid; the first that does counts.
    pub uid_headers: Vec<String>,
    /// Headers whose values are groups, each value one.
    pub group_headers: Vec<String>,
    /// Beginnings of headers whose rest is a key of the user's extra attributes.
    pub extra_header_prefixes: Vec<String>,
}

/// The configuration would trust nobody, or too many.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRequestHeaderConfig {
    /// The CA can't be used.
    #[error("request header {0}")]
    Roots(#[from] InvalidRoots),
    /// Every certificate of the CA would be a front proxy.
    #[error("the allowed names of the front proxy are empty: any certificate of its CA could act as anybody")]
    NoAllowedNames,
    /// No user could ever be named.
    #[error("no username header is configured")]
    NoUsernameHeader,
    /// Not a header's name.
    #[error("{0:?} is not the name of a header")]
    HeaderName(String),
}

/// Believes the identity headers of a connection whose certificate is the front proxy's.
///
/// On a connection without a certificate they are nobody's, and say nothing. Any other certificate is refused, while the next
/// authenticator may still know the client by it.
pub struct RequestHeader {
    /// Whether a certificate has an allowed name.
    chains: ClientChains<bool>,
    allowed_names: Vec<String>,
    headers: IdentityHeaders,
}

impl RequestHeader {
    /// Checks the configuration.
    pub fn new(config: RequestHeaderConfig) -> Result<RequestHeader, InvalidRequestHeaderConfig> {
        let mut allowed_names = config.allowed_names;
        allowed_names.retain(|name| !name.is_empty());
        if allowed_names.is_empty() {
            return Err(InvalidRequestHeaderConfig::NoAllowedNames);
        }
        let headers = IdentityHeaders {
            username: header_names(&config.username_headers)?,
            uid: header_names(&config.uid_headers)?,
            groups: header_names(&config.group_headers)?,
            extra_prefixes: header_names(&config.extra_header_prefixes)?
                .iter()
                .map(|prefix| prefix.as_str().to_owned())
                .collect(),
        };
        if headers.username.is_empty() {
            return Err(InvalidRequestHeaderConfig::NoUsernameHeader);
        }
        Ok(RequestHeader {
            chains: ClientChains::new(&config.ca_pem)?,
            allowed_names,
            headers,
        })
    }

    /// None without a certificate.
    fn is_front_proxy(&self, connection: &Connection) -> Result<Option<bool>, Refused> {
        self.chains.judge(&connection.peer_certificates, |certificate| {
            self.is_allowed(certificate)
        })
    }

    fn is_allowed(&self, certificate: &X509Certificate<'_>) -> bool {
        let name = certificate
            .subject()
            .iter_common_name()
            .find_map(|value| value.as_str().ok());
        name.is_some_and(|name| self.allowed_names.iter().any(|allowed| allowed == name))
    }
}

#[async_trait]
impl Authenticator for RequestHeader {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        match self.is_front_proxy(connection)? {
            None => return Ok(None),
            Some(true) => {}
            Some(false) => return Err(Refused("the certificate has not the front proxy's name".to_owned())),
        }
        let user = self.headers.user(&request.headers)?;
        Ok(user.map(|user| Authenticated {
            user,
            forwarded_for: forwarded_for(&request.headers),
        }))
    }

    fn strip(&self, headers: &mut HeaderMap) {
        self.headers.strip(headers);
    }
}

/// Whom the proxy got the request from: the last entry is the proxy's own, those before are what its client says.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Lower-case names; a prefix of a header's name is one by itself.
fn header_names(names: &[String]) -> Result<Vec<HeaderName>, InvalidRequestHeaderConfig> {
    let parse = |name: &String| {
        let parsed = HeaderName::from_bytes(name.trim().as_bytes());
        parsed.map_err(|_| InvalidRequestHeaderConfig::HeaderName(name.clone()))
    };
    names.iter().map(parse).collect()
}

#[cfg(test)]
mod tests;
