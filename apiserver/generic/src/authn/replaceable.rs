//! Authenticators that change while requests run: a CA is rotated, a configuration is read again.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderMap;

use super::{Authenticated, Authenticator, Connection, Refused};

/// Authenticators in order, exchanged as a whole: a request sees the old ones or the new ones. While there are none, no
/// credential is known.
#[derive(Default)]
pub struct Replaceable {
    authenticators: ArcSwap<Vec<Arc<dyn Authenticator>>>,
}

impl Replaceable {
    /// Without authenticators.
    pub fn new() -> Arc<Replaceable> {
        Arc::default()
    }

    /// From here on these authenticators are tried, in order.
    pub fn replace(&self, by: Vec<Arc<dyn Authenticator>>) {
        self.authenticators.store(Arc::new(by));
    }
}

#[async_trait]
impl Authenticator for Replaceable {
    /// The first user that is found. A refusal does not stop the next authenticator, and counts if none finds a user.
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let authenticators = self.authenticators.load_full();
        let mut reasons = Vec::new();
        for authenticator in authenticators.iter() {
            match authenticator.authenticate(request, connection).await {
                Ok(Some(user)) => return Ok(Some(user)),
                Ok(None) => {}
                Err(Refused(reason)) => reasons.push(reason),
            }
        }
        if reasons.is_empty() {
            Ok(None)
        } else {
            Err(Refused(reasons.join("; ")))
        }
    }

    fn strip(&self, headers: &mut HeaderMap) {
        for authenticator in self.authenticators.load().iter() {
            authenticator.strip(headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::authority, *};
    use crate::authn::{ClientCertificates, User};

    async fn judge(authenticator: &dyn Authenticator, connection: &Connection) -> Result<Option<User>, Refused> {
        let (request, ()) = http::Request::get("/").body(()).unwrap().into_parts();
        let found = authenticator.authenticate(&request, connection).await;
        found.map(|found| found.map(|found| found.user))
    }

    #[tokio::test]
    async fn a_ca_is_rotated_under_a_connection_that_stays() {
        let (old, new) = (authority(), authority());
        let trust = |ca: &super::super::testing::Authority| -> Arc<dyn Authenticator> {
            Arc::new(ClientCertificates::new(ca.pem.as_bytes()).unwrap())
        };
        let shows = |ca: &super::super::testing::Authority| Connection {
            remote: None,
            peer_certificates: ca.client("ana", "dev", |_| {}).into(),
        };
        let (shows_old, shows_new) = (shows(&old), shows(&new));
        let authenticator = Replaceable::new();
        assert_eq!(
            judge(&*authenticator, &shows_old).await,
            Ok(None),
            "nobody is known yet"
        );

        authenticator.replace(vec![trust(&old)]);
        assert!(judge(&*authenticator, &shows_old).await.unwrap().is_some());
        assert!(judge(&*authenticator, &shows_new).await.is_err());

        authenticator.replace(vec![trust(&old), trust(&new)]);
        assert!(judge(&*authenticator, &shows_old).await.unwrap().is_some());
        let found = judge(&*authenticator, &shows_new).await.unwrap();
        assert!(found.is_some(), "a refusal does not stop the next one");

        authenticator.replace(vec![trust(&new)]);
        assert!(
            judge(&*authenticator, &shows_old).await.is_err(),
            "nothing of the old CA is remembered"
        );
        assert!(judge(&*authenticator, &shows_new).await.unwrap().is_some());
    }
}
