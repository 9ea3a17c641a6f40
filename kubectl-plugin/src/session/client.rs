//! A client whose requests carry the session's ID token, renewed while the client lives.

use http::{Request, header::AUTHORIZATION};
use kube::{Client, client::Body};
use tower::{BoxError, service_fn};

use super::{Renew, Session};
use crate::{
    error::{Error, Result},
    https,
};

impl Session {
    /// A client for the supervisor, by these settings.
    pub(crate) fn client(&self, config: kube::Config) -> Result<Client> {
        let namespace = config.default_namespace.clone();
        let (session, without_token) = (self.clone(), https::client(config)?);
        let with_token = service_fn(move |request: Request<Body>| {
            let (session, without_token) = (session.clone(), without_token.clone());
            async move {
                let request = session.authorized(request).await?;
                without_token.send(request).await.map_err(BoxError::from)
            }
        });
        Ok(Client::new(with_token, namespace))
    }

    async fn authorized(&self, mut request: Request<Body>) -> Result<Request<Body>> {
        let (token, _) = self.id_token(Renew::WhenNeeded).await?;
        let mut value: http::HeaderValue = format!("Bearer {token}")
            .parse()
            .map_err(|_| Error::failed("the ID token can't be sent"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(request)
    }
}
