//! POST to a virtual resource (access reviews), or to a subresource that only takes a POST.

use http::{Response, StatusCode};
use serde_json::Value;

use super::{Call, delete::expect_name};
use crate::{
    admission::{AdmissionRequest, Kind, Operation},
    negotiate::{Accepted, Answered, BodyFormat},
    registry::{
        CreateOnly, CreateSubresource, answer, decode, object,
        write::{WriteRequest, check_namespace},
    },
    request::options::WriteOptions,
    serve::Body,
    status::Status,
};

/// A review: decoded, answered, not stored.
pub(super) async fn virtual_resource(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let definition = call.resource.definition();
    let handler = definition
        .virtual_create
        .as_ref()
        .ok_or_else(Status::method_not_supported)?;
    let request = request(call)?;
    let mut object = definition.decode(call.body, BodyFormat::of(call.headers)?, &request)?;
    check_namespace(definition, request.namespace, &mut object)?;
    let kind = (&definition.names).into();
    respond(call, &request, handler.as_ref(), None, (kind, object)).await
}

/// A subresource of an object, such as `credential`. Whether the object exists is the handler's question.
pub(super) async fn subresource(call: &Call<'_>) -> Result<Response<Body>, Status> {
    expect_name(call)?;
    let definition = call.resource.definition();
    let found = definition
        .create_subresources
        .iter()
        .find(|subresource| subresource.name == call.info.subresource);
    let subresource = found.ok_or_else(Status::resource_not_served)?;
    let request = request(call)?;
    let object = decode_subresource(call, subresource, &request)?;
    let kind = Kind {
        group: &subresource.group,
        version: &subresource.version,
        kind: &subresource.kind,
    };
    respond(
        call,
        &request,
        subresource.handler.as_ref(),
        Some(&call.info.name),
        (kind, object),
    )
    .await
}

fn request<'a>(call: &Call<'a>) -> Result<WriteRequest<'a>, Status> {
    Ok(call.write_request(WriteOptions::parse_create(&call.info.query, call.user_agent())?))
}

async fn respond(
    call: &Call<'_>,
    request: &WriteRequest<'_>,
    handler: &dyn CreateOnly,
    parent: Option<&str>,
    (kind, mut object): (Kind<'_>, Value),
) -> Result<Response<Body>, Status> {
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let context = request.strategy_context();
    let name = parent.unwrap_or(object::text(&object, "name")).to_owned();
    let answering = async {
        let admission = AdmissionRequest {
            kind,
            ..call.resource.admission_request(request, &name, Operation::Create, None)
        };
        call.resource.admission.admit(&admission, Some(&mut object)).await?;
        call.resource.admission.validate(&admission, Some(&object)).await?;
        let answered = handler.create(&context, parent, object).await;
        request.notes.settle();
        answered
    };
    let answered = call.resource.within_deadline(answering).await?;
    Ok(answer::value(
        StatusCode::CREATED,
        &answered,
        accepted.media,
        &request.notes.warnings,
    ))
}

fn decode_subresource(
    call: &Call<'_>,
    subresource: &CreateSubresource,
    request: &WriteRequest<'_>,
) -> Result<Value, Status> {
    let kind = &subresource.kind;
    let decoded = decode::decode_object(call.body, BodyFormat::of(call.headers)?, kind)?;
    let mut object = decoded.value;
    let api_version = if subresource.group.is_empty() {
        subresource.version.clone()
    } else {
        format!("{}/{}", subresource.group, subresource.version)
    };
    for (field, expected) in [("kind", kind.as_str()), ("apiVersion", api_version.as_str())] {
        let given = object[field].as_str().unwrap_or_default();
        if !given.is_empty() && given != expected {
            return Err(Status::bad_request(format!("{field} is {given}, not {expected}")));
        }
        object[field] = expected.into();
    }
    let mut problems: Vec<String> = decoded
        .duplicates
        .iter()
        .map(|path| format!("duplicate field \"{path}\""))
        .collect();
    problems.extend(
        subresource
            .schema
            .prune(&mut object)
            .iter()
            .map(|path| format!("unknown field \"{path}\"")),
    );
    decode::report(&problems, request, |problems| {
        Status::bad_request(format!(
            "{kind} in version \"{}\" cannot be handled as a {kind}: strict decoding error: {problems}",
            subresource.version
        ))
    })?;
    subresource.schema.apply_defaults(&mut object);
    let errors = subresource.schema.validate(&object);
    if !errors.is_empty() {
        return Err(Status::invalid(kind, &subresource.group, "", errors));
    }
    Ok(object)
}
