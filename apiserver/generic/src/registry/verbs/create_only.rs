//! POST to a virtual resource (access reviews), or to a subresource that only takes a POST.

use http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::{Call, delete::expect_name};
use crate::{
    admission::{AdmissionRequest, Kind, Operation},
    negotiate::{Accepted, Answered, BodyFormat},
    registry::{
        CreateOnly, CreateSubresource, Secret, answer, decode, object,
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
    let answering = Answering {
        handler: handler.as_ref(),
        parent: None,
        kind,
        secrets: &[],
    };
    answering.respond(call, &request, object).await
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
    let answering = Answering {
        handler: subresource.handler.as_ref(),
        parent: Some(&call.info.name),
        kind,
        secrets: &subresource.secrets,
    };
    answering.respond(call, &request, object).await
}

fn request<'a>(call: &Call<'a>) -> Result<WriteRequest<'a>, Status> {
    Ok(call.write_request(WriteOptions::parse_create(&call.info.query, call.user_agent())?))
}

/// How a body is answered.
struct Answering<'a> {
    handler: &'a dyn CreateOnly,
    /// The object that a subresource belongs to.
    parent: Option<&'a str>,
    kind: Kind<'a>,
    /// Fields that the handler alone may see.
    secrets: &'a [Secret],
}

impl Answering<'_> {
    async fn respond(
        &self,
        call: &Call<'_>,
        request: &WriteRequest<'_>,
        mut object: Value,
    ) -> Result<Response<Body>, Status> {
        let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
        let context = request.strategy_context();
        let name = self.parent.unwrap_or(object::text(&object, "name")).to_owned();
        let answering = async {
            let admission = AdmissionRequest {
                kind: self.kind,
                ..call.resource.admission_request(request, &name, Operation::Create, None)
            };
            let withheld = self.withhold(&mut object);
            call.resource.admission.admit(&admission, Some(&mut object)).await?;
            call.resource.admission.validate(&admission, Some(&object)).await?;
            self.give_back(withheld, &mut object);
            let answered = self.handler.create(&context, self.parent, object).await;
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

    /// Takes out what plug-ins may not see.
    fn withhold(&self, object: &mut Value) -> Vec<Option<Value>> {
        let secrets = self.secrets.iter();
        secrets
            .map(|secret| secret.within(object)?.remove(secret.field))
            .collect()
    }

    /// Puts it back, in the place of whatever a plug-in has put there.
    fn give_back(&self, withheld: Vec<Option<Value>>, object: &mut Value) {
        for (secret, value) in self.secrets.iter().zip(withheld) {
            let Some(fields) = secret.within(object) else { continue };
            match value {
                Some(value) => fields.insert(secret.field.to_owned(), value),
                None => fields.remove(secret.field),
            };
        }
    }
}

impl Secret {
    fn within<'o>(&self, object: &'o mut Value) -> Option<&'o mut Map<String, Value>> {
        object.pointer_mut(self.within)?.as_object_mut()
    }
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
