//! PUT of an object or of its status.

use http::{Response, StatusCode};
use serde_json::Value;

use super::Call;
use crate::{
    negotiate::{Accepted, Answered, BodyFormat},
    registry::{
        Style, answer, object,
        write::{Part, State, Update, WriteRequest, Written},
    },
    request::options::WriteOptions,
    serve::Body,
    status::Status,
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let (resource, definition) = (call.resource, call.resource.definition());
    let part = call.part()?;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let options = WriteOptions::parse_update(&call.info.query, call.user_agent())?;
    let format = BodyFormat::of(call.headers)?;
    let request = call.write_request(options);
    let object = definition.decode(call.body, format, &request)?;
    object::require_name(&object, &call.info.name)?;
    definition.refuse_other_kind(&object)?;
    let written = resource.within_deadline(replace(call, &request, part, object)).await?;
    let code = if written.state == State::Created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(answer::object(
        definition,
        code,
        &written.object,
        accepted,
        &request.notes.warnings,
    ))
}

async fn replace(call: &Call<'_>, request: &WriteRequest<'_>, part: Part, object: Value) -> Result<Written, Status> {
    let (unconditional, creates) = match call.resource.definition().style {
        Style::Custom => (false, false),
        Style::BuiltIn {
            unconditional_update,
            create_on_update,
            ..
        } => (unconditional_update, create_on_update),
    };
    let change = |_: &Value| Ok(object.clone());
    let change = Update {
        unconditional,
        whole: true,
        ..Update::of(part, &change)
    }
    .into();
    match call.resource.modify(request, &call.info.name, &change).await {
        Err(missing) if missing.code == 404 && creates && part == Part::Main => {
            create_instead(call, request, object.clone()).await
        }
        outcome => outcome,
    }
}

async fn create_instead(call: &Call<'_>, request: &WriteRequest<'_>, mut object: Value) -> Result<Written, Status> {
    call.access.check("create", call.info).await?;
    let uid = object::text(&object, "uid");
    if !uid.is_empty() {
        let definition = call.resource.definition();
        return Err(Status::other_uid(
            definition,
            call.namespace(),
            &call.info.name,
            uid,
            "",
        ));
    }
    object::set(&mut object, "name", call.info.name.as_str());
    object::set(&mut object, "resourceVersion", "");
    call.resource.insert(request, object).await
}
