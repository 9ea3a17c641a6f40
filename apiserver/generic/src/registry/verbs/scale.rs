//! `/scale`: an `autoscaling/v1 Scale` as a view of the object's replicas.
//!
//! What is written becomes a Scale first, with the managers that own the replicas, and is then carried over to the object.

use http::{Response, StatusCode};
use serde_json::Value;

use super::{
    Call,
    apply::{configuration_of, conflict},
    delete::expect_name,
    list::wait_until_fresh,
    patch::{Patch, served},
};
use crate::{
    FieldError, apply,
    negotiate::{Accepted, Answered, BodyFormat, patch_type},
    registry::{
        Decoder, Scale, Style, answer,
        decode::hold,
        object,
        scale_kind::{API_VERSION, scale_kind},
        warnings::Warnings,
        write::{
            Part, Shown, Update, WriteRequest, Written, check_namespace,
            replicas::{UNSET, has_replicas, set_replicas, view, writable_view},
        },
    },
    request::options::{PatchType, ResourceVersion, WriteOptions},
    serve::Body,
    status::Status,
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    expect_name(call)?;
    let scale = call
        .resource
        .definition()
        .scale
        .as_ref()
        .ok_or_else(Status::resource_not_served)?;
    match call.info.verb.as_str() {
        "get" => get(call, scale).await,
        "update" => update(call, scale).await,
        "patch" => patch(call, scale).await,
        _ => Err(Status::method_not_supported()),
    }
}

async fn get(call: &Call<'_>, scale: &Scale) -> Result<Response<Body>, Status> {
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    wait_until_fresh(call.resource, ResourceVersion::parse_get(&call.info.query)?).await?;
    let found = call.resource.get(call.namespace(), &call.info.name);
    let object = found.ok_or_else(|| Status::not_found(&call.resource.definition().names, &call.info.name))?;
    let shown = view(call.resource.definition(), scale, &object)?;
    Ok(respond(shown, accepted, &call.warnings))
}

fn respond(shown: Value, accepted: Accepted, warnings: &Warnings) -> Response<Body> {
    answer::object(scale_kind(), StatusCode::OK, &Shown::Value(shown), accepted, warnings)
}

async fn update(call: &Call<'_>, scale: &Scale) -> Result<Response<Body>, Status> {
    let request = call.write_request(WriteOptions::parse_update(&call.info.query, call.user_agent())?);
    let wanted = scale_kind().decode(call.body, BodyFormat::of(call.headers)?, &request)?;
    object::require_name(&wanted, &call.info.name)?;
    let change = |live: &Value| {
        refuse_other_uid(call, live, &wanted)?;
        let before = shown_to_writers(call, scale, live)?;
        updated(call, scale, &request, live, &before, wanted.clone())
    };
    write(call, scale, &request, &change).await
}

async fn patch(call: &Call<'_>, scale: &Scale) -> Result<Response<Body>, Status> {
    let patch_type = patch_type(call.headers, served(call.resource.definition().style))?;
    let options = WriteOptions::parse_patch(&call.info.query, call.user_agent(), patch_type)?;
    let request = call.write_request(options);
    if patch_type == PatchType::Apply {
        return apply(call, scale, &request).await;
    }
    let patch = Patch::decode(patch_type, call.body)?;
    let change = |live: &Value| {
        let before = shown_to_writers(call, scale, live)?;
        let after = patch.apply(scale_kind(), &before, &request)?;
        updated(call, scale, &request, live, &before, after)
    };
    write(call, scale, &request, &change).await
}

/// Server-side apply of a Scale owns the replicas of the object behind it.
async fn apply(call: &Call<'_>, scale: &Scale, request: &WriteRequest<'_>) -> Result<Response<Body>, Status> {
    let config = configuration_of(call, request, &scale_kind().names)?;
    let change = |live: &Value| {
        let before = shown_to_writers(call, scale, live)?;
        let manager = request.manager(API_VERSION);
        let (force, blank) = (request.options.force, scale_kind().blank());
        let mut after = apply::apply(
            &scale_kind().schema,
            Some(&before),
            &config,
            &manager,
            force,
            blank.as_ref(),
            &[],
        )
        .map_err(conflict::refused)?;
        hold_applied(call, &mut after)?;
        scaled(call, scale, live, after)
    };
    write(call, scale, request, &change).await
}

/// Gives an applied Scale the form of its struct, which is stricter than its schema.
fn hold_applied(call: &Call<'_>, after: &mut Value) -> Result<(), Status> {
    if let Some(replicas) = after["spec"]["replicas"].as_i64()
        && i32::try_from(replicas).is_err()
    {
        let detail = format!("must be less than or equal to {}", i32::MAX);
        let error = FieldError::invalid("spec.replicas", replicas, detail);
        return Err(Status::invalid("Scale", "autoscaling", &call.info.name, vec![error]));
    }
    hold(scale_kind(), after, Decoder::Json).map_err(|problem| {
        Status::internal(format!(
            "failed to convert new object ({}/{}; {API_VERSION}, Kind=Scale) to proper version: {problem}",
            call.namespace(),
            call.info.name
        ))
    })
}

/// The object after a PUT or a patch of its Scale.
fn updated(
    call: &Call<'_>,
    scale: &Scale,
    request: &WriteRequest<'_>,
    live: &Value,
    before: &Value,
    mut after: Value,
) -> Result<Value, Status> {
    let manager = request.manager(API_VERSION);
    apply::track_update(&scale_kind().schema, Some(before), &mut after, &manager, &[]);
    scaled(call, scale, live, after)
}

async fn write(
    call: &Call<'_>,
    scale: &Scale,
    request: &WriteRequest<'_>,
    change: &(dyn Fn(&Value) -> Result<Value, Status> + Send + Sync),
) -> Result<Response<Body>, Status> {
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let update = match scale {
        Scale::Paths { .. } => Update::applied(Part::Scale, change),
        Scale::Strategy => Update::of(Part::Scale, change),
    };
    let written: Written = call
        .resource
        .within_deadline(call.resource.modify(request, &call.info.name, &update.into()))
        .await?;
    let shown = view(call.resource.definition(), scale, &written.into_value()?)?;
    Ok(respond(shown, accepted, &request.notes.warnings))
}

/// The Scale of the live object, with its managers.
fn shown_to_writers(call: &Call<'_>, scale: &Scale, live: &Value) -> Result<Value, Status> {
    let mut shown = writable_view(call.resource.definition(), scale, live)?;
    if let Scale::Paths { spec, .. } = scale {
        apply::show_owners(live, spec, &mut shown, API_VERSION);
    }
    Ok(shown)
}

/// The object that a written Scale makes of the live one.
fn scaled(call: &Call<'_>, scale: &Scale, live: &Value, mut written: Value) -> Result<Value, Status> {
    let definition = call.resource.definition();
    object::require_name(&written, &call.info.name)?;
    check_namespace(definition, call.namespace(), &mut written)?;
    let replicas = written["spec"]["replicas"].as_i64().unwrap_or(0);
    check_replicas(call, scale, live, replicas)?;
    let mut object = live.clone();
    set_replicas(definition, scale, &mut object, replicas)?;
    let version = object::text(&written, "resourceVersion");
    if !version.is_empty() {
        object::set(&mut object, "resourceVersion", version);
    }
    if let Scale::Paths { spec, .. } = scale {
        apply::take_owners(&mut object, spec, &definition.names.api_version(), &written);
    }
    Ok(object)
}

fn check_replicas(call: &Call<'_>, scale: &Scale, live: &Value, replicas: i64) -> Result<(), Status> {
    if let Scale::Paths { spec, .. } = scale
        && replicas == UNSET
        && !has_replicas(scale, live)
    {
        return Err(Status::bad_request(format!(
            "the spec replicas field {spec:?} cannot be empty"
        )));
    }
    // Where it is a field of a custom resource, its own validation says so.
    let refusal = match (scale, call.resource.definition().style) {
        (Scale::Strategy, _) => "should be a non-negative integer",
        (Scale::Paths { .. }, Style::BuiltIn { .. }) => "must be greater than or equal to 0",
        (Scale::Paths { .. }, Style::Custom) => return Ok(()),
    };
    if replicas < 0 {
        let error = FieldError::invalid("spec.replicas", replicas, refusal);
        return Err(Status::invalid("Scale", "autoscaling", &call.info.name, vec![error]));
    }
    Ok(())
}

fn refuse_other_uid(call: &Call<'_>, live: &Value, wanted: &Value) -> Result<(), Status> {
    let (uid, live_uid) = (object::text(wanted, "uid"), object::text(live, "uid"));
    if uid.is_empty() || uid == live_uid {
        return Ok(());
    }
    Err(Status::other_uid(
        call.resource.definition(),
        call.namespace(),
        &call.info.name,
        uid,
        live_uid,
    ))
}
