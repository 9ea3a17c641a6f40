//! What every answer gets, whoever made it: its audit id, caching rules, the form the client asked for.

use http::{
    HeaderMap, HeaderValue, Method, Response,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    request::Parts,
};

use super::{Body, chain::Refusal, gzip, pretty};
use crate::{audit::AuditId, negotiate::Accepted, request::RequestInfo};

/// Longer answers are not indented: a person does not read them, and indenting needs them whole.
const LONGEST_PRETTY: u64 = 4 * 1024 * 1024;

/// What a request asks of the form of its answer.
pub(super) struct Form {
    pub(super) audit_id: AuditId,
    accept: HeaderMap,
    head_only: bool,
    gzip: bool,
    pretty: bool,
}

impl Form {
    /// Read before the request is handed on.
    pub(super) fn of(head: &Parts, info: &RequestInfo) -> Form {
        Form {
            audit_id: AuditId::of(&head.headers),
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
        headers.insert(AuditId::HEADER, self.audit_id.header());
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
