//! Answers that are not objects: plain text and JSON documents.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use serde_json::Value;

use super::Body;

/// Text that no browser takes for anything else.
pub fn plain_text(code: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = with_type(code, "text/plain; charset=utf-8", text.into());
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// 404 for a path that nobody serves.
pub fn page_not_found() -> Response<Body> {
    plain_text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A JSON document.
pub fn json(code: StatusCode, document: &Value) -> Response<Body> {
    json_bytes(code, format!("{document}\n"))
}

/// An encoded JSON document.
pub fn json_bytes(code: StatusCode, document: impl Into<Bytes>) -> Response<Body> {
    with_type(code, "application/json", document.into())
}

/// An answer of another media type.
pub fn bytes(code: StatusCode, media_type: &'static str, body: &'static [u8]) -> Response<Body> {
    with_type(code, media_type, Bytes::from_static(body))
}

fn with_type(code: StatusCode, media_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
