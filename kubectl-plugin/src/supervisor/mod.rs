//! A supervisor as this computer knows it: where it answers, and who signs for it.

mod authority;
mod login;
mod server_url;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(crate) use self::{
    authority::{fingerprint, from_file, shown_by},
    login::{LoginSettings, published},
    server_url::server_url,
};
use crate::{
    error::{CHECK_SERVER, Cause, Error, Result},
    https, shell,
};

const SAY_WHO_SIGNS: &str = "Say who signs for it: --ca-sha256 FINGERPRINT, or --certificate-authority FILE";
const CHECK_WHO_SIGNS: &str = "Ask the supervisor's operator who signs for it, and say so: --ca-sha256 FINGERPRINT, or --certificate-authority FILE";

/// A supervisor that may be talked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Supervisor {
    /// `https://HOST:PORT`, without a slash at the end.
    pub(crate) server: String,
    /// PEM of who signs for it; the system's roots where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_authority: Option<String>,
}

/// What tells one supervisor from another: its URL, and the fingerprint of who signs for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SupervisorId {
    pub(crate) server: String,
    pub(crate) ca_sha256: Option<String>,
}

impl Supervisor {
    /// Its identity.
    pub(crate) fn id(&self) -> Result<SupervisorId> {
        let authority = self.certificate_authority.as_deref();
        Ok(SupervisorId {
            server: self.server.clone(),
            ca_sha256: authority.map(fingerprint_of).transpose()?,
        })
    }

    /// Host and port, as a person reads them.
    pub(crate) fn host(&self) -> &str {
        host(&self.server)
    }

    /// What went wrong with a request to it, for somebody who is about to sign in.
    pub(crate) fn error(&self, error: kube::Error) -> Error {
        let is_clear = match &error {
            kube::Error::Api(_) | kube::Error::Auth(_) => true,
            kube::Error::Service(inner) => inner.is::<Error>(),
            _ => false,
        };
        if is_clear {
            return error.into();
        }
        let cause = Cause::of(&error);
        let next = match (cause.is_untrusted(), &self.certificate_authority) {
            (false, _) => CHECK_SERVER,
            (true, Some(_)) => CHECK_WHO_SIGNS,
            (true, None) => SAY_WHO_SIGNS,
        };
        cause.unreachable(&self.server, next)
    }
}

impl SupervisorId {
    /// One that a kubeconfig names, if it is written as we write it.
    pub(crate) fn read(server: &str, ca_sha256: Option<&str>) -> Option<Self> {
        let is_ours = server_url(server).is_ok_and(|url| url == server)
            && ca_sha256.is_none_or(|text| fingerprint(text).is_ok_and(|digits| digits == text));
        is_ours.then(|| Self {
            server: server.to_owned(),
            ca_sha256: ca_sha256.map(str::to_owned),
        })
    }

    /// Host and port, as a person reads them.
    pub(crate) fn host(&self) -> &str {
        host(&self.server)
    }

    /// The command that signs in there.
    pub(crate) fn login_command(&self) -> String {
        let server = shell::word(&self.server);
        match &self.ca_sha256 {
            Some(fingerprint) => format!("kubectl guest login --server {server} --ca-sha256 {fingerprint}"),
            None => format!("kubectl guest login --server {server}"),
        }
    }

    /// A name for files that are about this supervisor.
    pub(crate) fn key(&self) -> String {
        let fingerprint = self.ca_sha256.as_deref().unwrap_or("system");
        hex(&Sha256::digest(format!("{}\n{fingerprint}", self.server)))
    }
}

/// SHA-256 of the authority's certificates as DER; of one certificate it is the usual fingerprint.
fn fingerprint_of(pem: &str) -> Result<String> {
    let mut digest = Sha256::new();
    for certificate in https::certificates(pem)? {
        digest.update(&certificate);
    }
    Ok(hex(&digest.finalize()))
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn host(server: &str) -> &str {
    server.strip_prefix("https://").unwrap_or(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supervisors_are_told_apart_by_url_and_authority() {
        let id = |server: &str, ca: Option<&str>| SupervisorId {
            server: server.to_owned(),
            ca_sha256: ca.map(str::to_owned),
        };
        let keys = [
            id("https://a:6443", None).key(),
            id("https://a:6443", Some("aa")).key(),
            id("https://a:6443", Some("ab")).key(),
            id("https://b:6443", Some("aa")).key(),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert!(keys.iter().all(|key| key.len() == 64));
    }
}
