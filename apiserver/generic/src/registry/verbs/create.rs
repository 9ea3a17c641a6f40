//! POST of a new object.

use http::{Response, StatusCode};

use super::Call;
use crate::{
    negotiate::{Accepted, Answered, BodyFormat},
    registry::answer,
    request::options::WriteOptions,
    serve::Body,
    status::Status,
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let (resource, definition) = (call.resource, call.resource.definition());
    if definition.names.namespaced && call.info.namespace.is_empty() {
        return Err(Status::method_not_supported());
    }
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let options = WriteOptions::parse_create(&call.info.query, call.user_agent())?;
    let format = BodyFormat::of(call.headers)?;
    let request = call.write_request(options);
    let object = definition.decode(call.body, format, &request)?;
    definition.refuse_other_kind(&object)?;
    let written = resource.within_deadline(resource.insert(&request, object)).await?;
    Ok(answer::object(
        definition,
        StatusCode::CREATED,
        &written.object,
        accepted,
        &request.notes.warnings,
    ))
}
