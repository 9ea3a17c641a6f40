//! PATCH: JSON patch, merge patch, strategic merge patch and server-side apply.

use http::{Response, StatusCode};
use serde_json::Value;

use super::{Call, delete::expect_name};
use crate::{
    apply::{self, ApplyError},
    negotiate::{Accepted, Answered, BodyFormat, patch_type},
    patch::{self, PatchError},
    registry::{
        Resource, Style, answer, decode, object,
        write::{Change, Part, State, WriteRequest, Written},
    },
    request::options::{PatchType, WriteOptions},
    schema::decode as body,
    serve::Body,
    status::{Status, StatusCause, StatusDetails},
};

/// How often an apply that finds no object, and then finds one after all, begins again.
const CREATE_OR_UPDATE_ATTEMPTS: usize = 8;

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let (resource, definition) = (call.resource, call.resource.definition());
    let patch_type = patch_type(call.headers, served(definition.style))?;
    let part = call.part()?;
    expect_name(call)?;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let options = WriteOptions::parse_patch(&call.info.query, call.user_agent(), patch_type)?;
    let request = call.write_request(options);
    let written = match patch_type {
        PatchType::Apply => {
            let config = configuration(call, &request)?;
            resource
                .within_deadline(apply_configuration(call, &request, part, &config))
                .await?
        }
        other => {
            let patch = Patch::decode(other, call.body)?;
            let change = |live: &Value| patch.apply(resource, live, &request);
            let change = Change::update(part, &change);
            resource
                .within_deadline(resource.modify(&request, &call.info.name, &change))
                .await?
        }
    };
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
        &request.warnings,
    ))
}

/// The patch formats that a resource reads.
pub(super) fn served(style: Style) -> &'static [PatchType] {
    const CUSTOM: [PatchType; 3] = [PatchType::Json, PatchType::Merge, PatchType::Apply];
    const BUILT_IN: [PatchType; 4] = [
        PatchType::Json,
        PatchType::Merge,
        PatchType::StrategicMerge,
        PatchType::Apply,
    ];
    match style {
        Style::Custom => &CUSTOM,
        Style::BuiltIn { .. } => &BUILT_IN,
    }
}

/// A decoded patch that is no apply.
pub(super) enum Patch<'a> {
    Json(&'a [u8]),
    Merge { patch: Value, problems: Vec<String> },
    Strategic { patch: Value, problems: Vec<String> },
}

impl<'a> Patch<'a> {
    pub(super) fn decode(patch: PatchType, bytes: &'a [u8]) -> Result<Patch<'a>, Status> {
        if patch == PatchType::Json {
            return Ok(Patch::Json(bytes));
        }
        let decoded =
            body::json(bytes).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
        if !decoded.value.is_object() {
            return Err(Status::bad_request("error decoding patch: it must be an object"));
        }
        let problems = decoded
            .duplicates
            .iter()
            .map(|path| format!("duplicate field \"{path}\""))
            .collect();
        let patch_value = decoded.value;
        Ok(match patch {
            PatchType::StrategicMerge => Patch::Strategic {
                patch: patch_value,
                problems,
            },
            _ => Patch::Merge {
                patch: patch_value,
                problems,
            },
        })
    }

    /// The patched object and the problems of the patch.
    pub(super) fn patched(&self, resource: &Resource, live: &Value) -> Result<(Value, Vec<String>), Status> {
        match self {
            Patch::Json(bytes) => {
                let patched = patch::json_patch(live, bytes).map_err(refused)?;
                Ok((patched.value, patched.unknown))
            }
            Patch::Merge { patch, problems } => Ok((patch::merge_patch(live, patch), problems.clone())),
            Patch::Strategic { patch, problems } => {
                let schema = &resource.definition().schema;
                let value = patch::strategic_merge_patch(schema, live, patch).map_err(refused)?;
                Ok((value, problems.clone()))
            }
        }
    }

    fn apply(&self, resource: &Resource, live: &Value, request: &WriteRequest<'_>) -> Result<Value, Status> {
        let (value, problems) = self.patched(resource, live)?;
        resource.complete_patched(value, problems, request)
    }
}

pub(super) fn refused(error: PatchError) -> Status {
    match error {
        PatchError::Malformed(message) => Status::bad_request(message),
        PatchError::TooManyOperations { .. } => Status::too_large(&error.to_string()),
        PatchError::NotApplicable(_) => Status::unprocessable(),
    }
}

/// The configuration of an apply: YAML or JSON, checked against the path.
fn configuration(call: &Call<'_>, request: &WriteRequest<'_>) -> Result<Value, Status> {
    configuration_of(call, request, &call.resource.definition().names.api_version())
}

/// As [`configuration`], for a body of another kind: a Scale.
pub(super) fn configuration_of(call: &Call<'_>, request: &WriteRequest<'_>, expected: &str) -> Result<Value, Status> {
    let decoded =
        body::yaml(call.body).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    let problems: Vec<String> = decoded
        .duplicates
        .iter()
        .map(|path| format!("duplicate field \"{path}\""))
        .collect();
    decode::report(&problems, request, |problems| {
        Status::bad_request(format!("error strict decoding patch: {problems}"))
    })?;
    let config = decoded.value;
    if !config.is_object() {
        return Err(Status::bad_request("error decoding patch: it must be an object"));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let given = config["apiVersion"].as_str().unwrap_or_default();
    if given != expected {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {expected}"
        )));
    }
    let name = object::text(&config, "name");
    if !name.is_empty() && name != call.info.name {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            call.info.name
        )));
    }
    Ok(config)
}

async fn apply_configuration(
    call: &Call<'_>,
    request: &WriteRequest<'_>,
    part: Part,
    config: &Value,
) -> Result<Written, Status> {
    let resource = call.resource;
    let change = |live: &Value| applied(resource, request, part, Some(live), config);
    for _ in 0..CREATE_OR_UPDATE_ATTEMPTS {
        let update = Change::Update {
            part,
            change: &change,
            managed: true,
            unconditional: true,
        };
        match resource.modify(request, &call.info.name, &update).await {
            Err(missing) if missing.code == 404 && part == Part::Main => {}
            outcome => return outcome,
        }
        match create_applied(call, request, config).await {
            Err(taken) if taken.reason == "AlreadyExists" => {}
            outcome => return outcome,
        }
    }
    Err(Status::modified(&resource.definition().names, &call.info.name))
}

async fn create_applied(call: &Call<'_>, request: &WriteRequest<'_>, config: &Value) -> Result<Written, Status> {
    let resource = call.resource;
    call.access.check("create", call.info).await?;
    let names = &resource.definition().names;
    let uid = object::text(config, "uid");
    if !uid.is_empty() {
        let why = format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
        return Err(Status::conflict(names, &call.info.name, &why));
    }
    if !object::text(config, "resourceVersion").is_empty() {
        return Err(Status::not_found(names, &call.info.name));
    }
    let mut object = applied(resource, request, Part::Main, None, config)?;
    object::set(&mut object, "name", call.info.name.as_str());
    resource.insert_managed(request, object, true).await
}

/// The object that an apply makes of the live one.
pub(super) fn applied(
    resource: &Resource,
    request: &WriteRequest<'_>,
    part: Part,
    live: Option<&Value>,
    config: &Value,
) -> Result<Value, Status> {
    let definition = resource.definition();
    let api_version = definition.names.api_version();
    let manager = request.manager(&api_version);
    let reset = resource.reset_fields(part);
    let mut object = apply::apply(
        &definition.schema,
        live,
        config,
        &manager,
        request.options.force,
        &reset,
    )
    .map_err(apply_refused)?;
    definition.schema.apply_defaults(&mut object);
    Ok(object)
}

fn apply_refused(error: ApplyError) -> Status {
    let conflicts = match error {
        // kube-apiserver answers 500 without a reason here.
        ApplyError::Invalid(message) => return Status::internal(message),
        ApplyError::Conflicts(conflicts) => conflicts,
    };
    let described: Vec<(String, String)> = conflicts
        .iter()
        .map(|conflict| (owner(conflict), conflict.field.clone()))
        .collect();
    let causes = described.iter().map(|(owner, field)| StatusCause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {owner}"),
        field: field.clone(),
    });
    Status {
        message: conflict_message(&described),
        reason: "Conflict".to_owned(),
        details: Some(Box::new(StatusDetails {
            causes: causes.collect(),
            ..StatusDetails::default()
        })),
        code: 409,
        continue_token: None,
    }
}

/// `"kubectl-edit" using G/V at TIME`; an apply manager by its name alone.
fn owner(conflict: &apply::Conflict) -> String {
    let mut owner = format!("{:?}", conflict.manager);
    if !conflict.subresource.is_empty() {
        owner.push_str(&format!(" with subresource {:?}", conflict.subresource));
    }
    if conflict.operation == apply::Operation::Update {
        owner.push_str(&format!(" using {}", conflict.api_version));
        if let Some(time) = &conflict.time {
            owner.push_str(&format!(" at {time}"));
        }
    }
    owner
}

fn conflict_message(described: &[(String, String)]) -> String {
    if let [(owner, field)] = described {
        return format!("Apply failed with 1 conflict: conflict with {owner}: {field}");
    }
    let mut message = format!("Apply failed with {} conflicts: ", described.len());
    let mut previous = None;
    for (owner, field) in described {
        if previous != Some(owner) {
            if previous.is_some() {
                message.push('\n');
            }
            message.push_str(&format!("conflicts with {owner}:"));
            previous = Some(owner);
        }
        message.push_str(&format!("\n- {field}"));
    }
    message
}

/// The format of a scale's or a subresource's body is like that of an object.
pub(super) fn body_format(call: &Call<'_>) -> Result<BodyFormat, Status> {
    BodyFormat::of(call.headers)
}
