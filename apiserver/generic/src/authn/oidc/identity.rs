//! From claims to a user. Pure: the time is a parameter.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::expression::{Claims, Condition, Expression};
use crate::authn::User;

/// How far ahead an issuer's clock may be, in seconds.
const NOT_BEFORE_LEEWAY: f64 = 60.0;
const LONGEST_NAME: usize = 256;
/// What an expression makes, as errors name it.
const USERNAME: &str = "username";
const GROUPS: &str = "groups";
const UID: &str = "uid";
/// Where kube-apiserver says which credential a user showed.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// What one issuer's tokens must say, and what they mean.
#[derive(Debug)]
pub(super) struct ClaimRules {
    pub(super) audiences: Vec<String>,
    /// Claims that must have exactly this text.
    pub(super) required: Vec<(String, String)>,
    /// What must hold of the claims.
    pub(super) conditions: Vec<Condition>,
    pub(super) username: Mapping,
    pub(super) groups: Option<Mapping>,
    pub(super) uid: Option<Uid>,
    /// Keys, and the expressions of their values.
    pub(super) extra: Vec<(String, Expression)>,
    /// What must hold of the user.
    pub(super) of_user: Vec<Condition>,
}

/// Where names come from.
#[derive(Debug)]
pub(super) enum Mapping {
    Claim(Prefixed),
    Expression(Expression),
}

/// Where the UID comes from.
#[derive(Debug)]
pub(super) enum Uid {
    Claim(String),
    Expression(Expression),
}

/// A claim, and what is put before its values.
#[derive(Clone, Debug)]
pub(super) struct Prefixed {
    pub(super) claim: String,
    pub(super) prefix: String,
}

impl ClaimRules {
    /// When the token expires, where its times and audience are right; else what is wrong. All that is looked at before its
    /// signature.
    pub(super) fn check(&self, claims: &Value, now: Timestamp) -> Result<Timestamp, String> {
        let expires = Self::check_times(claims, now)?;
        self.check_audience(claims)?;
        Ok(expires)
    }

    /// The user of a token whose signature is good; else why there is none.
    pub(super) fn user(&self, claims: &Value) -> Result<User, String> {
        let mut seen = Claims::new(claims);
        let user = User {
            name: self.username(claims, &mut seen)?,
            groups: self.groups(claims, &mut seen)?,
            uid: self.uid(claims, &mut seen)?,
            extra: self.extra(claims, &mut seen)?,
        };
        for (claim, value) in &self.required {
            if claims[claim] != value.as_str() {
                return Err(format!("claim {claim} is not the required one"));
            }
        }
        for condition in &self.conditions {
            seen.check(condition)?;
        }
        seen.check_user(&self.of_user, &user)?;
        Ok(user)
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

    fn username(&self, claims: &Value, seen: &mut Claims) -> Result<String, String> {
        let Prefixed { claim, prefix } = match &self.username {
            Mapping::Claim(prefixed) => prefixed,
            Mapping::Expression(expression) => {
                let name = seen.text(USERNAME, expression)?;
                return named(USERNAME, checked(USERNAME, &name)?);
            }
        };
        let name = claims[claim]
            .as_str()
            .ok_or_else(|| format!("claim {claim} is no text"))?;
        if claim == "email" && claims.get("email_verified").is_some_and(|verified| verified != true) {
            return Err("the email is not verified".to_owned());
        }
        named(claim, &format!("{prefix}{}", checked(claim, name)?))
    }

    fn groups(&self, claims: &Value, seen: &mut Claims) -> Result<Vec<String>, String> {
        let Prefixed { claim, prefix } = match &self.groups {
            None => return Ok(Vec::new()),
            Some(Mapping::Claim(prefixed)) => prefixed,
            Some(Mapping::Expression(expression)) => {
                let groups = seen.texts(expression)?;
                let group = |name: &String| named(GROUPS, checked(GROUPS, name)?);
                return groups.iter().map(group).collect();
            }
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

    fn uid(&self, claims: &Value, seen: &mut Claims) -> Result<Option<String>, String> {
        match &self.uid {
            None => Ok(None),
            Some(Uid::Claim(claim)) => {
                let uid = claims[claim]
                    .as_str()
                    .ok_or_else(|| format!("claim {claim} is no text"))?;
                checked(claim, uid).map(|uid| Some(uid.to_owned()))
            }
            Some(Uid::Expression(expression)) => {
                let uid = Some(seen.text(UID, expression)?).filter(|uid| !uid.is_empty());
                uid.map(|uid| checked(UID, &uid).map(str::to_owned)).transpose()
            }
        }
    }

    fn extra(&self, claims: &Value, seen: &mut Claims) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut extra = credential_id(claims);
        for (key, expression) in &self.extra {
            let values = seen.texts(expression)?;
            if values.iter().any(|value| value.contains(char::is_control)) {
                return Err(format!("the value of {key} is no plain text"));
            }
            if !values.is_empty() {
                extra.insert(key.clone(), values);
            }
        }
        Ok(extra)
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
