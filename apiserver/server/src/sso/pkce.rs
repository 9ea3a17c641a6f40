//! Proof key for code exchange (RFC 7636), S256 only.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The challenge that a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge(String);

impl Challenge {
    /// A challenge is the base64url form of 32 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digest = URL_SAFE_NO_PAD.decode(text).ok()?;
        (digest.len() == 32).then(|| Self(text.to_owned()))
    }

    /// As it came.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this verifier was hashed to the challenge.
    pub(super) fn is_met_by(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(unreserved)
            && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }

    #[test]
    fn short_verifiers_and_other_challenges_are_none() {
        assert_eq!(Challenge::parse("abc"), None);
        assert_eq!(Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM="), None);
        let short = "a".repeat(42);
        let challenge = Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest(&short)));
        assert!(!challenge.is_met_by(&short));
    }
}
