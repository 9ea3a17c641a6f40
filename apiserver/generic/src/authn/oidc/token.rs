//! A token's form: a compact JWS (RFC 7515) over a JSON object.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::schema::decode;

/// Longest token that is looked at.
const LONGEST: usize = 64 * 1024;
const LONGEST_KEY_ID: usize = 256;

/// A token, not verified.
pub(super) struct Token<'a> {
    header: Value,
    /// The claims; duplicates and such are found by [`Token::check_form`].
    pub(super) claims: Value,
    flawed: bool,
    /// What is signed.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// None for what is no JWS of JSON objects at all.
    pub(super) fn parse(text: &'a str) -> Option<Token<'a>> {
        if text.len() > LONGEST {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.').filter(|(_, claims)| !claims.contains('.'))?;
        let object = |part: &str| {
            let decoded = decode::json(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            decoded.value.is_object().then_some(decoded)
        };
        let (header, claims) = (object(header)?, object(claims)?);
        Some(Token {
            flawed: !header.duplicates.is_empty() || !claims.duplicates.is_empty(),
            header: header.value,
            claims: claims.value,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// Who claims to have issued it.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims["iss"].as_str()
    }

    /// The key that it names.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header["kid"].as_str()
    }

    /// How it claims to be signed; empty when it does not say.
    pub(super) fn algorithm(&self) -> &str {
        self.header["alg"].as_str().unwrap_or_default()
    }

    /// What no token may have, whoever signed it.
    pub(super) fn check_form(&self) -> Result<(), String> {
        if self.flawed {
            return Err("a field occurs twice".to_owned());
        }
        if !matches!(self.algorithm(), "ES256" | "RS256") {
            return Err("signed by neither ES256 nor RS256".to_owned());
        }
        if self.header.get("crit").is_some() {
            return Err("it has critical extensions, which are not known".to_owned());
        }
        match self.header.get("kid") {
            None => Ok(()),
            Some(Value::String(kid)) if kid.len() <= LONGEST_KEY_ID => Ok(()),
            Some(_) => Err("kid is no short text".to_owned()),
        }
    }
}
