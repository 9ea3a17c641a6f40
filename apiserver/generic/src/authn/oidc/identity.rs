//! From claims to a user. Pure: the time is a parameter.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::authn::User;

/// How far ahead an issuer's clock may be, in seconds.
const NOT_BEFORE_LEEWAY: f64 = 60.0;
const LONGEST_NAME: usize = 256;
/// Where kube-apiserver says which credential a user showed.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// What one issuer's tokens must say, and what they mean.
#[derive(Clone, Debug)]
pub(super) struct ClaimRules {
    pub(super) audiences: Vec<String>,
    /// Claims that must have exactly this text.
    pub(super) required: Vec<(String, String)>,
    pub(super) username: Prefixed,
    pub(super) groups: Option<Prefixed>,
    pub(super) uid: Option<String>,
}

/// A claim, and what is put before its values.
#[derive(Clone, Debug)]
pub(super) struct Prefixed {
    pub(super) claim: String,
    pub(super) prefix: String,
}

impl ClaimRules {
    /// The user and when the token expires; else why not.
    pub(super) fn judge(&self, claims: &Value, now: Timestamp) -> Result<(User, Timestamp), String> {
        let expires = Self::check_times(claims, now)?;
        self.check_audience(claims)?;
        for (claim, value) in &self.required {
            if claims[claim] != value.as_str() {
                return Err(format!("claim {claim} is not the required one"));
            }
        }
        let user = User {
            name: self.username(claims)?,
            uid: self.uid(claims)?,
            groups: self.groups(claims)?,
            extra: credential_id(claims),
        };
        Ok((user, expires))
    }

    /// Expiry counts to the second; an issuer's clock may be a little ahead.
    fn check_times(claims: &Value, now: Timestamp) -> Result<Timestamp, String> {
        let seconds = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => match value.as_f64().filter(|seconds| seconds.is_finite()) {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(format!("{name} is no time")),
            },
        };
        let clock = now.as_duration().as_secs_f64();
        let expires = seconds("exp")?.ok_or("it has no exp")?;
        if expires <= clock {
            return Err("expired".to_owned());
        }
        if seconds("nbf")?.is_some_and(|not_before| not_before > clock + NOT_BEFORE_LEEWAY) {
            return Err("not valid yet".to_owned());
        }
        seconds("iat")?;
        // Beyond what a timestamp holds it never expires as far as anybody can tell.
        #[allow(clippy::cast_possible_truncation)] // a cast of a float saturates
        Ok(Timestamp::from_second(expires as i64).unwrap_or(Timestamp::MAX))
    }

    fn check_audience(&self, claims: &Value) -> Result<(), String> {
        let of_them = |audience: &Value| self.audiences.iter().any(|own| audience == own.as_str());
        let matches = match &claims["aud"] {
            audience @ Value::String(_) => of_them(audience),
            Value::Array(audiences) => audiences.iter().all(Value::is_string) && audiences.iter().any(of_them),
            _ => false,
        };
        if matches {
            Ok(())
        } else {
            Err("for another audience".to_owned())
        }
    }

    fn username(&self, claims: &Value) -> Result<String, String> {
        let Prefixed { claim, prefix } = &self.username;
        let name = claims[claim]
            .as_str()
            .ok_or_else(|| format!("claim {claim} is no text"))?;
        if claim == "email" && claims.get("email_verified").is_some_and(|verified| verified != true) {
            return Err("the email is not verified".to_owned());
        }
        named(claim, &format!("{prefix}{}", checked(claim, name)?))
    }

    fn groups(&self, claims: &Value) -> Result<Vec<String>, String> {
        let Some(Prefixed { claim, prefix }) = &self.groups else {
            return Ok(Vec::new());
        };
        let group = |value: &Value| {
            let name = value
                .as_str()
                .ok_or_else(|| format!("claim {claim} holds what is no text"))?;
            named(claim, &format!("{prefix}{}", checked(claim, name)?))
        };
        match claims.get(claim) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(groups)) => groups.iter().map(group).collect(),
            Some(one) => Ok(vec![group(one)?]),
        }
    }

    fn uid(&self, claims: &Value) -> Result<Option<String>, String> {
        let Some(claim) = &self.uid else {
            return Ok(None);
        };
        let uid = claims[claim]
            .as_str()
            .ok_or_else(|| format!("claim {claim} is no text"))?;
        checked(claim, uid).map(|uid| Some(uid.to_owned()))
    }
}

/// A name that can stand in a log line and a header.
fn checked<'a>(claim: &str, name: &'a str) -> Result<&'a str, String> {
    let good = !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.contains(char::is_control);
    if good {
        Ok(name)
    } else {
        Err(format!("claim {claim} is empty, too long or no plain text"))
    }
}

/// A name with its prefix: never one of the system's, whatever the prefix is.
fn named(claim: &str, name: &str) -> Result<String, String> {
    if name.starts_with("system:") {
        return Err(format!("claim {claim} gives a name in system:"));
    }
    Ok(name.to_owned())
}

fn credential_id(claims: &Value) -> BTreeMap<String, Vec<String>> {
    let id = claims["jti"].as_str().filter(|id| checked("jti", id).is_ok());
    let id = id.map(|id| (CREDENTIAL_ID.to_owned(), vec![format!("JTI={id}")]));
    id.into_iter().collect()
}
