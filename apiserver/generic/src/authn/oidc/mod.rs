//! Users by OpenID Connect ID tokens, configured as kube-apiserver is: by an `AuthenticationConfiguration` file.

mod configuration;
mod expression;
mod fetch;
mod file;
mod identity;
mod issuer_keys;
mod key_set;
mod recent;
mod rules;
#[cfg(test)]
mod tests;
mod token;
mod url;

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

pub use self::configuration::{AuthenticationConfiguration, InvalidConfiguration};
use self::{configuration::Issuer, issuer_keys::IssuerKeys, recent::Recent, token::Token};
use super::{Authenticated, Authenticator, Connection, Refused, User, bearer};

/// Accepts ID tokens of the issuers of a configuration, as bearer tokens. A token of anybody else is no credential of this kind;
/// one that names an issuer and is not good is refused. Names in `system:` are refused whatever the prefixes say.
pub struct IdTokens {
    issuers: HashMap<String, Trusted>,
    recent: Recent,
}

struct Trusted {
    issuer: Issuer,
    keys: IssuerKeys,
}

impl IdTokens {
    /// Begins to fetch the issuers' keys in the background, within a Tokio runtime; until an issuer answers, its tokens are
    /// refused. Ends when the authenticator is dropped.
    pub fn start(configuration: AuthenticationConfiguration) -> IdTokens {
        let trusted = |issuer: Issuer| {
            let keys = IssuerKeys::follow(issuer.source.clone());
            (issuer.source.issuer.clone(), Trusted { issuer, keys })
        };
        IdTokens {
            issuers: configuration.issuers.into_iter().map(trusted).collect(),
            recent: Recent::default(),
        }
    }

    async fn judge(&self, text: &str, now: Timestamp) -> Result<Option<User>, Refused> {
        if let Some(user) = self.recent.user(text, now) {
            return Ok(Some(user));
        }
        let Some(token) = Token::parse(text) else {
            return Ok(None);
        };
        let Some(trusted) = token.issuer().and_then(|issuer| self.issuers.get(issuer)) else {
            return Ok(None);
        };
        let refuse = |reason: String| Refused(format!("ID token of {}: {reason}", trusted.issuer.source.issuer));
        token.check_form().map_err(refuse)?;
        // Before the keys are looked for, so that an old token makes nobody fetch.
        let expires = trusted.issuer.rules.check(&token.claims, now).map_err(refuse)?;
        let keys = trusted.keys.with(token.key_id()).await.map_err(refuse)?;
        keys.verify(&token).map_err(refuse)?;
        // After it, so that nobody else makes expressions run.
        let user = trusted.issuer.rules.user(&token.claims).map_err(|reason| {
            // The client learns nothing, and whoever wrote the rules must. Only the issuer's people can make it be said.
            tracing::info!(issuer = token.issuer(), reason, "an ID token gives no user");
            refuse(reason)
        })?;
        self.recent.remember(text, &user, expires, now);
        Ok(Some(user))
    }
}

#[async_trait]
impl Authenticator for IdTokens {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let user = match bearer(&request.headers) {
            Some(token) => self.judge(token, Timestamp::now()).await?,
            None => None,
        };
        Ok(user.map(Authenticated::from))
    }
}
