//! Signing in on another device (RFC 8628): the issuer gives a code, the person enters it in a browser anywhere, and this computer
//! asks until that has happened.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use url::Url;

use super::{
    Endpoints, Grant, Issuer, Refused, Tokens,
    authorization::printable,
    issuer::https_url,
    tokens::{Pending, said},
};
use crate::{
    error::{Error, Result},
    https,
};

/// Between two questions where the issuer says nothing about it (RFC 8628, section 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// What an issuer that is asked too often adds to the interval (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// Longest interval that is believed.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
/// How long a code is good for where the issuer says more, or nothing.
const LONGEST: Duration = Duration::from_mins(30);
/// Characters of a code: a person types it.
const LONGEST_CODE: usize = 64;

/// A sign-in that waits for the person.
pub(crate) struct DeviceCode {
    /// Secret: whoever has it gets the tokens.
    device_code: String,
    /// What the person enters.
    pub(crate) user_code: String,
    /// Where.
    pub(crate) page: Url,
    /// The same with the code in it.
    pub(crate) page_with_code: Option<Url>,
    /// How long it is good for.
    pub(crate) lifetime: Duration,
    interval: Duration,
}

impl Issuer {
    /// Begins a sign-in on another device.
    pub(crate) async fn device_code(&self, endpoints: &Endpoints) -> Result<DeviceCode> {
        let Some(endpoint) = &endpoints.device_authorization else {
            return Err(
                Error::failed(format!("the issuer {} has no sign-in by device code", self.url))
                    .next("Sign in with a browser on this computer: leave out --device-code"),
            );
        };
        let form = [("client_id", self.client_id.as_str()), ("scope", self.scopes.as_str())];
        let answer = https::post(endpoint, self.certificate_authority.as_deref(), &form).await?;
        if !answer.status.is_success() {
            let why = said(&answer.body).unwrap_or_else(|| format!("it answers {}", answer.status));
            return Err(Error::failed(format!(
                "the issuer {} gives no device code: {why}",
                self.url
            )));
        }
        DeviceCode::read(&answer.body)
            .map_err(|why| Error::failed(format!("the issuer's device code can't be used: {why}")))
    }

    /// Waits until the person has entered the code, at most as long as it is good for.
    pub(crate) async fn await_device(&self, endpoints: &Endpoints, code: &DeviceCode) -> Result<Tokens> {
        let deadline = Instant::now() + code.lifetime;
        let mut interval = code.interval;
        loop {
            sleep(interval).await;
            match self.tokens(endpoints, Grant::Device(&code.device_code)).await {
                Ok(tokens) => return Ok(tokens),
                Err(Refused::Pending(Pending::Waiting)) => {}
                Err(Refused::Grant) => return Err(expired()),
                // One that can't be reached may be the next time.
                Err(Refused::Pending(Pending::TooFast) | Refused::Unreachable(_)) => interval = slower(interval),
                Err(Refused::Other(error)) => return Err(error),
            }
            if Instant::now() >= deadline {
                return Err(expired());
            }
        }
    }
}

impl DeviceCode {
    fn read(answer: &Value) -> std::result::Result<DeviceCode, String> {
        let text = |field: &str| {
            let text = answer[field].as_str().filter(|text| !text.is_empty());
            text.ok_or_else(|| format!("it has no {field}"))
        };
        let page = |field: &str| {
            let page = https_url(text(field)?)?;
            // A page with a user name before its host looks like another one's.
            match (page.username(), page.password()) {
                ("", None) => Ok(page),
                _ => Err(format!("its {field} names a user")),
            }
        };
        let user_code = text("user_code")?;
        if user_code.chars().count() > LONGEST_CODE || printable(user_code) != user_code {
            return Err("its user_code can't be shown".to_owned());
        }
        let seconds = |field: &str| answer[field].as_u64().map(Duration::from_secs);
        Ok(DeviceCode {
            device_code: text("device_code")?.to_owned(),
            user_code: user_code.to_owned(),
            page: page("verification_uri")?,
            page_with_code: page("verification_uri_complete").ok(),
            lifetime: seconds("expires_in").unwrap_or(LONGEST).min(LONGEST),
            interval: seconds("interval").unwrap_or(INTERVAL).min(LONGEST_INTERVAL),
        })
    }
}

fn slower(interval: Duration) -> Duration {
    (interval + SLOWER).min(LONGEST_INTERVAL)
}

fn expired() -> Error {
    Error::timed_out("the code was not entered in time").next("Start it again.")
}

#[cfg(test)]
mod tests {
    use near_inputs::near_text;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({"device_code": "secret", "user_code": "BCDF-GHJK", "verification_uri": "https://sso/device",
            "verification_uri_complete": "https://sso/device?user_code=BCDF-GHJK", "expires_in": 600, "interval": 2})
    }

    #[test]
    fn an_answer_is_read() {
        let code = DeviceCode::read(&answer()).unwrap();
        assert_eq!(
            (code.user_code.as_str(), code.page.as_str()),
            ("BCDF-GHJK", "https://sso/device")
        );
        assert_eq!(
            (code.lifetime, code.interval),
            (Duration::from_mins(10), Duration::from_secs(2))
        );
        let mut short = answer();
        for field in ["verification_uri_complete", "expires_in", "interval"] {
            short[field] = Value::Null;
        }
        let code = DeviceCode::read(&short).unwrap();
        assert_eq!(
            (code.page_with_code, code.interval, code.lifetime),
            (None, INTERVAL, LONGEST)
        );
    }

    /// Attack 94: what the person is shown must not be written by somebody who wants to be believed.
    #[test]
    fn what_must_not_be_shown_is_refused() {
        for (field, value, expected) in [
            ("verification_uri", json!("http://sso/device"), "https://"),
            ("verification_uri", json!("https://sso@evil/device"), "names a user"),
            ("verification_uri", json!("javascript:alert(1)"), "https://"),
            ("user_code", json!("A\u{1b}[2JB"), "user_code"),
            ("user_code", json!("A".repeat(65)), "user_code"),
            ("user_code", json!(""), "user_code"),
            ("device_code", json!(7), "device_code"),
        ] {
            let mut wrong = answer();
            wrong[field] = value;
            let Err(why) = DeviceCode::read(&wrong) else {
                panic!("{field} is taken: {wrong}")
            };
            assert!(why.contains(expected), "{field}: {why}");
        }
        let mut eager = answer();
        (eager["interval"], eager["expires_in"]) = (json!(u64::MAX), json!(u64::MAX));
        let code = DeviceCode::read(&eager).unwrap();
        assert_eq!((code.interval, code.lifetime), (LONGEST_INTERVAL, LONGEST));
    }

    proptest! {
        #[test]
        fn fuzz_answers_near_right_ones(text in near_text(&[&answer().to_string()], &["\"", "null", "http", "@", "\\u001b", "{", "}"])) {
            if let Ok(answer) = serde_json::from_str(&text)
                && let Ok(code) = DeviceCode::read(&answer)
            {
                prop_assert_eq!(code.page.scheme(), "https");
                prop_assert!(!code.user_code.chars().any(char::is_control));
            }
        }
    }
}
