//! Answers, with the headers that each must have.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER},
};
use http_body_util::Full;
use serde_json::{Value, json};

use super::page::Page;

pub(super) type Answer = Response<Full<Bytes>>;

/// A page for a person.
pub(super) fn page(status: StatusCode, page: Page) -> Answer {
    let mut answer = answer(status, "text/html; charset=utf-8", page.html);
    insert(answer.headers_mut(), CONTENT_SECURITY_POLICY, &page.policy);
    answer
}

/// A document that may be kept for a minute: discovery, keys.
pub(super) fn document(document: &Value) -> Answer {
    let mut answer = json(StatusCode::OK, document);
    let minute = HeaderValue::from_static("public, max-age=60");
    answer.headers_mut().insert(CACHE_CONTROL, minute);
    answer
}

/// JSON for a client.
pub(super) fn json(status: StatusCode, document: &Value) -> Answer {
    answer(status, "application/json", document.to_string())
}

/// An OAuth error (RFC 6749, section 5.2).
pub(super) fn error(status: StatusCode, error: &str, description: &str) -> Answer {
    json(status, &json!({"error": error, "error_description": description}))
}

/// Sends the browser on, by GET whatever the method was.
pub(super) fn see_other(location: &str) -> Answer {
    let mut answer = text(StatusCode::SEE_OTHER, "");
    insert(answer.headers_mut(), LOCATION, location);
    answer
}

/// A word for whoever asks the wrong thing.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", text.to_owned())
}

/// The method that a path answers.
pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Says when to try again.
pub(super) fn retry_after(mut answer: Answer, seconds: i64) -> Answer {
    answer
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    answer
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Not "no-referrer": with that, browsers send no origin with the form, and the form's origin is checked.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Values are ASCII by construction; one that is not would be a mistake that must not end the process.
fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => drop(headers.insert(name, value)),
        Err(error) => tracing::error!(%name, %error, "a header could not be written"),
    }
}
