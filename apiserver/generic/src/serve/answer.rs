//! Answers that are not objects: plain text, JSON documents, statuses.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use serde_json::{Value, json};

use super::Body;
use crate::status::Status;

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

/// A status, with its `Retry-After`.
pub fn status(status: &Status) -> Response<Body> {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &status_object(status));
    if let Some(seconds) = status.details.as_ref().and_then(|details| details.retry_after_seconds) {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn status_object(status: &Status) -> Value {
    let mut object = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"});
    if let (Some(object), Ok(Value::Object(fields))) = (object.as_object_mut(), serde_json::to_value(status)) {
        object.extend(fields);
    }
    object
}

fn with_type(code: StatusCode, media_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::full(body));
    *response.status_mut() = code;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
