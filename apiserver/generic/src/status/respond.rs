//! A status as the body of an answer.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Status;
use crate::{negotiate::MediaType, serve::Body};

impl Status {
    /// The `meta/v1 Status` object of a failure.
    pub fn to_json(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(token) = &self.continue_token {
            metadata.insert("continue".to_owned(), Value::from(token.as_str()));
        }
        let mut object = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata,
            "status": "Failure", "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            object["reason"] = Value::from(self.reason.as_str());
        }
        if let Some(details) = &self.details {
            object["details"] = serde_json::to_value(details).unwrap_or_default();
        }
        object
    }

    /// The HTTP answer in the media type that the client reads.
    pub fn into_response(self, media: MediaType) -> Response<Body> {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::full(media.encode(&self.to_json())));
        *response.status_mut() = code;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        if let Some(seconds) = self.details.as_ref().and_then(|details| details.retry_after_seconds) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        for warning in self.warnings {
            response.headers_mut().append(header::WARNING, warning);
        }
        response
    }
}
