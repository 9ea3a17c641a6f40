//! Authenticators that change while requests run: a CA is rotated, a configuration is read again.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderMap;

use super::{Authenticator, Connection, Refused, User};

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
    ) -> Result<Option<User>, Refused> {
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
