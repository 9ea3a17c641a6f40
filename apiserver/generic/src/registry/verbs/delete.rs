//! DELETE of one object.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Call;
use crate::{
    FieldError,
    negotiate::{Accepted, Answered, BodyFormat},
    registry::{DeleteOptions, Deleted, Preconditions, Propagation, answer, object, write::Shown},
    request::options::WriteOptions,
    schema::decode as body,
    serve::Body,
    status::Status,
};

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    expect_name(call)?;
    let (resource, definition) = (call.resource, call.resource.definition());
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Item)?;
    let asked = AskedDeletion::parse(call)?;
    let request = call.write_request(WriteOptions {
        dry_run: asked.options.dry_run,
        ..WriteOptions::default()
    });
    let deleted = resource
        .within_deadline(resource.remove(&request, &call.info.name, &asked.options))
        .await?;
    Ok(match deleted {
        Deleted::Gone { object, .. } if definition.returns_deleted => answer::object(
            definition,
            StatusCode::OK,
            &Shown::Value(object),
            accepted,
            &request.notes.warnings,
        ),
        Deleted::Gone { object, .. } => answer::value(
            StatusCode::OK,
            &success(call, &object),
            accepted.media,
            &request.notes.warnings,
        ),
        Deleted::Terminating(object) => {
            // Only the namespace controller asks like this, and reads the code.
            let code = if asked.orphan_dependents == Some(false) {
                StatusCode::ACCEPTED
            } else {
                StatusCode::OK
            };
            answer::object(definition, code, &Shown::Value(object), accepted, &call.warnings)
        }
    })
}

fn success(call: &Call<'_>, object: &Value) -> Value {
    let names = &call.resource.definition().names;
    let mut details = json!({"name": call.info.name, "kind": names.plural, "uid": object::text(object, "uid")});
    if !names.group.is_empty() {
        details["group"] = names.group.as_str().into();
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// A verb on one object needs its name in the path.
pub(super) fn expect_name(call: &Call<'_>) -> Result<(), Status> {
    if call.info.name.is_empty() {
        Err(Status::method_not_supported())
    } else {
        Ok(())
    }
}

/// What a DELETE asks for, in its body or, without one, in its query.
pub(super) struct AskedDeletion {
    pub(super) options: DeleteOptions,
    pub(super) orphan_dependents: Option<bool>,
}

impl AskedDeletion {
    pub(super) fn parse(call: &Call<'_>) -> Result<AskedDeletion, Status> {
        let asked = if call.body.is_empty() {
            from_query(call)?
        } else {
            from_body(call)?
        };
        AskedDeletion::check(&asked)
    }

    fn check(asked: &Value) -> Result<AskedDeletion, Status> {
        let mut errors = Vec::new();
        let orphan_dependents = asked["orphanDependents"].as_bool();
        let policy = asked["propagationPolicy"].as_str();
        if let (Some(_), Some(policy)) = (orphan_dependents, policy) {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            errors.push(FieldError::invalid("propagationPolicy", policy, detail));
        }
        let propagation = match policy {
            None | Some("") => orphan_dependents.map(|orphan| {
                if orphan {
                    Propagation::Orphan
                } else {
                    Propagation::Background
                }
            }),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Background") => Some(Propagation::Background),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(other) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                errors.push(FieldError::not_supported("propagationPolicy", other, &supported));
                None
            }
        };
        let dry_run: Vec<&str> = asked["dryRun"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if dry_run.iter().any(|value| *value != "All") {
            errors.push(FieldError::not_supported("dryRun", dry_run.clone(), &["All"]));
        }
        if !errors.is_empty() {
            return Err(Status::invalid_options("DeleteOptions", errors));
        }
        let precondition = |field: &str| asked["preconditions"][field].as_str().map(str::to_owned);
        let options = DeleteOptions {
            propagation,
            preconditions: Preconditions {
                uid: precondition("uid"),
                resource_version: precondition("resourceVersion"),
            },
            dry_run: !dry_run.is_empty(),
            grace_period_seconds: asked["gracePeriodSeconds"].as_i64(),
        };
        Ok(AskedDeletion {
            options,
            orphan_dependents,
        })
    }
}

fn from_body(call: &Call<'_>) -> Result<Value, Status> {
    let decoded = match BodyFormat::of(call.headers)? {
        BodyFormat::Json => body::json(call.body),
        BodyFormat::Yaml => body::yaml(call.body),
    };
    let asked = decoded.map_err(|error| Status::bad_request(error.to_string()))?.value;
    if !asked.is_object() {
        let why = "couldn't get version/kind; json parse error: json: cannot unmarshal a value that is no object";
        return Err(Status::bad_request(why));
    }
    let text = |field: &str| asked[field].as_str().unwrap_or_default();
    if !matches!(text("kind"), "" | "DeleteOptions") {
        return Err(Status::bad_request(format!(
            "no kind {:?} is registered for version {:?} in scheme \"pkg/runtime/scheme.go:111\"",
            text("kind"),
            text("apiVersion"),
        )));
    }
    match mistyped(&asked) {
        Some(problem) => Err(Status::bad_request(problem)),
        None => Ok(asked),
    }
}

/// The first option that is no value of its type.
fn mistyped(asked: &Value) -> Option<String> {
    type Check = fn(&Value) -> bool;
    const TYPES: [(&str, &str, Check); 5] = [
        ("gracePeriodSeconds", "int64", Value::is_i64),
        ("preconditions", "v1.Preconditions", Value::is_object),
        ("orphanDependents", "bool", Value::is_boolean),
        ("propagationPolicy", "v1.DeletionPropagation", Value::is_string),
        ("dryRun", "[]string", Value::is_array),
    ];
    let (field, expected, _) = TYPES
        .iter()
        .find(|(field, _, is_right)| !(asked[*field].is_null() || is_right(&asked[*field])))?;
    let found = body::word(&asked[*field]);
    Some(format!(
        "json: cannot unmarshal {found} into Go struct field DeleteOptions.{field} of type {expected}"
    ))
}

fn from_query(call: &Call<'_>) -> Result<Value, Status> {
    let query = &call.info.query;
    let mut asked = json!({});
    if let Some(policy) = query.first("propagationPolicy") {
        asked["propagationPolicy"] = policy.into();
    }
    if let Some(orphan) = query.first("orphanDependents") {
        asked["orphanDependents"] = (orphan != "0" && !orphan.eq_ignore_ascii_case("false")).into();
    }
    if let Some(seconds) = query.first("gracePeriodSeconds").filter(|seconds| !seconds.is_empty()) {
        let seconds: i64 = seconds
            .parse()
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing \"{seconds}\": invalid syntax")))?;
        asked["gracePeriodSeconds"] = seconds.into();
    }
    if query.has("dryRun") {
        asked["dryRun"] = query.all("dryRun").map(Value::from).collect();
    }
    Ok(asked)
}
