//! Users by X.509 client certificate: CN is the name, O are the groups.

use std::{collections::BTreeMap, fmt::Write as _};

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::X509Name;

use super::{Authenticated, Authenticator, Connection, InvalidRoots, Refused, User, client_chains::ClientChains};

/// The subject attribute that carries the user's uid, as kube-apiserver reads it.
const UID_ATTRIBUTE: &str = "1.3.6.1.4.1.57683.2";
/// The extra that tells which credential was shown.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Accepts client certificates that chain to its roots, are within their validity and allow client authentication.
/// A certificate without a CN is no credential; any other certificate is refused.
pub struct ClientCertificates {
    chains: ClientChains<Option<User>>,
}

impl ClientCertificates {
    /// Trusts the CA certificates of a PEM bundle.
    pub fn new(ca_pem: &[u8]) -> Result<ClientCertificates, InvalidRoots> {
        let chains = ClientChains::new(ca_pem)?;
        Ok(ClientCertificates { chains })
    }

    /// The user of a chain, leaf first.
    fn judge(&self, chain: &[CertificateDer<'static>]) -> Result<Option<User>, Refused> {
        let user = self.chains.judge(chain, |certificate| {
            user_of(certificate.subject(), chain.first().map(|leaf| credential_id(leaf)))
        })?;
        Ok(user.flatten())
    }
}

#[async_trait]
impl Authenticator for ClientCertificates {
    async fn authenticate(
        &self,
        _request: &http::request::Parts,
        connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let user = self.judge(&connection.peer_certificates)?;
        Ok(user.map(Authenticated::from))
    }
}

fn user_of(subject: &X509Name<'_>, credential_id: Option<String>) -> Option<User> {
    let name = subject
        .iter_common_name()
        .find_map(|value| value.as_str().ok())
        .filter(|name| !name.is_empty())?;
    let groups = subject
        .iter_organization()
        .filter_map(|value| value.as_str().ok())
        .map(str::to_owned)
        .collect();
    let uid = subject
        .iter_attributes()
        .find(|attribute| attribute.attr_type().to_id_string() == UID_ATTRIBUTE)
        .and_then(|attribute| attribute.as_str().ok())
        .map(str::to_owned);
    Some(User {
        name: name.to_owned(),
        uid,
        groups,
        extra: credential_id
            .map(|id| BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![id])]))
            .unwrap_or_default(),
    })
}

/// Names a certificate by its bytes.
fn credential_id(leaf: &[u8]) -> String {
    let mut id = "X509SHA256=".to_owned();
    for byte in Sha256::digest(leaf) {
        // Writing to memory can't fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};

    use super::{
        super::testing::{Authority, authority},
        *,
    };

    fn leaf(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> [CertificateDer<'static>; 1] {
        authority.client("alice", "dev", change)
    }

    #[test]
    fn the_subject_is_the_user() {
        let authority = authority();
        let authenticator = ClientCertificates::new(authority.pem.as_bytes()).unwrap();
        let chain = leaf(&authority, |_| {});
        for _ in 0..2 {
            let user = authenticator.judge(&chain).unwrap().unwrap();
            assert_eq!((user.name.as_str(), user.groups), ("alice", vec!["dev".to_owned()]));
        }
        assert_eq!(authenticator.judge(&[]), Ok(None));
    }

    #[test]
    fn others_are_refused() {
        let ours = authority();
        let authenticator = ClientCertificates::new(ours.pem.as_bytes()).unwrap();
        let refused = [
            leaf(&authority(), |_| {}),
            leaf(&ours, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)),
            leaf(&ours, |params| params.not_before = rcgen::date_time_ymd(2999, 1, 1)),
            leaf(&ours, |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ];
        for chain in refused {
            assert!(authenticator.judge(&chain).is_err());
            assert!(authenticator.judge(&chain).is_err(), "a refusal is not forgotten");
        }
    }

    #[test]
    fn without_a_common_name_it_is_no_credential() {
        let authority = authority();
        let authenticator = ClientCertificates::new(authority.pem.as_bytes()).unwrap();
        let chain = leaf(&authority, |params| {
            assert!(params.distinguished_name.remove(rcgen::DnType::CommonName));
        });
        assert_eq!(authenticator.judge(&chain), Ok(None));
    }

    #[test]
    fn bad_roots_are_an_error() {
        assert!(ClientCertificates::new(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
        assert!(ClientCertificates::new(b"").is_err());
    }
}
