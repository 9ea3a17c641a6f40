//! What tests of the authenticators share: an authority, and client certificates of it.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls_pki_types::CertificateDer;

/// A CA with its certificate in PEM.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A new CA. All have the same name, so only the signature tells them apart.
pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "test CA");
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    Authority { pem, issuer }
}

/// A CA, and a certificate and its key for these names and addresses, in PEM.
pub(crate) fn serving_certificate(names: &[&str]) -> (String, String, String) {
    let Authority { pem, issuer } = authority();
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    (pem, certificate.pem(), key.serialize_pem())
}

impl Authority {
    /// A client certificate for a user in one group, changed as the test wants it.
    pub(crate) fn client(
        &self,
        name: &str,
        group: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> [CertificateDer<'static>; 1] {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let certificate = params.signed_by(&KeyPair::generate().unwrap(), &self.issuer);
        [certificate.unwrap().into()]
    }
}
