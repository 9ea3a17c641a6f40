//! From a request body to an object of a resource: decoded, checked for its kind, pruned, defaulted.

use serde_json::Value;

use super::{Decoder, Names, ResourceDefinition, Style, embedded, object, typed_metadata, write::WriteRequest};
use crate::{
    negotiate::BodyFormat,
    patch,
    request::options::FieldValidation,
    schema::decode,
    status::{FieldError, Status},
};

impl ResourceDefinition {
    /// The object of a POST or PUT body.
    pub(super) fn decode(&self, body: &[u8], format: BodyFormat, request: &WriteRequest<'_>) -> Result<Value, Status> {
        let decoded = decode_body(body, format, self)?;
        let mut object = decoded.value;
        check_kind(self, &mut object, body)?;
        hold(self, &mut object, Decoder::Json).map_err(|problem| cannot_be_handled(self, &problem))?;
        let mut problems: Vec<String> = decoded
            .duplicates
            .iter()
            .map(|path| format!("duplicate field \"{path}\""))
            .collect();
        problems.extend(self.prune(&mut object));
        if is_list(self, &object) {
            problems.clear();
        }
        report(&problems, request, |problems| {
            cannot_be_handled(self, &format!("strict decoding error: {problems}"))
        })?;
        self.schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// 422 for a decoded object of another kind.
    pub(super) fn refuse_other_kind(&self, object: &Value) -> Result<(), Status> {
        refuse_kind(&self.names, object["kind"].as_str().unwrap_or_default(), object)
    }

    /// Prunes and defaults the result of a patch. `problems` were found in the patch itself; `strategic` is that patch, if it is one.
    pub(super) fn complete_patched(
        &self,
        mut object: Value,
        mut problems: Vec<String>,
        strategic: Option<&Value>,
        request: &WriteRequest<'_>,
    ) -> Result<Value, Status> {
        let refused = |object: &str, problem: String| {
            let shown = strategic.map_or_else(|| object.to_owned(), patch::printed);
            Status::invalid("", "", "", vec![FieldError::invalid("patch", shown, problem)])
        };
        match check_patched_kind(self, &mut object) {
            // Struct by struct, nobody looks at the kind.
            Err(_) if strategic.is_some() && object["kind"].is_string() && object["apiVersion"].is_string() => {
                object["apiVersion"] = self.names.api_version().into();
                object["kind"] = self.names.kind.as_str().into();
            }
            Err(problem) if self.style != Style::Custom => {
                return Err(refused(&object.to_string(), problem.message));
            }
            outcome => outcome?,
        }
        let decoder = strategic.map_or(Decoder::Json, |_| Decoder::Unstructured);
        hold(self, &mut object, decoder).map_err(|problem| refused(&object.to_string(), problem))?;
        let whole = if request.options.field_validation == FieldValidation::Strict {
            object.to_string()
        } else {
            String::new()
        };
        problems.extend(self.prune(&mut object));
        report(&problems, request, |problems| {
            refused(&whole, format!("strict decoding error: {problems}"))
        })?;
        self.schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// Fills in what an object made in this process may leave out.
    pub(super) fn complete(&self, mut object: Value, request: &WriteRequest<'_>) -> Result<Value, Status> {
        let names = &self.names;
        if !object.is_object() {
            return Err(Status::bad_request(format!("a {} must be an object", names.kind)));
        }
        object["apiVersion"] = names.api_version().into();
        object["kind"] = names.kind.clone().into();
        hold(self, &mut object, Decoder::Json).map_err(Status::bad_request)?;
        request
            .notes
            .warnings
            .extend(self.prune(&mut object).into_iter().map(|path| path_problem(&path)));
        self.schema.apply_defaults(&mut object);
        Ok(object)
    }

    /// Gives an object the form of its kind's struct again, after something was set in it.
    pub(super) fn reform(&self, object: &mut Value, decoder: Decoder) {
        if self.hold.is_some()
            && let Err(problem) = hold_struct(self, object, decoder)
        {
            // An applied object that does not fit is refused by its schema.
            tracing::debug!(problem, "an object does not fit its struct");
        }
    }

    /// What the kind's struct shows when nothing is set; none for a custom resource, which has no struct.
    pub(super) fn blank(&self) -> Option<Value> {
        self.hold?;
        let mut blank = serde_json::json!({"apiVersion": self.names.api_version(), "kind": self.names.kind});
        self.reform(&mut blank, Decoder::Json);
        Some(blank)
    }

    /// Removes fields that the schema does not know and says which.
    fn prune(&self, object: &mut Value) -> Vec<String> {
        object::metadata_mut(object);
        self.schema
            .prune(object)
            .into_iter()
            .map(|path| path_problem(&path))
            .collect()
    }
}

/// Gives a decoded object the form of its kind's struct; of a custom resource only the metadata has one.
pub(super) fn hold(definition: &ResourceDefinition, object: &mut Value, decoder: Decoder) -> Result<(), String> {
    if definition.hold.is_some() {
        hold_struct(definition, object, decoder)?;
    } else {
        if let Some(problem) = typed_metadata::problem(object) {
            return Err(problem);
        }
        if let Some(problem) = embedded::problem(&definition.schema, object) {
            return Err(problem.to_string());
        }
        // Of a custom resource, only an empty entry forgets them.
        if has_no_managers(object) {
            object::set(object, "managedFields", Value::Null);
        }
    }
    typed_metadata::tidy(object);
    Ok(())
}

/// A struct leaves empty lists out; but one of managers was sent to forget them all.
fn hold_struct(definition: &ResourceDefinition, object: &mut Value, decoder: Decoder) -> Result<(), String> {
    let Some(hold) = definition.hold else {
        return Ok(());
    };
    let forgets = has_no_managers(object);
    hold(object, decoder)?;
    if forgets {
        object::set(object, "managedFields", Value::Array(Vec::new()));
    }
    Ok(())
}

/// Whether there is a list of managers with nobody in it.
fn has_no_managers(object: &Value) -> bool {
    let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    managers.is_some_and(Vec::is_empty)
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
fn decode_body(body: &[u8], format: BodyFormat, definition: &ResourceDefinition) -> Result<decode::Decoded, Status> {
    match decode_object(body, format, &definition.names.kind) {
        // A struct of which nothing is set.
        Err(_) if definition.style != Style::Custom && body.trim_ascii() == b"null" => Ok(decode::Decoded {
            value: Value::Object(serde_json::Map::new()),
            duplicates: Vec::new(),
        }),
        decoded => decoded,
    }
}

/// Decodes a body that must be an object of this kind.
pub(super) fn decode_object(body: &[u8], format: BodyFormat, kind: &str) -> Result<decode::Decoded, Status> {
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
/// its values, by [`ResourceDefinition::refuse_other_kind`].
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
