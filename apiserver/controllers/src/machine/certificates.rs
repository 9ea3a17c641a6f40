//! Keys and certificates of a guest: ECDSA P-256 throughout.

use super::error::Error;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Life of an authority.
pub(crate) const AUTHORITY_LIFE: Duration = Duration::from_secs(DAY.as_secs() * 3650);
/// Life of the administrator's client certificate.
pub(crate) const CLIENT_LIFE: Duration = Duration::from_secs(DAY.as_secs() * 365);
/// Certificates are valid from a little before they are made: clocks differ.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// A certificate or public key, and the private key of it, as PEM.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct PemPair {
    /// Certificate (or public key).
    pub(crate) certificate: String,
    /// Private key. Secret.
    pub(crate) key: String,
}

impl fmt::Debug for PemPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemPair").finish_non_exhaustive()
    }
}

/// A self-signed authority of this common name.
pub(crate) fn authority(common_name: &str, now: Timestamp) -> Result<PemPair, Error> {
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = params(common_name, now, AUTHORITY_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::KeyEncipherment,
    ];
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(PemPair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

/// A key pair without a certificate, for signing service account tokens.
pub(crate) fn key_pair() -> Result<PemPair, Error> {
    let key = KeyPair::generate().map_err(failed)?;
    Ok(PemPair {
        certificate: key.public_key_pem(),
        key: key.serialize_pem(),
    })
}

/// A client certificate for `user` in `group`, signed by `authority`.
pub(crate) fn client(authority: &PemPair, user: &str, group: &str, now: Timestamp) -> Result<PemPair, Error> {
    let signing_key = KeyPair::from_pem(&authority.key).map_err(failed)?;
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, signing_key).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = params(user, now, CLIENT_LIFE)?;
    params.distinguished_name.push(DnType::OrganizationName, group);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(PemPair {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

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

fn params(common_name: &str, now: Timestamp, life: Duration) -> Result<CertificateParams, Error> {
    let at = |time: Timestamp| time::OffsetDateTime::from_unix_timestamp(time.as_second()).map_err(out_of_range);
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = at(now.checked_sub(CLOCK_SKEW).map_err(out_of_range)?)?;
    params.not_after = at(now.checked_add(life).map_err(out_of_range)?)?;
    Ok(params)
}

// rcgen's errors name the problem, never key material.
fn failed(error: rcgen::Error) -> Error {
    Error::Certificates(error.to_string())
}

fn out_of_range(error: impl fmt::Display) -> Error {
    Error::Certificates(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::*;

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn the_administrators_certificate_is_signed_by_the_authority_for_a_year() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let ca = authority("kubernetes", now).unwrap();
        let admin = client(&ca, "kubernetes-admin", "system:masters", now).unwrap();
        let (ca_der, admin_der) = (der(&ca.certificate), der(&admin.certificate));
        let (_, ca) = X509Certificate::from_der(&ca_der).unwrap();
        let (_, admin) = X509Certificate::from_der(&admin_der).unwrap();

        assert!(ca.is_ca() && !admin.is_ca());
        admin.verify_signature(Some(ca.public_key())).unwrap();
        assert_eq!(admin.issuer(), ca.subject());
        assert_eq!(
            admin.subject().iter_common_name().next().unwrap().as_str().unwrap(),
            "kubernetes-admin"
        );
        assert_eq!(
            admin.subject().iter_organization().next().unwrap().as_str().unwrap(),
            "system:masters"
        );
        assert!(admin.extended_key_usage().unwrap().unwrap().value.client_auth);
        let days = |c: &X509Certificate<'_>| (c.validity().not_after.timestamp() - now.as_second()) / 86_400;
        assert_eq!((days(&ca), days(&admin)), (3650, 365));
        assert!(admin.validity().not_before.timestamp() < now.as_second());
    }

    #[test]
    fn the_hash_is_over_the_public_key_info() {
        let ca = authority("kubernetes", Timestamp::now()).unwrap();
        let key = KeyPair::from_pem(&ca.key).unwrap();
        let info = rcgen::PublicKeyData::subject_public_key_info(&key);
        let expected: String = Sha256::digest(info).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(public_key_hash(&ca.certificate).unwrap(), format!("sha256:{expected}"));
        assert!(public_key_hash("no certificate").is_err());
    }

    #[test]
    fn private_keys_are_not_in_debug_output() {
        let pair = key_pair().unwrap();
        assert!(pair.key.contains("PRIVATE KEY") && pair.certificate.contains("PUBLIC KEY"));
        assert_eq!(format!("{pair:?}"), "PemPair { .. }");
    }
}
