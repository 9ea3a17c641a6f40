//! Fetches an issuer's keys: discovery document, then JWKS. Over TLS only, within a deadline and a size, following nobody elsewhere.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use rustls::ClientConfig;
use serde::Deserialize;

use super::{key_set::KeySet, url::HttpsUrl};
use crate::https::{Bounds, Peer, exchange};

/// Longest and largest for one document.
const BOUNDS: Bounds = Bounds {
    deadline: Duration::from_secs(10),
    largest: 256 * 1024,
};

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
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", url.authority());
        let request = Request::get(url.path())
            .header(header::HOST, url.authority())
            .header(header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|error| said(&error))?;
        let peer = Peer {
            host: url.host(),
            port: url.port(),
            name: url.host(),
            tls: &self.tls,
        };
        match exchange(peer, request, BOUNDS).await.map_err(|error| said(&error))? {
            (StatusCode::OK, body) => Ok(body),
            (status, _) => Err(format!("{} answered {status}", url.authority())),
        }
    }
}
