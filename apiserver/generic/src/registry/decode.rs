//! From a request body to an object of a resource: decoded, checked for its kind, pruned, defaulted.

use serde_json::Value;

use super::{
    Decoder, Names, Resource, ResourceDefinition, Style, embedded, object, typed_metadata, write::WriteRequest,
};
use crate::{
    negotiate::BodyFormat,
    patch,
    request::options::FieldValidation,
    schema::decode,
    status::{FieldError, Status},
};

impl Resource {
    /// The object of a POST or PUT body.
    pub(super) fn decode(&self, body: &[u8], format: BodyFormat, request: &WriteRequest<'_>) -> Result<Value, Status> {
        let definition = self.definition();
        let decoded = decode_body(body, format, &definition.names.kind)?;
        let mut object = decoded.value;
        check_kind(definition, &mut object, body)?;
        hold(definition, &mut object, Decoder::Json).map_err(|problem| cannot_be_handled(definition, &problem))?;
        let mut problems: Vec<String> = decoded
            .duplicates
            .iter()
            .map(|path| format!("duplicate field \"{path}\""))
            .collect();
        problems.extend(self.prune(&mut object));
        if is_list(definition, &object) {
            problems.clear();
        }
        report(&problems, request, |problems| {
            cannot_be_handled(definition, &format!("strict decoding error: {problems}"))
        })?;
        definition.schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// 422 for a decoded object of another kind.
    pub(super) fn refuse_other_kind(&self, object: &Value) -> Result<(), Status> {
        refuse_kind(
            &self.definition().names,
            object["kind"].as_str().unwrap_or_default(),
            object,
        )
    }

    /// Prunes and defaults the result of a patch. `problems` were found in the patch itself; `strategic` is that patch, if it is one.
    pub(super) fn complete_patched(
        &self,
        mut object: Value,
        mut problems: Vec<String>,
        strategic: Option<&Value>,
        request: &WriteRequest<'_>,
    ) -> Result<Value, Status> {
        check_patched_kind(self.definition(), &mut object)?;
        let refused = |object: &str, problem: String| {
            let shown = strategic.map_or_else(|| object.to_owned(), patch::printed);
            Status::invalid("", "", "", vec![FieldError::invalid("patch", shown, problem)])
        };
        let decoder = strategic.map_or(Decoder::Json, |_| Decoder::Unstructured);
        hold(self.definition(), &mut object, decoder).map_err(|problem| refused(&object.to_string(), problem))?;
        let whole = if request.options.field_validation == FieldValidation::Strict {
            object.to_string()
        } else {
            String::new()
        };
        problems.extend(self.prune(&mut object));
        report(&problems, request, |problems| {
            refused(&whole, format!("strict decoding error: {problems}"))
        })?;
        self.definition().schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// Fills in what an object made in this process may leave out.
    pub(super) fn complete(&self, mut object: Value, request: &WriteRequest<'_>) -> Result<Value, Status> {
        let names = &self.definition().names;
        if !object.is_object() {
            return Err(Status::bad_request(format!("a {} must be an object", names.kind)));
        }
        object["apiVersion"] = names.api_version().into();
        object["kind"] = names.kind.clone().into();
        hold(self.definition(), &mut object, Decoder::Json).map_err(Status::bad_request)?;
        request
            .notes
            .warnings
            .extend(self.prune(&mut object).into_iter().map(|path| path_problem(&path)));
        self.definition().schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// Gives an object the form of its kind's struct again, after something was set in it.
    pub(super) fn reform(&self, object: &mut Value, decoder: Decoder) {
        if let Some(hold) = self.definition().hold
            && let Err(problem) = hold(object, decoder)
        {
            // An applied object that does not fit is refused by its schema.
            tracing::debug!(problem, "an object does not fit its struct");
        }
    }

    /// What the kind's struct shows when nothing is set; none for a custom resource, which has no struct.
    pub(super) fn blank(&self) -> Option<Value> {
        let definition = self.definition();
        definition.hold?;
        let mut blank =
            serde_json::json!({"apiVersion": definition.names.api_version(), "kind": definition.names.kind});
        self.reform(&mut blank, Decoder::Json);
        Some(blank)
    }

    /// Removes fields that the schema does not know and says which.
    fn prune(&self, object: &mut Value) -> Vec<String> {
        object::metadata_mut(object);
        self.definition()
            .schema
            .prune(object)
            .into_iter()
            .map(|path| path_problem(&path))
            .collect()
    }
}

/// Gives a decoded object the form of its kind's struct; of a custom resource only the metadata has one.
pub(super) fn hold(definition: &ResourceDefinition, object: &mut Value, decoder: Decoder) -> Result<(), String> {
    match definition.hold {
        Some(hold) => hold(object, decoder)?,
        None => {
            if let Some(problem) = typed_metadata::problem(object) {
                return Err(problem);
            }
            if let Some(problem) = embedded::problem(&definition.schema, object) {
                return Err(problem.to_string());
            }
        }
    }
    typed_metadata::tidy(object);
    Ok(())
}

/// Whether it is a list, which will be refused and whose fields nobody reports.
fn is_list(definition: &ResourceDefinition, object: &Value) -> bool {
    let kind = object["kind"].as_str().unwrap_or_default();
    kind != definition.names.kind && kind.ends_with("List")
}

fn path_problem(path: &str) -> String {
    format!("unknown field \"{path}\"")
}

/// Decodes a body that must be a JSON object. 400 with kube-apiserver's words otherwise.
pub(super) fn decode_body(body: &[u8], format: BodyFormat, kind: &str) -> Result<decode::Decoded, Status> {
    let decoded = match format {
        BodyFormat::Json => decode::json(body),
        BodyFormat::Yaml => decode::yaml(body),
    };
    match decoded {
        Ok(decoded) if decoded.value.is_object() => Ok(decoded),
        Ok(decoded) if decoded.value.is_null() => Err(unrecognized(kind, "Object 'Kind' is missing in 'null'", body)),
        Ok(_) => {
            let why = "couldn't get version/kind; json parse error: json: cannot unmarshal a value that is no object";
            Err(unrecognized(kind, why, body))
        }
        Err(error) => Err(unrecognized(kind, &error.to_string(), body)),
    }
}

/// Ignores, warns of or refuses fields, as the client asked. `refuse` makes the status from the joined problems.
pub(super) fn report(
    problems: &[String],
    request: &WriteRequest<'_>,
    refuse: impl FnOnce(&str) -> Status,
) -> Result<(), Status> {
    match request.options.field_validation {
        _ if problems.is_empty() => Ok(()),
        FieldValidation::Ignore => Ok(()),
        FieldValidation::Warn => {
            request.notes.warnings.extend(problems.iter().cloned());
            Ok(())
        }
        FieldValidation::Strict => Err(refuse(&problems.join(", "))),
    }
}

fn cannot_be_handled(definition: &ResourceDefinition, problem: &str) -> Status {
    let names = &definition.names;
    Status::bad_request(format!(
        "{kind} in version \"{}\" cannot be handled as a {kind}: {problem}",
        names.version,
        kind = names.kind
    ))
}

/// The first bytes of the body, in hex unless it looks like JSON.
fn unrecognized(kind: &str, why: &str, body: &[u8]) -> Status {
    let head = &body[..body.len().min(30)];
    let ellipsis = if body.len() > head.len() { " ..." } else { "" };
    let shown = match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => hex(head),
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({shown}{ellipsis})"
    ))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four_bits: u8| char::from(DIGITS[usize::from(four_bits)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Checks `apiVersion` and `kind`. Built-in kinds may leave them out, and then get them; the kind of a custom resource is judged with
/// its values, by [`Resource::refuse_other_kind`].
fn check_kind(definition: &ResourceDefinition, object: &mut Value, body: &[u8]) -> Result<(), Status> {
    let names = &definition.names;
    let expected = names.api_version();
    let custom = definition.style == Style::Custom;
    for field in ["apiVersion", "kind"] {
        if !(object[field].is_null() || object[field].is_string()) {
            let why = format!(
                "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{field} of type string",
                if object[field].is_number() { "number" } else { "a value" },
            );
            return Err(unrecognized(&names.kind, &why, body));
        }
    }
    let field = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (field("apiVersion"), field("kind"));
    if kind.is_empty() && custom {
        let why = format!("Object 'Kind' is missing in '{}'", String::from_utf8_lossy(body));
        return Err(unrecognized(&names.kind, &why, body));
    }
    if api_version.matches('/').count() > 1 {
        let why = format!("unexpected GroupVersion string: {api_version}");
        return Err(unrecognized(&names.kind, &why, body));
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let is_other = (!kind.is_empty() && kind != names.kind) || (!api_version.is_empty() && group != names.group);
    if !custom && is_other {
        let (given, version) = match api_version.as_str() {
            "" => (expected.as_str(), names.version.as_str()),
            given => (given, version),
        };
        let kind = if kind.is_empty() { &names.kind } else { &kind };
        return Err(Status::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {}: no kind \"{kind}\" is registered for version \"{given}\"",
            names.kind
        )));
    }
    if api_version != expected && (custom || !api_version.is_empty()) {
        return Err(Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({expected})"
        )));
    }
    object["apiVersion"] = expected.into();
    if kind.is_empty() {
        object["kind"] = names.kind.clone().into();
    }
    Ok(())
}

/// A patch may not make another kind of the object.
fn check_patched_kind(definition: &ResourceDefinition, object: &mut Value) -> Result<(), Status> {
    let names = &definition.names;
    if !object.is_object() {
        return Err(Status::bad_request(format!("the patched object is no {}", names.kind)));
    }
    if definition.style != Style::Custom {
        return check_kind(definition, object, b"");
    }
    let field = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (field("apiVersion"), field("kind"));
    if kind.is_empty() {
        let detail = format!("Object 'Kind' is missing in '{object}'");
        let error = FieldError::invalid("patch", object.to_string(), detail);
        return Err(Status::invalid("", "", "", vec![error]));
    }
    refuse_kind(names, &kind, object)?;
    let expected = names.api_version();
    if api_version != expected {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let error = FieldError::invalid("apiVersion", api_version.as_str(), format!("must be {expected}"));
        return Err(Status::invalid(
            &names.kind,
            group,
            object::text(object, "name"),
            vec![error],
        ));
    }
    Ok(())
}

fn refuse_kind(names: &Names, kind: &str, object: &Value) -> Result<(), Status> {
    if kind == names.kind {
        return Ok(());
    }
    let error = FieldError::invalid("kind", kind, format!("must be {}", names.kind));
    Err(Status::invalid(
        kind,
        &names.group,
        object::text(object, "name"),
        vec![error],
    ))
}
