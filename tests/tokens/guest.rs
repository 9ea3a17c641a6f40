//! A guest with one key, and tokens that say anything.

use std::collections::BTreeMap;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guestcluster_credentials::{Floor, NumericDate, SigningKey, Trust, audience, issuer};
use jiff::Timestamp;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

const UID: &str = "7b1e2d9c-5f0a-4c7e-9a3d-1f2e3d4c5b6a";
/// A name with everything that a string in a configuration could stumble over.
pub(super) const AWKWARD: &str = "o'neil\\\"@corp.example\u{e9}\u{1F600}\n\0";
/// So many that they don't fit into one expression of the configuration.
const REVOKED: usize = 3000;

/// The guest, and what it trusts.
pub(super) struct Guest {
    pub(super) trust: Trust,
    pub(super) key: SigningKey,
    pub(super) now: i64,
}

impl Guest {
    pub(super) fn new(now: Timestamp) -> Self {
        let (key, now) = (SigningKey::generate().unwrap(), now.as_second());
        let floor = |subject: Option<&str>, issued_before| Floor {
            subject: subject.map(str::to_owned),
            issued_before: NumericDate(issued_before),
        };
        let mut revoked: BTreeMap<_, _> = (0..REVOKED)
            .map(|number| (revoked(number), NumericDate(now + 600)))
            .collect();
        revoked.insert(AWKWARD.to_owned(), NumericDate(now + 600));
        let trust = Trust {
            guest_uid: UID.to_owned(),
            generation: 1,
            keys: vec![key.public().clone()],
            revoked,
            floors: vec![
                floor(None, now - 3000),
                floor(Some(AWKWARD), now),
                floor(Some("bob"), now - 90),
                floor(Some("bob"), now - 50),
                floor(Some("bob"), now - 50),
            ],
            trust_keys: Vec::new(),
        };
        Self { trust, key, now }
    }

    /// A good token.
    pub(super) fn token(&self) -> String {
        self.with(&json!({}))
    }

    /// A good token's claims, with those changed that are in `change`; null takes one away.
    pub(super) fn with(&self, change: &Value) -> String {
        sign(&self.key, &self.header(), &self.claims(change).to_string())
    }

    pub(super) fn claims(&self, change: &Value) -> Value {
        let mut claims = json!({
            "iss": issuer(UID), "aud": audience(UID), "sub": "alice@corp.example", "groups": ["devs@corp.example"],
            "level": "admin", "iat": self.now, "nbf": self.now - 300, "exp": self.now + 3600, "jti": "c-1", "uid": "u-1",
        });
        for (claim, value) in change.as_object().unwrap() {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
                value => claims[claim] = value.clone(),
            }
        }
        claims
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": "ES256", "kid": self.key.kid(), "typ": "JWT"})
    }
}

/// The id of one of the revoked tokens.
pub(super) fn revoked(number: usize) -> String {
    format!("{number:036}")
}

/// A token by any header over any text.
pub(super) fn sign(key: &SigningKey, header: &Value, payload: &str) -> String {
    let signed = unsigned(header, payload);
    let pem = key.to_pem().unwrap();
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der()).unwrap();
    let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What is signed of a token.
pub(super) fn unsigned(header: &Value, payload: &str) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload)
    )
}
