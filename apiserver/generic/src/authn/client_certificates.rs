//! Users by X.509 client certificate: CN is the name, O are the groups.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rustls::{
    RootCertStore,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Name};

use super::{Authenticator, Connection, Refused, User};
use crate::serve::tls::provider;

/// How many certificates are remembered; more are judged again at each request.
const REMEMBERED: usize = 1024;
/// How long a certificate that was accepted is not judged again. Its expiry ends this earlier.
const TRUST: Duration = Duration::from_secs(30);
/// The subject attribute that carries the user's uid, as kube-apiserver reads it.
const UID_ATTRIBUTE: &str = "1.3.6.1.4.1.57683.2";

/// Accepts client certificates that chain to its roots, are within their validity and allow client authentication.
/// A certificate without a CN is no credential; any other certificate is refused.
pub struct ClientCertificates {
    verifier: Arc<dyn ClientCertVerifier>,
    accepted: Mutex<HashMap<CertificateDer<'static>, Accepted>>,
}

/// The roots can't be used.
#[derive(Debug, thiserror::Error)]
#[error("client CA: {0}")]
pub struct InvalidRoots(String);

struct Accepted {
    user: User,
    until: Instant,
}

impl ClientCertificates {
    /// Trusts the CA certificates of a PEM bundle.
    pub fn new(ca_pem: &[u8]) -> Result<ClientCertificates, InvalidRoots> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            let certificate = certificate.map_err(|error| InvalidRoots(format!("{error:?}")))?;
            roots
                .add(certificate)
                .map_err(|error| InvalidRoots(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| InvalidRoots(error.to_string()))?;
        Ok(ClientCertificates {
            verifier,
            accepted: Mutex::default(),
        })
    }

    /// The user of a chain, leaf first.
    fn judge(&self, chain: &[CertificateDer<'static>]) -> Result<Option<User>, Refused> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Ok(None);
        };
        if let Some(user) = self.recall(leaf) {
            return Ok(Some(user));
        }
        self.verifier
            .verify_client_cert(leaf, intermediates, UnixTime::now())
            .map_err(|error| Refused(format!("client certificate: {error}")))?;
        let (_, certificate) =
            X509Certificate::from_der(leaf).map_err(|error| Refused(format!("client certificate: {error}")))?;
        let Some(user) = user_of(certificate.subject()) else {
            return Ok(None);
        };
        let left = certificate
            .validity()
            .time_to_expiration()
            .map(time_left)
            .unwrap_or_default();
        self.remember(leaf, &user, left.min(TRUST));
        Ok(Some(user))
    }

    fn recall(&self, leaf: &CertificateDer<'static>) -> Option<User> {
        let accepted = self.accepted.lock();
        accepted
            .get(leaf)
            .filter(|known| Instant::now() < known.until)
            .map(|known| known.user.clone())
    }

    fn remember(&self, leaf: &CertificateDer<'static>, user: &User, trust: Duration) {
        let now = Instant::now();
        let mut accepted = self.accepted.lock();
        if accepted.len() >= REMEMBERED {
            accepted.retain(|_, known| now < known.until);
        }
        if accepted.len() < REMEMBERED {
            accepted.insert(
                leaf.clone(),
                Accepted {
                    user: user.clone(),
                    until: now + trust,
                },
            );
        }
    }
}

#[async_trait]
impl Authenticator for ClientCertificates {
    async fn authenticate(
        &self,
        _request: &http::request::Parts,
        connection: &Connection,
    ) -> Result<Option<User>, Refused> {
        self.judge(&connection.peer_certificates)
    }
}

fn time_left(left: impl TryInto<Duration>) -> Duration {
    left.try_into().unwrap_or_default()
}

fn user_of(subject: &X509Name<'_>) -> Option<User> {
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
        extra: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    use super::*;

    struct Authority {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn authority() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test CA");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn leaf(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> [CertificateDer<'static>; 1] {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "alice");
        params.distinguished_name.push(DnType::OrganizationName, "dev");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        [params
            .signed_by(&KeyPair::generate().unwrap(), &authority.issuer)
            .unwrap()
            .into()]
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
            assert!(params.distinguished_name.remove(DnType::CommonName));
        });
        assert_eq!(authenticator.judge(&chain), Ok(None));
    }

    #[test]
    fn bad_roots_are_an_error() {
        assert!(ClientCertificates::new(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err());
        assert!(ClientCertificates::new(b"").is_err());
    }
}
