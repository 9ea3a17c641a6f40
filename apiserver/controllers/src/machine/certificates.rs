//! What kubeadm and Cluster API want of keys and certificates beyond making them.

use super::error::Error;
use guestcluster_credentials::x509::X509Error;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What kubeadm calls a CA certificate hash: `sha256:` and the hash of the public key info.
pub(crate) fn public_key_hash(certificate_pem: &str) -> Result<String, Error> {
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
        .map_err(|_| Error::Certificates("the authority's certificate is not PEM".to_owned()))?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der)
        .map_err(|_| Error::Certificates("the authority's certificate is not X.509".to_owned()))?;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(certificate.public_key().raw) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

impl From<X509Error> for Error {
    fn from(error: X509Error) -> Self {
        Self::Certificates(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestcluster_credentials::x509::CertificateAuthority;

    #[test]
    fn the_hash_is_over_the_public_key_info() {
        let (_, ca) = CertificateAuthority::generate("kubernetes").unwrap();
        let key = rcgen::KeyPair::from_pem(&ca.key).unwrap();
        let info = rcgen::PublicKeyData::subject_public_key_info(&key);
        let mut expected = "sha256:".to_owned();
        for byte in Sha256::digest(info) {
            write!(expected, "{byte:02x}").unwrap();
        }
        assert_eq!(public_key_hash(&ca.certificate).unwrap(), expected);
        assert!(public_key_hash("no certificate").is_err());
    }
}
