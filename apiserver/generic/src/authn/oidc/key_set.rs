//! The keys of an issuer (RFC 7517), and what they signed. ES256 and RS256 only.

use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use super::token::Token;

/// More keys are not looked at.
const MOST_KEYS: usize = 64;
/// RSA moduli in bytes: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// Keys that may have signed a token.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    /// The uncompressed point of P-256.
    Es256(Vec<u8>),
    Rs256(PublicKeyComponents<Vec<u8>>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySet {
    /// Takes the keys that can be used and passes over others; a set without any is an error, so that nothing is forgotten for it.
    pub(super) fn parse(document: &[u8]) -> Result<KeySet, String> {
        let document: Document = serde_json::from_slice(document).map_err(|error| format!("keys: no JWKS: {error}"))?;
        let jwks = document
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<_> = jwks.filter_map(Key::of).take(MOST_KEYS).collect();
        if keys.is_empty() {
            return Err("keys: none for ES256 or RS256".to_owned());
        }
        Ok(KeySet(keys))
    }

    /// Whether a token that names this key could be verified.
    pub(super) fn has(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.0.iter().any(|key| key.kid.as_deref() == Some(kid)))
    }

    /// Whether one of the keys signed the token: the one that it names, else any.
    pub(super) fn verify(&self, token: &Token<'_>) -> Result<(), String> {
        let named = |key: &&Key| token.key_id().is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let mut candidates = self.0.iter().filter(named);
        if candidates.any(|key| key.signed(token)) {
            Ok(())
        } else {
            Err("not signed by a key of the issuer".to_owned())
        }
    }
}

impl Key {
    fn of(jwk: Jwk) -> Option<Key> {
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let is = |alg: &str| jwk.alg.as_deref().is_none_or(|own| own == alg);
        let public = match jwk.kty.as_str() {
            "EC" if is("ES256") && jwk.crv.as_deref() == Some("P-256") => {
                let (x, y) = (decode(jwk.x)?, decode(jwk.y)?);
                (x.len() == 32 && y.len() == 32).then(|| Public::Es256([&[4], &x[..], &y[..]].concat()))?
            }
            "RSA" if is("RS256") => {
                let (n, e) = (decode(jwk.n)?, decode(jwk.e)?);
                let weak = e.is_empty() || e == [1] || e.last().is_some_and(|byte| byte % 2 == 0);
                (MODULUS.contains(&n.len()) && !weak).then_some(Public::Rs256(PublicKeyComponents { n, e }))?
            }
            _ => return None,
        };
        Some(Key { kid: jwk.kid, public })
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        match (&self.public, token.algorithm()) {
            (Public::Es256(point), "ES256") => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                key.verify(message, signature).is_ok()
            }
            (Public::Rs256(components), "RS256") => components
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            _ => false,
        }
    }
}

/// Bytes of a number, without leading zeros where that matters (RFC 7518 has none).
fn decode(text: Option<String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(keys: Value) -> Result<KeySet, String> {
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes())
    }

    #[test]
    fn weak_and_foreign_keys_are_passed_over() {
        let number = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        for key in [
            json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}),
            json!({"kty": "RSA", "n": number(128), "e": "AQAB"}),
            json!({"kty": "RSA", "n": number(256), "e": "AQ"}),
            json!({"kty": "RSA", "n": number(256), "e": "Ag"}),
            json!({"kty": "RSA", "n": number(256), "e": ""}),
            json!({"kty": "RSA", "n": number(4096), "e": "AQAB"}),
            json!({"kty": "RSA", "n": number(256), "e": "AQAB", "alg": "PS256"}),
            json!({"kty": "EC", "crv": "P-384", "x": number(48), "y": number(48)}),
            json!({"kty": "EC", "crv": "P-256", "x": number(31), "y": number(32)}),
            json!({"kty": "EC", "crv": "P-256", "x": number(32), "y": number(32), "use": "enc"}),
            json!({"kty": 7}),
            json!("text"),
        ] {
            assert!(parse(json!([key])).is_err(), "{key}");
            let good = json!({"kty": "EC", "crv": "P-256", "x": number(32), "y": number(32), "kid": "good"});
            let set = parse(json!([key, good])).unwrap();
            assert!(set.0.len() == 1 && set.has(Some("good")) && set.has(None) && !set.has(Some("other")));
        }
        assert!(parse(json!([])).is_err());
        assert!(KeySet::parse(b"<html>").is_err());
    }
}
