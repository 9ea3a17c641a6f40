//! Claims of an ID token, named as vCenter's SSO names them.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::{CLIENT_ID, users::User};

/// How long an ID token is good for; a refresh token brings the next one.
pub(super) const ID_TOKEN_LIFE: Duration = Duration::from_mins(10);

/// The payload of an ID token.
#[derive(Debug, Serialize)]
pub(super) struct IdToken<'a> {
    iss: &'a str,
    /// `user@domain`.
    sub: &'a str,
    aud: &'a str,
    username: &'a str,
    domain: &'a str,
    group_names: &'a [String],
    iat: i64,
    auth_time: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl<'a> IdToken<'a> {
    /// For a user who showed a password at `authenticated_at`.
    pub(super) fn new(
        issuer: &'a str,
        user: &'a User,
        authenticated_at: Timestamp,
        nonce: Option<&'a str>,
        now: Timestamp,
    ) -> Self {
        Self {
            iss: issuer,
            sub: user.name.as_str(),
            aud: CLIENT_ID,
            username: user.name.local(),
            domain: user.name.domain(),
            group_names: &user.groups,
            iat: now.as_second(),
            auth_time: authenticated_at.as_second(),
            exp: now.as_second() + ID_TOKEN_LIFE.as_secs().cast_signed(),
            jti: uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string(),
            nonce,
        }
    }
}
