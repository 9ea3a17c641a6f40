//! Chains of client certificates, judged against roots.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustls::{
    RootCertStore,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, UnixTime, pem::PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Refused;
use crate::serve::tls::provider;

/// How many certificates are remembered; more are judged again at each request.
const REMEMBERED: usize = 1024;
/// How long a certificate that was accepted is not judged again. Its expiry ends this earlier.
const TRUST: Duration = Duration::from_secs(30);

/// The roots can't be used.
#[derive(Debug, thiserror::Error)]
#[error("client CA: {0}")]
pub struct InvalidRoots(String);

/// Accepts chains that lead to its roots, are within their validity and allow client authentication, and remembers what an
/// accepted certificate says (`T`) for a while.
pub(super) struct ClientChains<T> {
    verifier: Arc<dyn ClientCertVerifier>,
    accepted: Mutex<HashMap<CertificateDer<'static>, Accepted<T>>>,
}

struct Accepted<T> {
    says: T,
    until: Instant,
}

impl<T: Clone> ClientChains<T> {
    /// Trusts the CA certificates of a PEM bundle.
    pub(super) fn new(ca_pem: &[u8]) -> Result<ClientChains<T>, InvalidRoots> {
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
        Ok(ClientChains {
            verifier,
            accepted: Mutex::default(),
        })
    }

    /// What the certificate of a chain (leaf first) says, as `read` understands it; none without a certificate.
    pub(super) fn judge(
        &self,
        chain: &[CertificateDer<'static>],
        read: impl FnOnce(&X509Certificate<'_>) -> T,
    ) -> Result<Option<T>, Refused> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Ok(None);
        };
        if let Some(says) = self.recall(leaf) {
            return Ok(Some(says));
        }
        self.verifier
            .verify_client_cert(leaf, intermediates, UnixTime::now())
            .map_err(|error| Refused(format!("client certificate: {error}")))?;
        let (_, certificate) =
            X509Certificate::from_der(leaf).map_err(|error| Refused(format!("client certificate: {error}")))?;
        let says = read(&certificate);
        let left = certificate
            .validity()
            .time_to_expiration()
            .map(time_left)
            .unwrap_or_default();
        self.remember(leaf, says.clone(), left.min(TRUST));
        Ok(Some(says))
    }

    fn recall(&self, leaf: &CertificateDer<'static>) -> Option<T> {
        let accepted = self.accepted.lock();
        accepted
            .get(leaf)
            .filter(|known| Instant::now() < known.until)
            .map(|known| known.says.clone())
    }

    fn remember(&self, leaf: &CertificateDer<'static>, says: T, trust: Duration) {
        let now = Instant::now();
        let mut accepted = self.accepted.lock();
        if accepted.len() >= REMEMBERED {
            accepted.retain(|_, known| now < known.until);
        }
        if accepted.len() < REMEMBERED {
            let until = now + trust;
            accepted.insert(leaf.clone(), Accepted { says, until });
        }
    }
}

fn time_left(left: impl TryInto<Duration>) -> Duration {
    left.try_into().unwrap_or_default()
}
