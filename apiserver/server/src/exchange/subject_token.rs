//! The SSO token of whoever asks, where that is required: a name that somebody else may act under is not enough then.

use std::sync::Arc;

use generic_apiserver::{
    authn::{Authenticator, Connection, User},
    status::{FieldError, Forbidden, Status},
};
use guestcluster_types::{GROUP, SubjectToken};
use http::{HeaderValue, Request, header::AUTHORIZATION};

use super::KIND;

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
    pub(super) async fn check(&self, user: &User, cluster: &str, token: Option<&SubjectToken>) -> Result<(), Status> {
        let Some(authenticator) = &self.0 else {
            return Ok(());
        };
        let Some(token) = token else {
            let error = FieldError::required(
                FIELD,
                "this supervisor gives credentials to those alone who show their SSO token with the request",
            );
            return Err(Status::invalid(KIND, GROUP, "", vec![error]));
        };
        let refused = |why: &str| {
            let what = Forbidden {
                group: GROUP,
                resource: "guestclusters/credential",
                name: cluster,
            };
            Err(Status::forbidden(what, why))
        };
        let Some(request) = bearing(token) else {
            return refused("the subject token is no token");
        };
        match authenticator.authenticate(&request, &Connection::default()).await {
            Ok(Some(found)) if found.user.name == user.name => Ok(()),
            Ok(Some(_)) => refused("the subject token is somebody else's"),
            Ok(None) => refused("nobody that this supervisor trusts has issued the subject token"),
            // The reason may quote the token's claims: it is for the log of whoever judged.
            Err(_) => refused("the subject token is not accepted: sign in again"),
        }
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
                .check(&user("ann"), "dev", token.as_ref())
                .await
                .map_err(|status| (status.code, status.message))
        };
        assert_eq!(check(Some("ann")).await, Ok(()));
        let (code, message) = check(None).await.unwrap_err();
        assert!(
            code == 422 && message.contains("spec.subjectToken: Required value"),
            "{message}"
        );
        for (token, expected) in [
            ("bob", "somebody else's"),
            ("expired", "not accepted"),
            ("strange", "nobody that this supervisor trusts"),
            ("a\nb", "no token"),
        ] {
            let (code, message) = check(Some(token)).await.unwrap_err();
            assert!(code == 403 && message.contains(expected), "{token}: {message}");
            assert!(!message.contains(token), "it is never shown: {message}");
        }
        let none = SubjectTokens::not_required();
        assert_eq!(none.check(&user("ann"), "dev", None).await, Ok(()));
    }
}
