//! Users of the guest by token.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use generic_apiserver::authn::{Authenticated, Authenticator, Connection, Refused, User};
use guestcluster_credentials::Identity;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use super::trust::Trusted;

/// The extra attribute by which audit records name a credential.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// Accepts the tokens that the guest's trust in force accepts.
pub(super) struct Tokens(Arc<Trusted>);

impl Tokens {
    /// Judges by what is in force at each request.
    pub(super) fn new(trusted: Arc<Trusted>) -> Tokens {
        Tokens(trusted)
    }
}

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let Some(token) = bearer_token(request) else {
            return Ok(None);
        };
        let in_force = self.0.in_force();
        let in_force = in_force.ok_or_else(|| Refused("the guest trusts no tokens yet".to_owned()))?;
        let identity = in_force.verifier.verify(token, Timestamp::now());
        identity
            .map(|identity| Some(user(identity).into()))
            .map_err(|refused| Refused(refused.to_string()))
    }
}

fn bearer_token(request: &http::request::Parts) -> Option<&str> {
    let value = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn user(identity: Identity) -> User {
    User {
        name: identity.user,
        uid: identity.uid,
        groups: identity.groups,
        extra: BTreeMap::from([(
            CREDENTIAL_ID.to_owned(),
            vec![format!("JTI={}", identity.credential_id)],
        )]),
    }
}
