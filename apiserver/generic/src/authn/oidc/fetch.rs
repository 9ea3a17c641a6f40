//! Fetches an issuer's keys: discovery document, then JWKS. Over TLS only, within a deadline and a size, following nobody elsewhere.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Deserialize;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_rustls::TlsConnector;

use super::{key_set::KeySet, url::HttpsUrl};

/// Longest for one document.
const DEADLINE: Duration = Duration::from_secs(10);
/// Largest document in bytes.
const LARGEST: usize = 256 * 1024;

/// Where an issuer's keys come from.
pub(super) struct KeySource {
    pub(super) issuer: String,
    pub(super) discovery: HttpsUrl,
    pub(super) tls: Arc<ClientConfig>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl KeySource {
    /// The keys as the issuer publishes them at this moment; else what is wrong.
    pub(super) async fn fetch(&self) -> Result<KeySet, String> {
        let document = self
            .get(&self.discovery)
            .await
            .map_err(|error| format!("discovery: {error}"))?;
        let discovery: Discovery =
            serde_json::from_slice(&document).map_err(|error| format!("discovery: no OpenID document: {error}"))?;
        if discovery.issuer != self.issuer {
            return Err(format!("discovery: it is the document of {:?}", discovery.issuer));
        }
        let url = HttpsUrl::parse(&discovery.jwks_uri).ok_or("discovery: jwks_uri is no https URL")?;
        let document = self.get(&url).await.map_err(|error| format!("keys: {error}"))?;
        KeySet::parse(&document)
    }

    async fn get(&self, url: &HttpsUrl) -> Result<Bytes, String> {
        let answered = timeout(DEADLINE, self.exchange(url)).await;
        answered.map_err(|_| format!("{} did not answer in {} s", url.authority(), DEADLINE.as_secs()))?
    }

    async fn exchange(&self, url: &HttpsUrl) -> Result<Bytes, String> {
        let text = |error: &dyn std::fmt::Display| format!("{}: {error}", url.authority());
        let stream = TcpStream::connect((url.host(), url.port()))
            .await
            .map_err(|error| text(&error))?;
        let name = ServerName::try_from(url.host().to_owned()).map_err(|error| text(&error))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await;
        let stream = TokioIo::new(stream.map_err(|error| text(&error))?);
        let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| text(&error))?;
        // Ends with this function.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let request = Request::get(url.path())
            .header(header::HOST, url.authority())
            .header(header::ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|error| text(&error))?;
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("{} answered {}", url.authority(), response.status()));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok(body.map_err(|error| text(&error))?.to_bytes())
    }
}
