//! The client's part: `/token` turns codes and refresh tokens into ID tokens, `/revoke` ends a session.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::{
    CLIENT_ID,
    claims::{ID_TOKEN_LIFE, IdToken},
    codes::Redeemed,
    issuer::Issuer,
    parameters::Parameters,
    random,
    respond::{self, Answer},
    sessions::Renewed,
    users::User,
};

/// A grant that is not good: wrong, used, too old, or its user is gone. Which one is nobody's business.
fn invalid_grant() -> Answer {
    respond::error(
        StatusCode::BAD_REQUEST,
        "invalid_grant",
        "the grant is not valid (any more)",
    )
}

fn invalid_request(description: &str) -> Answer {
    respond::error(StatusCode::BAD_REQUEST, "invalid_request", description)
}

fn failed(error: &anyhow::Error) -> Answer {
    tracing::error!(error = format!("{error:#}"), "a token could not be issued");
    respond::error(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_error",
        "see the server's log",
    )
}

impl Issuer {
    /// `POST /token`.
    pub(super) async fn token(&self, form: &Parameters, now: Timestamp) -> Answer {
        if form.get("client_id") != Some(CLIENT_ID) {
            return respond::error(
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "client_id is missing or not known",
            );
        }
        let answer = match form.get("grant_type") {
            Some("authorization_code") => self.redeem(form, now).await,
            Some("refresh_token") => self.refresh(form, now).await,
            Some(_) => {
                let description = "grant_type must be authorization_code or refresh_token";
                return respond::error(StatusCode::BAD_REQUEST, "unsupported_grant_type", description);
            }
            None => return invalid_request("grant_type is missing"),
        };
        answer.unwrap_or_else(|error| failed(&error))
    }

    /// `POST /revoke` (RFC 7009): the session of a refresh token ends; a token that is not known is no error.
    pub(super) async fn revoke(&self, form: &Parameters) -> Answer {
        let Some(token) = form.get("token") else {
            return invalid_request("token is missing");
        };
        match self.sessions.end_by_token(token).await {
            Ok(()) => respond::text(StatusCode::OK, ""),
            Err(error) => failed(&error),
        }
    }

    async fn redeem(&self, form: &Parameters, now: Timestamp) -> anyhow::Result<Answer> {
        let (Some(code), Some(redirect), Some(verifier)) =
            (form.get("code"), form.get("redirect_uri"), form.get("code_verifier"))
        else {
            return Ok(invalid_request("code, redirect_uri and code_verifier are needed"));
        };
        let grant = match self.codes.redeem(code, now) {
            Redeemed::Grant(grant) => grant,
            Redeemed::Again { session } => {
                tracing::warn!("an authorization code was shown again; the session that it began is ended");
                self.sessions.end(&session).await?;
                return Ok(invalid_grant());
            }
            Redeemed::Unknown => return Ok(invalid_grant()),
        };
        if grant.request.redirect.as_str() != redirect || !grant.request.challenge.is_met_by(verifier) {
            return Ok(invalid_grant());
        }
        let user = self.passwords.find(grant.signed_in.user.clone()).await?;
        let Some(user) = user.filter(|user| grant.signed_in.is_still(user)) else {
            return Ok(invalid_grant());
        };
        let begun = self.sessions.begin(grant.signed_in, now).await?;
        self.codes.used(code, begun.id.clone(), now);
        self.tokens(&user, &begun, grant.request.nonce.as_deref(), now)
    }

    async fn refresh(&self, form: &Parameters, now: Timestamp) -> anyhow::Result<Answer> {
        let Some(token) = form.get("refresh_token") else {
            return Ok(invalid_request("refresh_token is missing"));
        };
        let Some(name) = self.sessions.holder(token).await else {
            return Ok(invalid_grant());
        };
        // Groups are as they are now, and a user who is gone or has a new password signs in anew.
        let user = self.passwords.find(name).await?;
        let is_still =
            |signed_in: &super::sessions::SignedIn| user.as_ref().is_some_and(|user| signed_in.is_still(user));
        let renewed = self.sessions.renew(token, is_still, now).await?;
        match (renewed, &user) {
            (Some(renewed), Some(user)) => self.tokens(user, &renewed, None, now),
            _ => Ok(invalid_grant()),
        }
    }

    fn tokens(&self, user: &User, session: &Renewed, nonce: Option<&str>, now: Timestamp) -> anyhow::Result<Answer> {
        let id_token = IdToken::new(&self.url, user, session.signed_in.at, nonce, now);
        let left = session.until.as_second() - now.as_second();
        let answer = json!({
            "id_token": self.key.mint_any(&id_token)?,
            "refresh_token": session.refresh_token,
            "refresh_expires_in": left,
            // OAuth wants one; it opens nothing, since there is nothing here to be read with it.
            "access_token": random::secret(),
            "token_type": "Bearer",
            "expires_in": ID_TOKEN_LIFE.as_secs(),
            "scope": "openid",
        });
        Ok(respond::json(StatusCode::OK, &answer))
    }
}
