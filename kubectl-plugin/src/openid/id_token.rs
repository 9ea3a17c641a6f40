//! The ID token's claims (OpenID Connect Core 2), as far as a client must check them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::Issuer;
use crate::error::{Error, Result};

/// Longest life that is believed; a longer one is asked for anew after this.
pub(super) const LONGEST: Duration = Duration::from_hours(24);

/// An ID token that came from the issuer itself, and is for us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct IdToken {
    /// The person, as the issuer names them.
    pub(crate) subject: String,
    /// From the moment it was issued to its end. The clock that it was written by may be another one than ours.
    pub(crate) lifetime: Duration,
}

impl IdToken {
    /// Reads a token that was just received, and checks whom it is from, for whom, and that it answers our request: `nonce` is the
    /// request's, none for a refresh.
    pub(crate) fn check(token: &str, issuer: &Issuer, nonce: Option<&str>) -> Result<Self> {
        let refused = |why: &str| Error::failed(format!("the issuer's ID token can't be used: {why}"));
        let claims = claims(token).ok_or_else(|| refused("it is not a signed JWT"))?;
        if claims["iss"] != issuer.url.as_str() {
            return Err(refused("it is from another issuer"));
        }
        if !is_for(&claims, &issuer.client_id) {
            return Err(refused("it is for another client"));
        }
        if nonce.is_some_and(|nonce| claims["nonce"] != nonce) {
            return Err(refused("it answers another sign-in"));
        }
        let subject = claims["sub"].as_str().filter(|subject| !subject.is_empty());
        let subject = subject.ok_or_else(|| refused("it names nobody"))?;
        let (issued, expires) = (claims["iat"].as_i64(), claims["exp"].as_i64());
        let lifetime = expires
            .zip(issued)
            .and_then(|(expires, issued)| u64::try_from(expires.checked_sub(issued)?).ok())
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| refused("it does not say how long it is good for"))?;
        Ok(Self {
            subject: subject.to_owned(),
            lifetime: Duration::from_secs(lifetime).min(LONGEST),
        })
    }
}

/// The claims of a token whose signature nobody has checked.
pub(super) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Whether the audience is this client. With several audiences, `azp` says who may use it.
fn is_for(claims: &Value, client: &str) -> bool {
    let party = &claims["azp"];
    match &claims["aud"] {
        Value::String(audience) => audience == client && (party.is_null() || party == client),
        Value::Array(audiences) if audiences.len() == 1 => {
            audiences[0] == client && (party.is_null() || party == client)
        }
        Value::Array(audiences) => audiences.contains(&Value::from(client)) && party == client,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({"iss": "https://sso", "aud": "me", "sub": "dev@guest.local", "nonce": "n", "iat": 1000, "exp": 1600})
    }

    fn check(claims: &Value) -> Result<IdToken> {
        let issuer = Issuer {
            url: "https://sso".to_owned(),
            client_id: "me".to_owned(),
            certificate_authority: None,
            scopes: String::new(),
        };
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()));
        IdToken::check(&token, &issuer, Some("n"))
    }

    #[test]
    fn a_token_is_from_the_issuer_for_us_and_about_this_sign_in() {
        let token = check(&good()).unwrap();
        assert_eq!(token.subject, "dev@guest.local");
        assert_eq!(token.lifetime, Duration::from_mins(10));
        for (claim, value) in [
            ("iss", json!("https://evil")),
            ("iss", json!(["https://sso"])),
            ("aud", json!("other")),
            ("aud", json!(["me", "other"])),
            ("aud", json!(7)),
            ("azp", json!("other")),
            ("nonce", json!("m")),
            ("nonce", json!(null)),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("exp", json!(1000)),
            ("exp", json!("1600")),
            ("exp", json!(i64::MIN)),
            ("iat", json!(null)),
        ] {
            let mut wrong = good();
            wrong[claim] = value.clone();
            assert!(check(&wrong).is_err(), "{claim}: {value}");
        }
    }

    #[test]
    fn a_long_life_is_not_believed_and_several_audiences_name_the_party() {
        let mut token = good();
        token["exp"] = json!(i64::MAX);
        assert_eq!(check(&token).unwrap().lifetime, LONGEST);
        token["aud"] = json!(["me", "other"]);
        token["azp"] = json!("me");
        assert!(check(&token).is_ok());
    }

    #[test]
    fn what_is_no_jwt_is_refused() {
        let issuer = Issuer {
            url: String::new(),
            client_id: String::new(),
            certificate_authority: None,
            scopes: String::new(),
        };
        for wrong in ["", "a.b", "a.b.c", "a.%.c", "a.e30.c.d", "a.e30=.c"] {
            assert!(IdToken::check(wrong, &issuer, None).is_err(), "{wrong}");
        }
    }
}
