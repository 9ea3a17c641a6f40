//! GET of one object.

use http::{Response, StatusCode};

use super::{Call, list::wait_until_fresh};
use crate::{
    negotiate::{Accepted, Answered},
    registry::{answer, write::Shown},
    request::options::ResourceVersion,
    serve::Body,
    status::Status,
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    call.part()?;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    if call.info.query.has("export") {
        return Err(Status::bad_request(
            "the export parameter, deprecated since v1.14, is no longer supported",
        ));
    }
    let version = ResourceVersion::parse_get(&call.info.query)?;
    wait_until_fresh(call.resource, version).await?;
    let definition = call.resource.definition();
    let found = call.resource.objects()?.get(call.namespace(), &call.info.name);
    let entry = found.ok_or_else(|| Status::not_found(&definition.names, &call.info.name))?;
    Ok(answer::object(
        definition,
        StatusCode::OK,
        &Shown::Entry(entry),
        accepted,
        &call.warnings,
    ))
}
