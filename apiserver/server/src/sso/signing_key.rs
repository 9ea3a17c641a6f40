//! The key that signs ID tokens: ECDSA P-256, made at the first start, kept in the data folder.

use anyhow::Context as _;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guestcluster_credentials::x509;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::data_dir::DataDir;

const FILE: &str = "sso.key";
/// Bytes of one coordinate.
const COORDINATE: usize = 32;

/// Signs ES256; its public half is in the JWKS.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
    kid: String,
}

impl SigningKey {
    /// The folder's key, made when there is none.
    pub(super) fn open(dir: &DataDir) -> anyhow::Result<Self> {
        let pem = match dir.read(FILE)? {
            Some(pem) => pem,
            None => {
                let (pem, _public) = x509::generate_key_pair()?;
                dir.write(FILE, &pem)?;
                pem
            }
        };
        Self::from_pem(&pem).with_context(|| {
            format!(
                "{} is no ECDSA P-256 key in PKCS #8; without it a new one is made",
                dir.file(FILE).display()
            )
        })
    }

    fn from_pem(pem: &str) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der()).ok()?;
        // The uncompressed point: 4, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..)?.split_at_checked(COORDINATE)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let kid = thumbprint(&x, &y);
        Some(Self { pair, x, y, kid })
    }

    /// The public half (RFC 7517).
    pub(super) fn jwks(&self) -> Value {
        json!({"keys": [{
            "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y, "use": "sig", "alg": "ES256", "kid": self.kid,
        }]})
    }

    /// A compact JWS over these claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> anyhow::Result<String> {
        let header = json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"});
        let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!(
            "{}.{}",
            encode(serde_json::to_vec(&header)?),
            encode(serde_json::to_vec(claims)?)
        );
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// RFC 7638: the digest of the required members in their fixed form.
fn thumbprint(x: &str, y: &str) -> String {
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_key_stays_over_a_restart_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let first = SigningKey::open(&dir).unwrap();
        assert_eq!(SigningKey::open(&dir).unwrap().jwks(), first.jwks());
        let mode = std::fs::metadata(dir.file(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        dir.write(FILE, "garbage").unwrap();
        let refused = format!("{:#}", SigningKey::open(&dir).err().unwrap());
        assert!(refused.contains("sso.key") && !refused.contains("garbage"), "{refused}");
    }

    #[test]
    fn what_it_signs_verifies_by_the_published_key() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::open(&DataDir::open_or_create(folder.path()).unwrap()).unwrap();
        let token = key.sign(&json!({"sub": "dev"})).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let jwk = &key.jwks()["keys"][0];
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            point.extend(URL_SAFE_NO_PAD.decode(jwk[coordinate].as_str().unwrap()).unwrap());
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
    }
}
