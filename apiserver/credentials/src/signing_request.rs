//! Certificate signing requests (PKCS #10, RFC 2986) of clients that keep their key to themselves.

use rcgen::{CertificateSigningRequestParams, PKCS_ECDSA_P256_SHA256, PublicKey};

/// The public key of a request, whose sender has shown to hold the private one. All else that a request says counts for
/// nothing: who signs decides about names and rights.
#[derive(Debug)]
pub struct SigningRequest {
    pub(crate) key: PublicKey,
}

/// Nothing is signed for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningRequestRefused {
    /// It can't be read, or was not signed by the key that is in it.
    #[error("must be a certificate signing request in PEM (PKCS #10) that is signed by its own key")]
    Unreadable,
    /// Its key is of another kind.
    #[error("must be for an ECDSA P-256 key")]
    OtherKey,
}

impl SigningRequest {
    /// Reads a PEM block and checks its signature.
    pub fn from_pem(pem: &str) -> Result<SigningRequest, SigningRequestRefused> {
        let request = CertificateSigningRequestParams::from_pem(pem).map_err(|_| SigningRequestRefused::Unreadable)?;
        if *request.public_key.algorithm() != PKCS_ECDSA_P256_SHA256 {
            return Err(SigningRequestRefused::OtherKey);
        }
        Ok(SigningRequest {
            key: request.public_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use near_inputs::near_text;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, PublicKeyData as _};
    use rustls_pki_types::{CertificateSigningRequestDer, pem::PemObject as _};

    use super::*;
    use crate::x509::CertificateAuthority;

    fn request(key: &KeyPair) -> String {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "admin");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
        params.serialize_request(key).unwrap().pem().unwrap()
    }

    #[test]
    fn the_signer_decides_who_it_is() {
        let key = KeyPair::generate().unwrap();
        let (authority, _) = CertificateAuthority::generate("guest").unwrap();
        let asked = SigningRequest::from_pem(&request(&key)).unwrap();
        let signed = authority
            .sign_client(
                &asked,
                "break-glass:ann@corp",
                Some("guestclusters.dev:break-glass"),
                Duration::from_hours(1),
            )
            .unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(signed.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let subject = certificate.subject().to_string();
        assert!(subject.contains("CN=break-glass:ann@corp"), "{subject}");
        assert!(
            subject.contains("O=guestclusters.dev:break-glass") && !subject.contains("system:"),
            "{subject}"
        );
        assert_eq!(certificate.public_key().raw, key.subject_public_key_info());
        assert!(!certificate.is_ca());
    }

    #[test]
    fn a_request_of_another_key_or_kind_is_refused() {
        let (one, two) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pem = request(&one);
        let mut der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .unwrap()
            .to_vec();
        // The public key of somebody else, in a request that this one signed.
        let (own, other) = (one.public_key_raw().to_vec(), two.public_key_raw());
        let at = der.windows(own.len()).position(|window| window == own).unwrap();
        der[at..at + own.len()].copy_from_slice(other);
        let stolen = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n",
            STANDARD.encode(der)
        );
        let refused = |pem: &str| SigningRequest::from_pem(pem).unwrap_err();
        assert_eq!(refused(&stolen), SigningRequestRefused::Unreadable);
        for text in ["", "x", &one.serialize_pem()] {
            assert_eq!(refused(text), SigningRequestRefused::Unreadable);
        }
        let long = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        assert_eq!(refused(&request(&long)), SigningRequestRefused::OtherKey);
    }

    proptest! {
        #[test]
        fn fuzz_requests_near_right_ones(text in near_text(&["-----BEGIN CERTIFICATE REQUEST-----\nMIHaMIGBAgEAMB8xHTAbBgNVBAMMFGE=\n-----END CERTIFICATE REQUEST-----\n"], &["-----", "\n", "=", "MII", "BEGIN"])) {
            let _ = SigningRequest::from_pem(&text);
        }
    }
}
