//! Private keys that sign by ES256.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Serialize;

use crate::{Claims, PublicKey, jws, pem, public_key::InvalidKey};

/// The `typ` of a token.
const TOKEN: &str = "JWT";

/// A private key: a guest's tokens have one, and what a guest trusts another one. `Debug` shows the kid only.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// The cryptographic library failed; never says on what.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key could not be made or used")]
pub struct CannotSign;

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<SigningKey, CannotSign> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| CannotSign)?;
        SigningKey::of(pair).map_err(|_| CannotSign)
    }

    /// Reads a PKCS #8 PEM `PRIVATE KEY`.
    pub fn from_pem(pem: &str) -> Result<SigningKey, InvalidKey> {
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| InvalidKey("no PEM of a PKCS #8 key"))?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
        SigningKey::of(pair.map_err(|_| InvalidKey("no private key of curve P-256"))?)
    }

    /// PKCS #8 PEM. Secret.
    pub fn to_pem(&self) -> Result<String, CannotSign> {
        let der = self.pair.to_pkcs8v1().map_err(|_| CannotSign)?;
        Ok(pem::encode("PRIVATE KEY", der.as_ref()))
    }

    /// The key's id: the RFC 7638 thumbprint of its public half.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The token of these claims: a JWT in compact form. Secret until it expires.
    pub fn mint(&self, claims: &Claims) -> Result<String, CannotSign> {
        self.mint_any(claims)
    }

    /// A compact JWS over claims of another kind: what an OpenID issuer signs.
    pub fn mint_any(&self, claims: &impl Serialize) -> Result<String, CannotSign> {
        jws::sign(self, TOKEN, claims)
    }

    /// R and S, 64 bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<impl AsRef<[u8]> + use<>, CannotSign> {
        self.pair.sign(&SystemRandom::new(), message).map_err(|_| CannotSign)
    }

    fn of(pair: EcdsaKeyPair) -> Result<SigningKey, InvalidKey> {
        let public = PublicKey::from_point(pair.public_key().as_ref())?;
        Ok(SigningKey { pair, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SigningKey").field(&self.kid()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_pem_and_signs_as_before() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(key.kid(), again.kid());
        let signature = again.sign(b"text").unwrap();
        assert!(key.public().signed(b"text", signature.as_ref()));
        assert!(!key.public().signed(b"other", signature.as_ref()));
    }

    #[test]
    fn pem_of_other_tools_is_read() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = SigningKey::from_pem(&pair.serialize_pem()).unwrap();
        assert_eq!(key.public(), &PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    }

    #[test]
    fn other_curves_and_junk_are_refused_without_quoting() {
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        for pem in [p384.serialize_pem(), "secret".to_owned(), String::new()] {
            let error = SigningKey::from_pem(&pem).unwrap_err().to_string();
            assert!(error.starts_with("key: no "), "{error}");
        }
    }

    #[test]
    fn debug_shows_the_kid_only() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.kid()));
    }
}
