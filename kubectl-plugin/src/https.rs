//! Requests to HTTPS servers: within seconds, small answers, no redirects.

use std::time::Duration;

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, Config, client::Body};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;
use url::Url;

use crate::{
    error::{Error, Result, cause},
    supervisor::Supervisor,
};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest that one request may take, its answer included.
const REQUEST: Duration = Duration::from_secs(20);
/// Largest answer that is read.
const ANSWER_BYTES: usize = 256 * 1024;

/// The certificates of a PEM text, as DER.
pub(crate) fn certificates(pem: &str) -> Result<Vec<Vec<u8>>> {
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(Error::failed("there is no certificate in it")),
        Err(error) => Err(Error::failed(format!("it is not PEM: {error}"))),
    }
}

/// How a server is reached; `authority` is PEM, the system's roots where there is none.
pub(crate) fn config(server: &str, authority: Option<&str>) -> Result<Config> {
    let uri: Uri = server
        .parse()
        .map_err(|error| Error::failed(format!("{server:?} is not a URL: {error}")))?;
    let mut config = Config::new(uri);
    config.root_cert = authority.map(certificates).transpose()?;
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    Ok(config)
}

/// A client that shows no credential.
pub(crate) fn anonymous(supervisor: &Supervisor) -> Result<Client> {
    let mut config = config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
    config.read_timeout = Some(REQUEST);
    client(config)
}

/// A client by its settings.
pub(crate) fn client(config: Config) -> Result<Client> {
    let unusable = |error| Error::failed(format!("the connection can't be set up: {}", cause(&error)));
    Client::try_from(config).map_err(unusable)
}

/// GET of a JSON document.
pub(crate) async fn get(url: &Url, authority: Option<&str>) -> Result<Value> {
    let request = Request::get(url[url::Position::BeforePath..].to_owned()).header(header::ACCEPT, "application/json");
    let (status, body) = send(url, authority, request, Vec::new()).await?;
    if status != StatusCode::OK {
        return Err(Error::failed(format!("{url} answers {status}")));
    }
    Ok(body)
}

/// POST of a form; an answer that is not JSON is null.
pub(crate) async fn post(url: &Url, authority: Option<&str>, form: &[(&str, &str)]) -> Result<(StatusCode, Value)> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = Request::post(url[url::Position::BeforePath..].to_owned())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    send(url, authority, request, body.into_bytes()).await
}

async fn send(
    url: &Url,
    authority: Option<&str>,
    request: http::request::Builder,
    body: Vec<u8>,
) -> Result<(StatusCode, Value)> {
    let origin = url.origin().ascii_serialization();
    let client = client(config(&origin, authority)?)?;
    let unreachable = |why: String| Error::failed(format!("{origin} can't be reached: {why}"));
    let request = request
        .body(Body::from(body))
        .map_err(|error| unreachable(error.to_string()))?;
    let exchange = async {
        let answer = client.send(request).await.map_err(|error| unreachable(cause(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    };
    tokio::time::timeout(REQUEST, exchange)
        .await
        .unwrap_or_else(|_| Err(unreachable(format!("no answer within {} s", REQUEST.as_secs()))))
}
