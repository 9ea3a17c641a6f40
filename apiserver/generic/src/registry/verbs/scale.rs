//! `/scale`: an `autoscaling/v1 Scale` as a view of the object's replicas.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Call,
    apply::{applied, configuration_of},
    delete::expect_name,
    list::wait_until_fresh,
    patch::{Patch, served},
};
use crate::{
    FieldError,
    negotiate::{Accepted, Answered, BodyFormat, patch_type},
    registry::{
        Scale, answer, decode, object,
        write::{
            Part, Update, WriteRequest, Written,
            replicas::{API_VERSION, set_path, set_replicas, view},
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
    Ok(answer::value(StatusCode::OK, &shown, accepted.media, &call.warnings))
}

async fn update(call: &Call<'_>, scale: &Scale) -> Result<Response<Body>, Status> {
    let request = call.write_request(WriteOptions::parse_update(&call.info.query, call.user_agent())?);
    let wanted = decode::decode_body(call.body, BodyFormat::of(call.headers)?, "Scale")?.value;
    let change = |live: &Value| scaled(call, scale, live, &wanted);
    write(call, scale, &request, Update::of(Part::Scale, &change)).await
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
        let (wanted, _) = patch.patched(call.resource, &view(call.resource.definition(), scale, live)?)?;
        scaled(call, scale, live, &wanted)
    };
    write(call, scale, &request, Update::of(Part::Scale, &change)).await
}

/// Server-side apply of a Scale owns the replicas of the object behind it.
async fn apply(call: &Call<'_>, scale: &Scale, request: &WriteRequest<'_>) -> Result<Response<Body>, Status> {
    let wanted = configuration_of(call, request, API_VERSION, None)?;
    let Scale::Paths { spec, .. } = scale else {
        let change = |live: &Value| scaled(call, scale, live, &wanted);
        return write(call, scale, request, Update::of(Part::Scale, &change)).await;
    };
    let names = &call.resource.definition().names;
    let change = |live: &Value| {
        let replicas = wanted_replicas(call, live, &wanted)?;
        let mut config = json!({
            "apiVersion": names.api_version(), "kind": names.kind, "metadata": {"name": call.info.name},
        });
        object::set(&mut config, "namespace", call.namespace());
        set_path(&mut config, spec, replicas)?;
        applied(call.resource, request, Part::Scale, Some(live), &config)
    };
    write(call, scale, request, Update::applied(Part::Scale, &change)).await
}

async fn write(
    call: &Call<'_>,
    scale: &Scale,
    request: &WriteRequest<'_>,
    update: Update<'_>,
) -> Result<Response<Body>, Status> {
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let written: Written = call
        .resource
        .within_deadline(call.resource.modify(request, &call.info.name, &update.into()))
        .await?;
    let shown = view(call.resource.definition(), scale, &written.into_value()?)?;
    Ok(answer::value(
        StatusCode::OK,
        &shown,
        accepted.media,
        &request.notes.warnings,
    ))
}

/// The object with the replicas that a Scale wants.
fn scaled(call: &Call<'_>, scale: &Scale, live: &Value, wanted: &Value) -> Result<Value, Status> {
    let replicas = wanted_replicas(call, live, wanted)?;
    let mut object = live.clone();
    set_replicas(call.resource.definition(), scale, &mut object, replicas)?;
    Ok(object)
}

/// Checks a Scale against its path and the live object.
fn wanted_replicas(call: &Call<'_>, live: &Value, wanted: &Value) -> Result<i64, Status> {
    let (names, name) = (&call.resource.definition().names, &call.info.name);
    object::require_name(wanted, name)?;
    let (uid, live_uid) = (object::text(wanted, "uid"), object::text(live, "uid"));
    if !uid.is_empty() && uid != live_uid {
        return Err(Status::other_uid(
            call.resource.definition(),
            call.namespace(),
            name,
            uid,
            live_uid,
        ));
    }
    let version = object::text(wanted, "resourceVersion");
    if !version.is_empty() && version != object::text(live, "resourceVersion") {
        return Err(Status::modified(names, name));
    }
    let replicas = match &wanted["spec"]["replicas"] {
        Value::Null => 0,
        given => given.as_i64().ok_or_else(|| {
            Status::bad_request(format!(
                "Scale in version \"v1\" cannot be handled as a Scale: spec.replicas is {given}, not an integer"
            ))
        })?,
    };
    // Where it is a field, the object's own validation says so.
    if replicas < 0 && call.resource.definition().scale == Some(Scale::Strategy) {
        let error = FieldError::invalid("spec.replicas", replicas, "should be a non-negative integer");
        return Err(Status::invalid("Scale", "autoscaling", name, vec![error]));
    }
    Ok(replicas)
}
