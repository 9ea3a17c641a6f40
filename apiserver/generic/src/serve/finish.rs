//! What every answer gets, whoever made it: its audit id, caching rules, the form the client asked for.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};

use super::{Body, chain::Refusal, gzip, pretty};
use crate::{negotiate::Accepted, request::RequestInfo};

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
const LONGEST_AUDIT_ID: usize = 64;
/// Longer answers are not indented: a person does not read them, and indenting needs them whole.
const LONGEST_PRETTY: u64 = 4 * 1024 * 1024;

/// What a request asks of the form of its answer.
pub(super) struct Form {
    pub(super) audit_id: HeaderValue,
    accept: HeaderMap,
    head_only: bool,
    gzip: bool,
    pretty: bool,
}

impl Form {
    /// Read before the request is handed on.
    pub(super) fn of(head: &Parts, info: &RequestInfo) -> Form {
        Form {
            audit_id: audit_id(head),
            accept: accept(&head.headers),
            head_only: head.method == Method::HEAD,
            gzip: gzip::is_accepted(&head.headers),
            pretty: pretty::is_wanted(&info.query, &head.headers),
        }
    }

    /// An error, in the serialization that the client reads.
    pub(super) fn refuse(&self, refusal: Refusal) -> Response<Body> {
        match refusal {
            Refusal::Status(status) => status.into_response(Accepted::for_status(&self.accept)),
            Refusal::Forbidden(status) => {
                let mut response = status.into_response(Accepted::for_status(&self.accept));
                response
                    .headers_mut()
                    .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                response
            }
            Refusal::Answer(answer) => *answer,
        }
    }

    /// Gives an answer this form.
    pub(super) fn finish(&self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        headers.insert(AUDIT_ID, self.audit_id.clone());
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-cache, private"));
        if self.pretty && headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
            response = response.map(indented);
        }
        if self.gzip {
            response = gzip::compress(response);
        }
        if self.head_only {
            without_body(response)
        } else {
            response
        }
    }
}

/// The `Accept` headers alone.
fn accept(headers: &HeaderMap) -> HeaderMap {
    headers
        .get_all(ACCEPT)
        .iter()
        .map(|value| (ACCEPT, value.clone()))
        .collect()
}

/// The id under which the request is found in logs: the client's, or a new one.
fn audit_id(head: &Parts) -> HeaderValue {
    let given = head
        .headers
        .get(AUDIT_ID)
        .filter(|id| !id.is_empty() && id.len() <= LONGEST_AUDIT_ID);
    given.cloned().unwrap_or_else(|| {
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""))
    })
}

fn indented(body: Body) -> Body {
    body.map(|body| match body.gather(LONGEST_PRETTY) {
        Ok(json) if json.is_empty() => Body::empty(),
        Ok(json) => Body::full(pretty::indent(&json)),
        Err(body) => body,
    })
}

fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(length) = response.body().length() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response.map(|body| body.map(|_| Body::empty()))
}
