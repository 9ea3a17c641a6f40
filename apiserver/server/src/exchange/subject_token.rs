//! The SSO token of whoever asks, where that is required: a name that somebody else may act under is not enough then.

use std::sync::Arc;

use generic_apiserver::{
    authn::{Authenticator, Connection, User},
    status::FieldError,
};
use guestcluster_types::{Refusal, SubjectToken};
use http::{HeaderValue, Request, header::AUTHORIZATION};

use super::refused::Refused;

const FIELD: &str = "spec.subjectToken";

/// Whether a subject token is required, and who judges it.
pub(crate) struct SubjectTokens(Option<Arc<dyn Authenticator>>);

impl SubjectTokens {
    /// None is asked for.
    pub(crate) fn not_required() -> SubjectTokens {
        SubjectTokens(None)
    }

    /// Each request must bring one that this authenticator takes for the same user.
    pub(crate) fn judged_by(authenticator: Arc<dyn Authenticator>) -> SubjectTokens {
        SubjectTokens(Some(authenticator))
    }

    /// 422 without one, 403 where it is not the user's.
    pub(super) async fn check(&self, user: &User, token: Option<&SubjectToken>) -> Result<(), Refused> {
        let Some(authenticator) = &self.0 else {
            return Ok(());
        };
        let Some(token) = token else {
            let error = FieldError::required(
                FIELD,
                "this supervisor gives credentials to those alone who show their SSO token with the request",
            );
            return Err(Refused::field(Refusal::SubjectTokenRequired, error));
        };
        let Some(request) = bearing(token) else {
            return Err(Refused::new(
                Refusal::SubjectTokenMalformed,
                "the subject token is no token",
            ));
        };
        let (code, why) = match authenticator.authenticate(&request, &Connection::default()).await {
            Ok(Some(found)) if found.user.name == user.name => return Ok(()),
            Ok(Some(_)) => (Refusal::SubjectTokenMismatch, "the subject token is somebody else's"),
            Ok(None) => (
                Refusal::SubjectTokenUnknownIssuer,
                "nobody that this supervisor trusts has issued the subject token",
            ),
            // The reason may quote the token's claims: it is for the log of whoever judged.
            Err(_) => (
                Refusal::SubjectTokenNotAccepted,
                "the subject token is not accepted: sign in again",
            ),
        };
        Err(Refused::new(code, why))
    }
}

/// A request as somebody with this token would send it.
fn bearing(token: &SubjectToken) -> Option<http::request::Parts> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    let (parts, ()) = Request::builder()
        .header(AUTHORIZATION, value)
        .body(())
        .ok()?
        .into_parts();
    Some(parts)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use generic_apiserver::authn::{Authenticated, Refused, bearer};

    use super::*;

    /// Takes each token for its name.
    struct ByName;

    #[async_trait]
    impl Authenticator for ByName {
        async fn authenticate(
            &self,
            request: &http::request::Parts,
            _: &Connection,
        ) -> Result<Option<Authenticated>, Refused> {
            match bearer(&request.headers) {
                Some("expired") => Err(Refused("expired".to_owned())),
                Some("strange") | None => Ok(None),
                Some(name) => Ok(Some(Authenticated::from(user(name)))),
            }
        }
    }

    fn user(name: &str) -> User {
        User {
            name: name.to_owned(),
            ..User::default()
        }
    }

    #[tokio::test]
    async fn only_the_token_of_who_asks_will_do() {
        let required = SubjectTokens::judged_by(Arc::new(ByName));
        let check = async |token: Option<&str>| {
            let token = token.map(|token| SubjectToken::from(token.to_owned()));
            required
                .check(&user("ann"), token.as_ref())
                .await
                .map_err(|refused| refused.into_status("dev", None))
                .map_err(|status| (status.code, status.message))
        };
        assert_eq!(check(Some("ann")).await, Ok(()));
        let (code, message) = check(None).await.unwrap_err();
        assert!(
            code == 422 && message.contains("spec.subjectToken: Required value"),
            "{message}"
        );
        for (token, expected) in [
            ("bob", "somebody else's (SubjectTokenMismatch)"),
            ("expired", "sign in again (SubjectTokenNotAccepted)"),
            ("strange", "issued the subject token (SubjectTokenUnknownIssuer)"),
            ("a\nb", "no token (SubjectTokenMalformed)"),
        ] {
            let (code, message) = check(Some(token)).await.unwrap_err();
            assert!(code == 403 && message.ends_with(expected), "{token}: {message}");
            assert!(!message.contains(token), "it is never shown: {message}");
        }
        let none = SubjectTokens::not_required();
        assert!(none.check(&user("ann"), None).await.is_ok());
    }
}
