//! The token endpoint: a code or a refresh token becomes an ID token; and the end of a session.

use std::time::Duration;

use serde_json::Value;

use super::{Authorization, Endpoints, Issuer, authorization::printable};
use crate::{
    error::{Error, Result},
    https,
};

/// What is given for tokens.
pub(crate) enum Grant<'a> {
    /// The code of an answer.
    Code(&'a str, &'a Authorization),
    /// A refresh token, good for one use.
    Refresh(&'a str),
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
    /// Anything else; trying again may help.
    Other(Error),
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
        };
        let answer = https::post(&endpoints.token, self.certificate_authority.as_deref(), &form).await?;
        let (status, answer) = (answer.status, answer.body);
        if status.is_success() {
            return Ok(tokens(&answer)?);
        }
        match answer["error"].as_str() {
            Some("invalid_grant") => Err(Refused::Grant),
            Some(error) => {
                let description = answer["error_description"].as_str().unwrap_or_default();
                let why = format!("{} {}", printable(error), printable(description));
                Err(Error::failed(format!("the issuer {} gives no token: {}", self.url, why.trim())).into())
            }
            None => Err(Error::failed(format!("the issuer {} gives no token: it answers {status}", self.url)).into()),
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

fn tokens(answer: &Value) -> Result<Tokens> {
    let text = |field: &str| answer[field].as_str().map(str::to_owned);
    Ok(Tokens {
        id_token: text("id_token").ok_or_else(|| Error::failed("the issuer gave no ID token"))?,
        refresh_token: text("refresh_token"),
        session: answer["refresh_expires_in"].as_u64().map(Duration::from_secs),
    })
}
