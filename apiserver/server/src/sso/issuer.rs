//! The issuer: which request is answered how.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use guestcluster_credentials::{SigningKey, jwks};
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;

use super::{
    authorize::AuthorizationRequest,
    codes::Codes,
    discovery,
    expiring::Expiring,
    parameters::Parameters,
    respond::{self, Answer},
    sessions::Sessions,
    signing_key,
    throttle::Throttle,
    users::{self, Passwords},
};
use crate::data_dir::DataDir;

/// Bytes of a form.
const FORM_BYTES: usize = 32 * 1024;
/// Bytes of an authorization request's query.
const QUERY_BYTES: usize = 8 * 1024;
/// Sign-in pages that are open.
const LOGINS: usize = 1000;

/// An OpenID issuer over a data folder.
pub(crate) struct Issuer {
    /// `https://HOST:PORT`, without a slash at the end.
    pub(super) url: String,
    pub(super) key: SigningKey,
    pub(super) passwords: Passwords,
    pub(super) logins: Expiring<AuthorizationRequest>,
    pub(super) codes: Codes,
    pub(super) sessions: Sessions,
    pub(super) throttle: Throttle,
}

impl Issuer {
    /// The folder's issuer, with a key and a first user from the first start on.
    pub(crate) fn open(dir: &Arc<DataDir>, url: String) -> anyhow::Result<Self> {
        users::ensure_first_user(dir)?;
        Ok(Self {
            url,
            key: signing_key::open(dir)?,
            passwords: Passwords::new(dir.clone()),
            logins: Expiring::new(LOGINS),
            codes: Codes::new(),
            sessions: Sessions::open(dir.clone())?,
            throttle: Throttle::new(),
        })
    }

    /// Its name, which is where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Host and port, as a person reads them.
    pub(super) fn host(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or(&self.url)
    }

    /// Answers one request of a peer.
    pub(crate) async fn answer<B>(&self, request: Request<B>, peer: IpAddr, now: Timestamp) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let reads = matches!(head.method, Method::GET | Method::HEAD);
        match (head.uri.path(), reads, head.method == Method::POST) {
            (discovery::DISCOVERY, true, _) => respond::document(&discovery::document(&self.url)),
            (discovery::JWKS, true, _) => respond::document(&jwks(&[self.key.public().clone()])),
            (discovery::AUTHORIZE, true, _) => self.authorize(head.uri.query().unwrap_or_default(), now),
            (discovery::LOGIN, true, _) => Self::no_login(),
            ("/healthz", true, _) => respond::text(StatusCode::OK, "ok"),
            (path @ (discovery::LOGIN | discovery::TOKEN | discovery::REVOKE), _, true) => {
                let form = match form(&head.headers, body).await {
                    Ok(form) => form,
                    Err(refusal) => return refusal,
                };
                match path {
                    discovery::LOGIN => self.sign_in(&head.headers, &form, peer, now).await,
                    discovery::TOKEN => self.token(&form, now).await,
                    _ => self.revoke(&form).await,
                }
            }
            (discovery::DISCOVERY | discovery::JWKS | discovery::AUTHORIZE, ..) => respond::wrong_method("GET, HEAD"),
            (discovery::TOKEN | discovery::REVOKE, ..) => respond::wrong_method("POST"),
            (discovery::LOGIN, ..) => respond::wrong_method("GET, HEAD, POST"),
            _ => respond::text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

/// The parameters of a query that is not too long.
pub(super) fn query(query: &str) -> Option<Parameters> {
    let short = query.len() <= QUERY_BYTES;
    short.then(|| Parameters::parse(query.as_bytes()).ok()).flatten()
}

/// The parameters of a form.
async fn form<B>(headers: &HeaderMap, body: B) -> Result<Parameters, Answer>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = content_type
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if !media_type
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(respond::error(status, "invalid_request", "the body must be a form"));
    }
    let Ok(body) = Limited::new(body, FORM_BYTES).collect().await else {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(respond::error(
            status,
            "invalid_request",
            "the body is too large or ended early",
        ));
    };
    Parameters::parse(&body.to_bytes())
        .map_err(|_| respond::error(StatusCode::BAD_REQUEST, "invalid_request", "a parameter occurs twice"))
}
