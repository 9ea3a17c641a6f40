//! Server-side apply of an object or of its status.

mod conflict;

use serde_json::Value;

use super::Call;
use crate::{
    apply,
    registry::{
        Resource, decode, object,
        write::{Part, Update, WriteRequest, Written},
    },
    schema::decode as body,
    status::Status,
};

/// How often an apply that finds no object, and then finds one after all, begins again.
const CREATE_OR_UPDATE_ATTEMPTS: usize = 8;

/// The configuration of an apply: YAML or JSON, checked against the path.
pub(super) fn configuration(call: &Call<'_>, request: &WriteRequest<'_>) -> Result<Value, Status> {
    let definition = call.resource.definition();
    let names = &definition.names;
    configuration_of(call, request, &names.api_version(), Some(&names.kind))
}

/// As [`configuration`], for a body of another kind, a Scale; with `kind`, that is checked too.
pub(super) fn configuration_of(
    call: &Call<'_>,
    request: &WriteRequest<'_>,
    expected: &str,
    kind: Option<&str>,
) -> Result<Value, Status> {
    let decoded = decode_configuration(call.body)?;
    let problems: Vec<String> = decoded
        .duplicates
        .iter()
        .map(|path| format!("duplicate field \"{path}\""))
        .collect();
    decode::report(&problems, request, |problems| {
        Status::bad_request(format!("error strict decoding patch: {problems}"))
    })?;
    let config = match decoded.value {
        Value::Null => Value::Object(serde_json::Map::new()),
        config => config,
    };
    if !config.is_object() {
        let found = if config.is_array() { "array" } else { "string" };
        return Err(Status::bad_request(format!(
            "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of \
             type map[string]interface {{}}"
        )));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let given = config["apiVersion"].as_str().unwrap_or_default();
    if let Some(kind) = kind {
        let given_kind = config["kind"].as_str().unwrap_or_default();
        if (given, given_kind) != (expected, kind) {
            let slash = if given.contains('/') { "" } else { "/" };
            let text = format!("invalid object type: {slash}{given}, Kind={given_kind}");
            return Err(Status::bad_request(text));
        }
    } else if given != expected {
        return Err(Status::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {given}, expected: {expected}"
        )));
    }
    match object::text(&config, "name") {
        "" => Ok(config),
        _ => object::require_name(&config, &call.info.name).map(|()| config),
    }
}

/// YAML, of which JSON is the form that most programs send and that is read faster.
fn decode_configuration(bytes: &[u8]) -> Result<body::Decoded, Status> {
    if bytes.first() == Some(&b'{')
        && let Ok(decoded) = body::json(bytes)
    {
        return Ok(decoded);
    }
    body::yaml(bytes).map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))
}

/// Applies to the object, or creates it where there is none.
pub(super) async fn apply_configuration(
    call: &Call<'_>,
    request: &WriteRequest<'_>,
    part: Part,
    config: &Value,
) -> Result<Written, Status> {
    let resource = call.resource;
    let change = |live: &Value| applied(resource, request, part, Some(live), config);
    for _ in 0..CREATE_OR_UPDATE_ATTEMPTS {
        let update = Update::applied(part, &change).into();
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
    object::require_name(config, &call.info.name)?;
    let mut object = applied(resource, request, Part::Main, None, config)?;
    object::set(&mut object, "resourceVersion", "");
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
        resource.blank().as_ref(),
        &reset,
    )
    .map_err(conflict::refused)?;
    definition.schema.apply_defaults(&mut object);
    Ok(object)
}
