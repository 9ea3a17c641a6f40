//! Requests to supervisors, guests and issuers: within seconds, small answers, no redirects.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use kube::{Client, Config, client::Body};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;
use url::Url;

use crate::{
    error::{CHECK_SERVER, Cause, Error, Result, cause},
    supervisor::Supervisor,
};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest that one request may take, its answer included.
const REQUEST: Duration = Duration::from_secs(20);
/// Largest answer that is read.
const ANSWER_BYTES: usize = 256 * 1024;

const SAY_WHO_SIGNS: &str =
    "Say who signs for the issuer: --issuer-url URL --client-id ID --issuer-certificate-authority FILE";

/// What a server answers.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Null when it is not JSON.
    pub(crate) body: Value,
    /// The time by the server's clock, to the second, where it says it.
    pub(crate) time: Option<Timestamp>,
}

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
    config.read_timeout = Some(REQUEST);
    config.default_retry = false;
    Ok(config)
}

/// A client that shows no credential.
pub(crate) fn anonymous(supervisor: &Supervisor) -> Result<Client> {
    client(config(&supervisor.server, supervisor.certificate_authority.as_deref())?)
}

/// A client by its settings.
pub(crate) fn client(config: Config) -> Result<Client> {
    let unusable = |error| Error::failed(format!("the connection can't be set up: {}", cause(&error)));
    Client::try_from(config).map_err(unusable)
}

/// The same client, which gives up when the server does not begin to answer. What it sends then may take its time: a watch does.
pub(crate) fn answered_within(client: Client, limit: Option<Duration>) -> Client {
    let Some(limit) = limit else { return client };
    let namespace = client.default_namespace().to_owned();
    let patient = tower::service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move {
            match tokio::time::timeout(limit, client.send(request)).await {
                Ok(answer) => answer.map_err(tower::BoxError::from),
                Err(_) => Err(silent(limit).into()),
            }
        }
    });
    Client::new(patient, namespace)
}

fn silent(limit: Duration) -> Error {
    Error::failed(format!("the server did not answer within {} s", limit.as_secs()))
        .next("Give it more time with --request-timeout, or see how it is: kubectl get --raw /readyz")
}

/// GET of a JSON document.
pub(crate) async fn get(url: &Url, authority: Option<&str>) -> Result<Answer> {
    let request = Request::get(url[url::Position::BeforePath..].to_owned()).header(header::ACCEPT, "application/json");
    let answer = send(url, authority, request, Vec::new()).await?;
    if answer.status != StatusCode::OK {
        return Err(Error::failed(format!("{url} answers {}", answer.status)).next(CHECK_SERVER));
    }
    Ok(answer)
}

/// A name and a secret for a header (RFC 6749, section 2.3.1). Secret: it has no `Debug`.
pub(crate) struct BasicAuth<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

/// POST of a form.
pub(crate) async fn post(url: &Url, authority: Option<&str>, form: &[(&str, &str)]) -> Result<Answer> {
    post_as(url, authority, None, form).await
}

/// POST of a form by somebody.
pub(crate) async fn post_as(
    url: &Url,
    authority: Option<&str>,
    who: Option<BasicAuth<'_>>,
    form: &[(&str, &str)],
) -> Result<Answer> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let mut request = Request::post(url[url::Position::BeforePath..].to_owned())
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(who) = who {
        request = request.header(header::AUTHORIZATION, who.header()?);
    }
    send(url, authority, request, body.into_bytes()).await
}

impl BasicAuth<'_> {
    /// Both parts are encoded as in a form before they are joined.
    fn header(&self) -> Result<HeaderValue> {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(self.user), encoded(self.password));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|_| Error::failed("the client's secret can't be sent"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

async fn send(url: &Url, authority: Option<&str>, request: http::request::Builder, body: Vec<u8>) -> Result<Answer> {
    let origin = url.origin().ascii_serialization();
    let client = client(config(&origin, authority)?)?;
    let unreachable = |error: &(dyn std::error::Error + 'static)| {
        let cause = Cause::of(error);
        let next = if cause.is_untrusted() {
            SAY_WHO_SIGNS
        } else {
            CHECK_SERVER
        };
        cause.unreachable(&origin, next)
    };
    let request = request.body(Body::from(body)).map_err(|error| unreachable(&error))?;
    let exchange = async {
        let answer = client.send(request).await.map_err(|error| unreachable(&error))?;
        let (status, time) = (answer.status(), date(answer.headers()));
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| unreachable(error.as_ref()))?.to_bytes();
        Ok(Answer {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            time,
        })
    };
    tokio::time::timeout(REQUEST, exchange)
        .await
        .unwrap_or_else(|late| Err(unreachable(&late)))
}

/// The time of a `Date` field (RFC 9110, section 6.6.1).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(headers.get(header::DATE)?.to_str().ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_any_letters_is_sent_as_the_standard_says() {
        let who = BasicAuth {
            user: "ci bot",
            password: "a:b%c+é",
        };
        let header = who.header().unwrap();
        assert!(header.is_sensitive());
        let text = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), b"ci+bot:a%3Ab%25c%2B%C3%A9");
    }

    #[test]
    fn the_time_of_an_answer_is_read() {
        let read = |text| {
            let headers = HeaderMap::from_iter([(header::DATE, HeaderValue::from_static(text))]);
            date(&headers).map(Timestamp::as_second)
        };
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(read("yesterday"), None);
        assert_eq!(date(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up_and_one_that_began_is_not() {
        let silent = tower::service_fn(|request: Request<Body>| async move {
            if request.uri().path() == "/silent" {
                std::future::pending::<()>().await;
            }
            let later = futures::stream::once(async {
                tokio::time::sleep(Duration::from_mins(1)).await;
                Ok::<_, tower::BoxError>(hyper::body::Frame::data(hyper::body::Bytes::from("{}")))
            });
            Ok::<_, tower::BoxError>(http::Response::new(http_body_util::StreamBody::new(Box::pin(later))))
        });
        let client = answered_within(Client::new(silent, "default"), Some(Duration::from_secs(5)));
        let get = |path: &str| Request::get(path.to_owned()).body(Vec::new()).unwrap();
        let error = client.request::<Value>(get("/silent")).await.unwrap_err();
        let error = Error::from(error).to_string();
        assert!(error.starts_with("the server did not answer within 5 s\n\n"), "{error}");
        assert_eq!(
            client.request::<Value>(get("/slow")).await.unwrap(),
            serde_json::json!({})
        );
    }
}
