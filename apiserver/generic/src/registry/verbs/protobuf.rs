//! Protobuf bodies: Go clients send them for built-in kinds. They become JSON before anything else looks at them.

use bytes::Bytes;
use http::{HeaderValue, Request, header::CONTENT_TYPE};

use crate::{registry::ResourceDefinition, status::Status};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// The request with a JSON body, where its body is protobuf and the definition can read it.
pub(super) fn as_json(definition: &ResourceDefinition, request: Request<Bytes>) -> Result<Request<Bytes>, Status> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_protobuf = content_type.split(';').next().unwrap_or_default().trim() == PROTOBUF;
    let (true, Some(decode)) = (is_protobuf, definition.decode_protobuf) else {
        return Ok(request);
    };
    let (mut parts, body) = request.into_parts();
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if body.is_empty() {
        return Ok(Request::from_parts(parts, body));
    }
    let object = decode(&body).map_err(|why| {
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): {why}",
            definition.names.kind
        ))
    })?;
    Ok(Request::from_parts(parts, object.to_string().into()))
}
