//! Server-side apply of an object or of its status.

pub(super) mod conflict;

use serde_json::Value;

use super::Call;
use crate::{
    apply,
    registry::{
        Names, Resource, decode, object,
        write::{Part, Update, WriteRequest, Written},
    },
    schema::decode as body,
    status::Status,
};

/// How often an apply that finds no object, and then finds one after all, begins again.
const CREATE_OR_UPDATE_ATTEMPTS: usize = 8;

/// The configuration of an apply: YAML or JSON, checked against the path.
pub(super) fn configuration(call: &Call<'_>, request: &WriteRequest<'_>) -> Result<Value, Status> {
    let config = configuration_of(call, request, &call.resource.definition().names)?;
    match object::text(&config, "name") {
        "" => Ok(config),
        _ => object::require_name(&config, &call.info.name).map(|()| config),
    }
}

/// As [`configuration`], for a body of this kind, whatever its name.
pub(super) fn configuration_of(call: &Call<'_>, request: &WriteRequest<'_>, names: &Names) -> Result<Value, Status> {
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
    let kind = config["kind"].as_str().unwrap_or_default();
    if (given, kind) != (&*names.api_version(), &*names.kind) {
        let shown = match given.matches('/').count() {
            0 => format!("/{given}, Kind={kind}"),
            1 => format!("{given}, Kind={kind}"),
            _ => "/, Kind=".to_owned(),
        };
        return Err(Status::bad_request(format!("invalid object type: {shown}")));
    }
    Ok(config)
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
        definition.blank().as_ref(),
        &reset,
    )
    .map_err(conflict::refused)?;
    definition.schema.apply_defaults(&mut object);
    Ok(object)
}
