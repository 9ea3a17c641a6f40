//! PATCH: JSON patch, merge patch, strategic merge patch; server-side apply is next door.

use http::{Response, StatusCode};
use serde_json::Value;

use super::{
    Call,
    apply::{apply_configuration, configuration},
    delete::expect_name,
};
use crate::{
    negotiate::{Accepted, Answered, patch_type},
    patch::{self, PatchError},
    registry::{
        ResourceDefinition, Style, answer,
        write::{State, Update, WriteRequest},
    },
    request::options::{PatchType, WriteOptions},
    schema::{Schema, decode as body},
    serve::Body,
    status::Status,
};

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
            let change = |live: &Value| patch.apply(definition, live, &request);
            let change = Update::of(part, &change).into();
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
        &request.notes.warnings,
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
        let strategic = patch == PatchType::StrategicMerge;
        let mut decoded = body::json(bytes).map_err(|_| Status::bad_request("invalid JSON patch"))?;
        if patch == PatchType::Json {
            return Ok(Patch::Json(bytes));
        }
        if decoded.value.is_null() && strategic {
            decoded.value = Value::Object(serde_json::Map::new());
        }
        if !decoded.value.is_object() {
            return Err(Status::bad_request(no_object(&decoded.value, strategic)));
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
    fn patched(&self, schema: &Schema, live: &Value) -> Result<(Value, Vec<String>), Status> {
        match self {
            Patch::Json(bytes) => {
                let patched = patch::json_patch(live, bytes).map_err(refused)?;
                Ok((patched.value, patched.unknown))
            }
            Patch::Merge { patch, problems } => Ok((patch::merge_patch(live, patch), problems.clone())),
            Patch::Strategic { patch, problems } => {
                let value = patch::strategic_merge_patch(schema, live, patch).map_err(refused)?;
                Ok((value, problems.clone()))
            }
        }
    }

    /// The object that the patch makes of the live one, complete.
    pub(super) fn apply(
        &self,
        definition: &ResourceDefinition,
        live: &Value,
        request: &WriteRequest<'_>,
    ) -> Result<Value, Status> {
        let (value, problems) = self.patched(&definition.schema, live)?;
        let strategic = match self {
            Patch::Strategic { patch, .. } => Some(patch),
            Patch::Json(_) | Patch::Merge { .. } => None,
        };
        definition.complete_patched(value, problems, strategic, request)
    }
}

/// What is said to a patch that is JSON, but no object.
fn no_object(value: &Value, strategic: bool) -> String {
    if value.is_null() {
        return "Invalid JSON Patch".to_owned();
    }
    let found = body::word(value);
    let problem = format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}");
    if strategic {
        problem
    } else {
        format!("error decoding patch: {problem}")
    }
}

pub(super) fn refused(error: PatchError) -> Status {
    match error {
        PatchError::Malformed(message) => Status::bad_request(message),
        PatchError::TooManyOperations { .. } => Status::too_large(&error.to_string()),
        PatchError::NotApplicable(_) => Status::unprocessable(),
    }
}
