//! A JWT that is shown to the supervisor as it is. What is read here is for people and for renewal; the supervisor judges it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::id_token::{LONGEST, claims};

/// What an unverified token says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) issuer: String,
    /// Whom it is about, as the issuer names them.
    pub(crate) subject: String,
    /// From the moment it was issued to its end, where it says when that was.
    pub(crate) lifetime: Option<Duration>,
    /// Its end by the issuer's clock.
    pub(crate) until: Timestamp,
}

impl Shown {
    /// Reads a token. The error says what is wrong with it, without its content.
    pub(crate) fn read(token: &str) -> Result<Self, &'static str> {
        let claims = claims(token).ok_or("no JWT: a signed token of three parts, with dots between them")?;
        let text = |name: &str| claims[name].as_str().filter(|text| !text.is_empty());
        let seconds = |value: &Value| value.as_i64().or_else(|| whole(value.as_f64()?));
        let until = seconds(&claims["exp"]).ok_or("a JWT that does not say until when it is good (exp)")?;
        let since = seconds(&claims["iat"]);
        let lifetime = since.and_then(|since| u64::try_from(until.checked_sub(since)?).ok());
        Ok(Self {
            issuer: text("iss")
                .ok_or("a JWT that does not say who issued it (iss)")?
                .to_owned(),
            subject: text("sub")
                .ok_or("a JWT that does not say whom it is about (sub)")?
                .to_owned(),
            lifetime: lifetime.map(|seconds| Duration::from_secs(seconds).min(LONGEST)),
            until: Timestamp::from_second(until).unwrap_or(Timestamp::MAX),
        })
    }
}

#[allow(clippy::cast_possible_truncation)] // a cast of a float saturates
fn whole(seconds: f64) -> Option<i64> {
    seconds.is_finite().then_some(seconds as i64)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use near_inputs::near_text;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Result<Shown, &'static str> {
        Shown::read(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    #[test]
    fn a_token_says_who_and_until_when() {
        let good = json!({"iss": "https://sso", "sub": "ci", "iat": 1000, "exp": 1600.5});
        let token = read(&good).unwrap();
        assert_eq!((token.issuer.as_str(), token.subject.as_str()), ("https://sso", "ci"));
        assert_eq!(token.lifetime, Some(Duration::from_mins(10)));
        assert_eq!(token.until.as_second(), 1600);
        for (claim, value, expected) in [
            ("iss", json!(""), "who issued it"),
            ("sub", json!(7), "whom it is about"),
            ("exp", json!("1600"), "until when"),
            ("exp", json!(null), "until when"),
        ] {
            let mut wrong = good.clone();
            wrong[claim] = value;
            assert!(read(&wrong).unwrap_err().contains(expected), "{claim}");
        }
        let mut endless = good;
        (endless["exp"], endless["iat"]) = (json!(1e300), json!(i64::MIN));
        let endless = read(&endless).unwrap();
        assert_eq!((endless.until, endless.lifetime), (Timestamp::MAX, None));
        for wrong in ["", "ghp_0123456789", "a.b", "a.b.c", "a.e30.c.d"] {
            assert!(Shown::read(wrong).unwrap_err().starts_with("no JWT"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn fuzz_claims_near_right_ones(
            claims in near_text(&[r#"{"iss":"https://sso","sub":"ci","iat":1000,"exp":1600}"#], &["null", "\"\"", "-1", "1e400", "9223372036854775807"]),
        ) {
            let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
            if let Ok(shown) = Shown::read(&token) {
                prop_assert!(!shown.issuer.is_empty() && !shown.subject.is_empty());
                prop_assert!(shown.lifetime.is_none_or(|lifetime| lifetime <= LONGEST));
            }
        }
    }
}
