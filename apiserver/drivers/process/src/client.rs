//! Clients for a guest's API server and its etcd.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guestcluster_credentials::x509::CertifiedKey;
use http::Request;
use kube::{Client, Config};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;
use tokio::time::timeout;

use crate::trouble::Trouble;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);

/// Who a client is.
pub(crate) enum Identity<'a> {
    /// Nobody, who checks no certificate either.
    Unknown,
    /// Whoever has this bootstrap token.
    Token(&'a str),
    /// Whoever has this certificate.
    Certificate(&'a CertifiedKey),
}

/// A client for `https://host:port`, which must show a certificate of this authority.
pub(crate) fn client(server: &str, authority: &str, identity: Identity<'_>) -> Result<Client, Trouble> {
    let unusable = |what: &str| Trouble::failed(format!("{what} of {server} can't be used"));
    let mut config = Config::new(server.parse().map_err(|_| unusable("the address"))?);
    match identity {
        Identity::Unknown => config.accept_invalid_certs = true,
        Identity::Token(token) => config.auth_info.token = Some(token.to_owned().into()),
        Identity::Certificate(pair) => {
            config.auth_info.client_certificate_data = Some(STANDARD.encode(&pair.certificate));
            config.auth_info.client_key_data = Some(STANDARD.encode(&pair.key).into());
        }
    }
    if !config.accept_invalid_certs {
        let der = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(|_| unusable("the authority"))?;
        config.root_cert = Some(vec![der.to_vec()]);
    }
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    // The library's error could show the key.
    Client::try_from(config).map_err(|_| unusable("the credential"))
}

/// Sends a request with a JSON body, and reads a JSON answer.
pub(crate) async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Result<Value, kube::Error> {
    send_as(client, method, path, "application/json", body).await
}

/// As [`send`], for a body of another type.
pub(crate) async fn send_as(
    client: &Client,
    method: &str,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<Value, kube::Error> {
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::CONTENT_TYPE, content_type)
        .body(body)
        .map_err(kube::Error::HttpError)?;
    let answer = timeout(DEADLINE, client.request::<Value>(request)).await;
    answer.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
}

/// Whether an endpoint answers that all is well; its answer is text.
pub(crate) async fn is_well(client: &Client, path: &str) -> bool {
    let Ok(request) = Request::get(path).body(Vec::new()) else {
        return false;
    };
    matches!(timeout(DEADLINE, client.request_text(request)).await, Ok(Ok(_)))
}

/// Whether the API server answered with this code.
pub(crate) fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
