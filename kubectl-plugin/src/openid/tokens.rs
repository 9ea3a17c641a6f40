//! The token endpoint: a code or a refresh token becomes an ID token; and the end of a session.

use std::time::Duration;

use serde_json::Value;

use super::{Authorization, Endpoints, Issuer, authorization::printable};
use crate::{
    error::{Error, Result},
    https,
};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What is given for tokens.
pub(crate) enum Grant<'a> {
    /// The code of an answer.
    Code(&'a str, &'a Authorization),
    /// A refresh token, good for one use.
    Refresh(&'a str),
    /// The code that this computer has of a sign-in on another device (RFC 8628).
    Device(&'a str),
}

/// What the issuer gives. Secret.
pub(crate) struct Tokens {
    pub(crate) id_token: String,
    /// The next one; the one that was given is spent.
    pub(crate) refresh_token: Option<String>,
    /// How long the session can still be renewed, where the issuer says it.
    pub(crate) session: Option<Duration>,
}

/// Why there are no tokens.
pub(crate) enum Refused {
    /// The grant is not good (any more): only a new sign-in helps.
    Grant,
    /// The person has not signed in yet.
    Pending(Pending),
    /// The issuer did not answer; trying again may help.
    Unreachable(Error),
    /// Anything else.
    Other(Error),
}

/// What an issuer says of a sign-in on another device that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It goes on.
    Waiting,
    /// It goes on, and was asked about too often.
    TooFast,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Other(error)
    }
}

impl Issuer {
    /// Asks for tokens.
    pub(crate) async fn tokens(&self, endpoints: &Endpoints, grant: Grant<'_>) -> std::result::Result<Tokens, Refused> {
        let client = ("client_id", self.client_id.as_str());
        let form = match grant {
            Grant::Code(code, request) => vec![
                client,
                ("grant_type", "authorization_code"),
                ("code", code),
                ("redirect_uri", &request.redirect),
                ("code_verifier", &request.verifier),
            ],
            Grant::Refresh(token) => vec![client, ("grant_type", "refresh_token"), ("refresh_token", token)],
            Grant::Device(code) => vec![client, ("grant_type", DEVICE), ("device_code", code)],
        };
        let answer = https::post(&endpoints.token, self.certificate_authority.as_deref(), &form)
            .await
            .map_err(Refused::Unreachable)?;
        let (status, answer) = (answer.status, answer.body);
        if status.is_success() {
            return Ok(tokens(&answer)?);
        }
        match answer["error"].as_str() {
            Some("invalid_grant" | "expired_token") => Err(Refused::Grant),
            Some("authorization_pending") => Err(Refused::Pending(Pending::Waiting)),
            Some("slow_down") => Err(Refused::Pending(Pending::TooFast)),
            _ => {
                let why = said(&answer).unwrap_or_else(|| format!("it answers {status}"));
                Err(Error::failed(format!("the issuer {} gives no token: {why}", self.url)).into())
            }
        }
    }

    /// Ends the session of a refresh token (RFC 7009), where the issuer can.
    pub(crate) async fn revoke(&self, endpoints: &Endpoints, refresh_token: &str) -> Result<()> {
        let Some(endpoint) = &endpoints.revocation else {
            return Err(Error::failed(format!("the issuer {} can't end sessions", self.url)));
        };
        let form = [
            ("client_id", self.client_id.as_str()),
            ("token", refresh_token),
            ("token_type_hint", "refresh_token"),
        ];
        let status = https::post(endpoint, self.certificate_authority.as_deref(), &form)
            .await?
            .status;
        if status.is_success() {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the issuer {} did not end the session: it answers {status}",
            self.url
        )))
    }
}

/// What an issuer says is wrong, fit for a terminal.
pub(super) fn said(answer: &Value) -> Option<String> {
    let description = answer["error_description"].as_str().unwrap_or_default();
    let why = format!("{} {}", printable(answer["error"].as_str()?), printable(description));
    Some(why.trim().to_owned())
}

fn tokens(answer: &Value) -> Result<Tokens> {
    let text = |field: &str| answer[field].as_str().map(str::to_owned);
    Ok(Tokens {
        id_token: text("id_token").ok_or_else(|| Error::failed("the issuer gave no ID token"))?,
        refresh_token: text("refresh_token"),
        session: answer["refresh_expires_in"].as_u64().map(Duration::from_secs),
    })
}
