//! Public keys: ECDSA P-256, as JWK (RFC 7517) and PEM.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::pem;

/// What stands before the point in the DER of a P-256 SubjectPublicKeyInfo (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a coordinate.
const COORDINATE: usize = 32;
/// The first byte of an uncompressed point.
const UNCOMPRESSED: u8 = 4;

/// The public half of a [`SigningKey`](crate::SigningKey).
#[derive(Clone)]
pub struct PublicKey {
    parsed: ParsedPublicKey,
    kid: String,
}

/// The text is no P-256 public key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("key: {0}")]
pub struct InvalidKey(pub(crate) &'static str);

/// A JWK Set (RFC 7517) of these keys.
pub fn jwks(keys: &[PublicKey]) -> Value {
    json!({"keys": keys.iter().map(PublicKey::to_jwk).collect::<Vec<_>>()})
}

impl PublicKey {
    /// Reads a PEM `PUBLIC KEY`.
    pub fn from_pem(pem: &str) -> Result<PublicKey, InvalidKey> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| InvalidKey("no PEM of a public key"))?;
        let point = der.strip_prefix(&SPKI_PREFIX[..]);
        PublicKey::from_point(point.ok_or(InvalidKey("not of curve P-256"))?)
    }

    /// PEM `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        let der = [&SPKI_PREFIX[..], self.point()].concat();
        pem::encode("PUBLIC KEY", &der)
    }

    /// Reads a JWK. One that says more than a public signing key of ES256 is refused, and so is a `kid` that is not the key's
    /// own.
    pub fn from_jwk(jwk: &Value) -> Result<PublicKey, InvalidKey> {
        let is = |field: &str, wanted: &str| jwk[field].is_null() || jwk[field] == wanted;
        if jwk["kty"] != "EC" || jwk["crv"] != "P-256" || !is("alg", "ES256") || !is("use", "sig") {
            return Err(InvalidKey("no JWK of an ES256 signing key"));
        }
        if !jwk["d"].is_null() {
            return Err(InvalidKey("the JWK holds a private key"));
        }
        let mut point = vec![UNCOMPRESSED];
        point.extend(coordinate(&jwk["x"])?);
        point.extend(coordinate(&jwk["y"])?);
        let key = PublicKey::from_point(&point)?;
        if !is("kid", &key.kid) {
            return Err(InvalidKey("the JWK's kid is not the key's thumbprint"));
        }
        Ok(key)
    }

    /// The JWK, with use, algorithm and kid.
    pub fn to_jwk(&self) -> Value {
        let (x, y) = coordinates(self.point());
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": x, "y": y})
    }

    /// The key's id: its RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(crate) fn from_point(point: &[u8]) -> Result<PublicKey, InvalidKey> {
        if point.len() != 1 + 2 * COORDINATE || point[0] != UNCOMPRESSED {
            return Err(InvalidKey("no point of curve P-256"));
        }
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        Ok(PublicKey {
            parsed: parsed.map_err(|_| InvalidKey("no point of curve P-256"))?,
            kid: thumbprint(point),
        })
    }

    /// Whether the signature (R and S, 64 bytes) is this key's over the message, by ES256.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    fn point(&self) -> &[u8] {
        self.parsed.as_ref()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.point() == other.point()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&self.kid).finish()
    }
}

/// As JWK.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_jwk().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let jwk = Value::deserialize(deserializer)?;
        PublicKey::from_jwk(&jwk).map_err(serde::de::Error::custom)
    }
}

/// RFC 7638: SHA-256 over the required members in lexicographic order.
fn thumbprint(point: &[u8]) -> String {
    let (x, y) = coordinates(point);
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

fn coordinates(point: &[u8]) -> (String, String) {
    let (x, y) = point[1..].split_at(COORDINATE);
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

fn coordinate(value: &Value) -> Result<Vec<u8>, InvalidKey> {
    let text = value.as_str().ok_or(InvalidKey("a coordinate is missing"))?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .filter(|bytes| bytes.len() == COORDINATE)
        .ok_or(InvalidKey("a coordinate is not 32 bytes in base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    /// The key of RFC 7515, appendix A.3.
    const RFC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const RFC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn key() -> PublicKey {
        SigningKey::generate().unwrap().public().clone()
    }

    #[test]
    fn jwk_and_pem_read_back() {
        let key = key();
        assert_eq!(PublicKey::from_jwk(&key.to_jwk()).unwrap(), key);
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap(), key);
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&text).unwrap(), key);
    }

    #[test]
    fn the_pem_is_what_others_write() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = PublicKey::from_pem(&pair.public_key_pem()).unwrap();
        assert_eq!(
            key.to_pem().trim_end(),
            pair.public_key_pem().replace('\r', "").trim_end()
        );
    }

    #[test]
    fn the_kid_is_the_sha_256_of_the_required_members() {
        let key = PublicKey::from_jwk(&json!({"kty": "EC", "crv": "P-256", "x": RFC_X, "y": RFC_Y})).unwrap();
        // printf '{"crv":"P-256","kty":"EC","x":"..","y":".."}' | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(key.kid(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn other_keys_are_refused() {
        let good = key().to_jwk();
        let with = |field: &str, value: Value| {
            let mut jwk = good.clone();
            jwk[field] = value;
            PublicKey::from_jwk(&jwk)
        };
        let off_curve = json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE");
        let bad = [
            ("kty", json!("oct")),
            ("kty", json!("RSA")),
            ("crv", json!("P-384")),
            ("alg", json!("ES384")),
            ("use", json!("enc")),
            ("d", json!("AA")),
            ("kid", json!("k1")),
            ("x", json!("AA")),
            ("x", Value::Null),
            ("y", off_curve),
        ];
        for (field, value) in bad {
            assert!(with(field, value.clone()).is_err(), "{field}: {value}");
        }
        assert!(PublicKey::from_jwk(&json!(7)).is_err());
        for pem in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(PublicKey::from_pem(pem).is_err());
        }
    }
}
