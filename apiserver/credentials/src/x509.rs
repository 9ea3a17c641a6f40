//! X.509 certificate authorities and what they issue: ECDSA P-256 keys, as everywhere in this project.

use std::{fmt, net::IpAddr, ops::Range, time::Duration};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use crate::SigningRequest;

/// How long a certificate authority lives: ten years, as kubeadm's.
pub const CA_VALIDITY: Duration = Duration::from_hours(87600);

/// How far back validity starts, so that a peer whose clock is behind accepts a new certificate.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// A certificate could not be made or an authority not be read. Never carries key material.
#[derive(Debug, thiserror::Error)]
#[error("certificate: {0}")]
pub struct X509Error(String);

impl From<rcgen::Error> for X509Error {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// A certificate and its private key, both PEM. `Debug` shows neither.
#[derive(Clone)]
pub struct CertifiedKey {
    /// The certificate, PEM.
    pub certificate: String,
    /// The private key, PKCS #8 PEM. Secret.
    pub key: String,
}

impl fmt::Debug for CertifiedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertifiedKey")
    }
}

/// A certificate authority that can sign.
pub struct CertificateAuthority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CertificateAuthority")
    }
}

impl CertificateAuthority {
    /// Makes a new self-signed authority with this common name, which lives for [`CA_VALIDITY`].
    pub fn generate(common_name: &str) -> Result<(Self, CertifiedKey), X509Error> {
        Self::generate_for(common_name, CA_VALIDITY)
    }

    /// As [`CertificateAuthority::generate`], for one that lives so long.
    pub fn generate_for(common_name: &str, validity: Duration) -> Result<(Self, CertifiedKey), X509Error> {
        let mut params = named(common_name, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        valid_for(&mut params, validity);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        let pair = CertifiedKey {
            certificate: certificate.clone(),
            key: key.serialize_pem(),
        };
        Ok((
            Self {
                certificate,
                issuer: Issuer::new(params, key),
            },
            pair,
        ))
    }

    /// Reads an authority back from PEM.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, X509Error> {
        let issuer = Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?)?;
        Ok(Self {
            certificate: certificate.to_owned(),
            issuer,
        })
    }

    /// The authority's own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Issues a client certificate: `user` becomes the common name, `group` the organization. One group only: the
    /// certificate builder keeps one value per attribute of a distinguished name.
    pub fn issue_client(&self, user: &str, group: Option<&str>, validity: Duration) -> Result<CertifiedKey, X509Error> {
        self.issue(of_client(user, group), validity)
    }

    /// Issues a serving certificate for these DNS names and addresses.
    pub fn issue_server(
        &self,
        common_name: &str,
        dns_names: &[&str],
        addresses: &[IpAddr],
        validity: Duration,
    ) -> Result<CertifiedKey, X509Error> {
        self.issue_named(
            common_name,
            dns_names,
            addresses,
            &[ExtendedKeyUsagePurpose::ServerAuth],
            validity,
        )
    }

    /// As [`CertificateAuthority::issue_server`], for who also calls others of its kind, as members of an etcd do.
    pub fn issue_peer(
        &self,
        common_name: &str,
        dns_names: &[&str],
        addresses: &[IpAddr],
        validity: Duration,
    ) -> Result<CertifiedKey, X509Error> {
        let usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue_named(common_name, dns_names, addresses, &usages, validity)
    }

    fn issue_named(
        &self,
        common_name: &str,
        dns_names: &[&str],
        addresses: &[IpAddr],
        usages: &[ExtendedKeyUsagePurpose],
        validity: Duration,
    ) -> Result<CertifiedKey, X509Error> {
        let mut params = named(common_name, None);
        params.extended_key_usages = usages.to_vec();
        for name in dns_names {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into()?));
        }
        params
            .subject_alt_names
            .extend(addresses.iter().copied().map(SanType::IpAddress));
        self.issue(params, validity)
    }

    /// Signs a client certificate, PEM, for a key that its owner keeps; else as [`CertificateAuthority::issue_client`].
    pub fn sign_client(
        &self,
        request: &SigningRequest,
        user: &str,
        group: Option<&str>,
        validity: Duration,
    ) -> Result<String, X509Error> {
        self.sign(of_client(user, group), validity, &request.key)
    }

    fn issue(&self, params: CertificateParams, validity: Duration) -> Result<CertifiedKey, X509Error> {
        let key = KeyPair::generate()?;
        Ok(CertifiedKey {
            certificate: self.sign(params, validity, &key)?,
            key: key.serialize_pem(),
        })
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        validity: Duration,
        key: &impl PublicKeyData,
    ) -> Result<String, X509Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, validity);
        Ok(params.signed_by(key, &self.issuer)?.pem())
    }
}

/// A new ECDSA P-256 key pair as (private PKCS #8 PEM, public SPKI PEM), for service account tokens.
pub fn generate_key_pair() -> Result<(String, String), X509Error> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}

/// From when to when a certificate is valid (RFC 5280, 4.1.2.5); of a chain the first one, which is the server's own.
pub fn validity(certificate: &str) -> Result<Range<Timestamp>, X509Error> {
    let der = der(certificate)?;
    let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| X509Error(error.to_string()))?;
    let time = |time: ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|error| X509Error(error.to_string()));
    let validity = parsed.validity();
    Ok(time(validity.not_before)?..time(validity.not_after)?)
}

/// SHA-256 of the certificate's DER, lower-case hex: what `--ca-sha256` compares.
pub fn fingerprint(certificate: &str) -> Result<String, X509Error> {
    let der = der(certificate)?;
    Ok(Sha256::digest(&der)
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

fn der(certificate: &str) -> Result<CertificateDer<'static>, X509Error> {
    CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|error| X509Error(error.to_string()))
}

fn of_client(user: &str, group: Option<&str>) -> CertificateParams {
    let mut params = named(user, group);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(common_name: &str, organization: Option<&str>) -> CertificateParams {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    if let Some(organization) = organization {
        name.push(DnType::OrganizationName, organization);
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params
}

fn valid_for(params: &mut CertificateParams, validity: Duration) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - CLOCK_SKEW;
    params.not_after = now + validity;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(certificate: &str) -> Vec<String> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        parsed
            .subject()
            .iter_organization()
            .map(|o| o.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_client_certificate_carries_its_group() {
        let (authority, _) = CertificateAuthority::generate("test").unwrap();
        let issued = authority
            .issue_client("dev", Some("team-a"), Duration::from_mins(1))
            .unwrap();
        assert_eq!(groups(&issued.certificate), ["team-a"]);
    }

    #[test]
    fn an_authority_read_back_signs_the_same_chain() {
        let (_, pair) = CertificateAuthority::generate("test").unwrap();
        let authority = CertificateAuthority::from_pem(&pair.certificate, &pair.key).unwrap();
        let issued = authority
            .issue_server("api", &["localhost"], &[], Duration::from_mins(1))
            .unwrap();
        let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        let ca = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let (_, ca) = X509Certificate::from_der(&ca).unwrap();
        assert_eq!(leaf.issuer(), ca.subject());
        assert!(ca.is_ca());
    }

    #[test]
    fn validity_is_read_back() {
        let (authority, _) = CertificateAuthority::generate_for("test", Duration::from_hours(2)).unwrap();
        let (begin, end) = (Timestamp::now(), validity(authority.certificate()).unwrap().end);
        let lifetime = end.duration_since(begin).as_secs();
        assert!((7190..=7200).contains(&lifetime), "{lifetime}");
        assert!(validity("no certificate").is_err());
    }

    #[test]
    fn debug_shows_no_key() {
        let (_, pair) = CertificateAuthority::generate("test").unwrap();
        assert_eq!(format!("{pair:?}"), "CertifiedKey");
    }
}
