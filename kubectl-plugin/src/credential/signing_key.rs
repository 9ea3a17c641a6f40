//! A key that never leaves this computer, and the request to certify it.

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use crate::error::{Error, Result};

/// A new key, and what is sent of it. Secret: it has no `Debug`.
pub(super) struct SigningKey {
    /// PKCS #8, PEM.
    pub(super) private_key: String,
    /// Certificate signing request (PKCS #10), PEM. It asks for no name: who signs decides.
    pub(super) request: String,
}

impl SigningKey {
    /// ECDSA P-256.
    pub(super) fn generate() -> Result<Self> {
        let failed = |error: rcgen::Error| Error::failed(format!("no key could be made: {error}"));
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).and_then(|request| request.pem());
        Ok(Self {
            private_key: key.serialize_pem(),
            request: request.map_err(failed)?,
        })
    }
}
