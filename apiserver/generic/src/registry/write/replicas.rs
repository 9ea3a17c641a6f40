//! The numbers behind `/scale`: as a Scale shows them, and what they may be on every write of the object.

use serde_json::{Map, Value, json};

use crate::{
    FieldError,
    registry::{ResourceDefinition, Scale, ScaleValues, Style, scale_kind::API_VERSION},
    status::Status,
    table::json_path_first,
};

/// The replicas that a writer is shown where the object has none.
pub(in crate::registry) const UNSET: i64 = i32::MIN as i64;

/// The Scale of an object. 500 where it has no replicas.
pub(in crate::registry) fn view(
    definition: &ResourceDefinition,
    scale: &Scale,
    object: &Value,
) -> Result<Value, Status> {
    let values = values(definition, scale, object)?;
    let (Scale::Paths { spec, .. }, UNSET) = (scale, values.desired) else {
        return Ok(shown(&values, object));
    };
    Err(Status::internal(format!(
        "Internal error occurred: the spec replicas field \"{spec}\" does not exist"
    )))
}

/// The Scale of an object, also where it has no replicas: they are then [`UNSET`].
pub(in crate::registry) fn writable_view(
    definition: &ResourceDefinition,
    scale: &Scale,
    object: &Value,
) -> Result<Value, Status> {
    values(definition, scale, object).map(|values| shown(&values, object))
}

fn shown(values: &ScaleValues, object: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut status = json!({"replicas": values.observed});
    if !values.selector.is_empty() {
        status["selector"] = values.selector.as_str().into();
    }
    let spec = match values.desired {
        0 => json!({}),
        desired => json!({"replicas": desired}),
    };
    json!({"kind": "Scale", "apiVersion": API_VERSION, "metadata": metadata, "spec": spec, "status": status})
}

fn values(definition: &ResourceDefinition, scale: &Scale, object: &Value) -> Result<ScaleValues, Status> {
    let Scale::Paths { spec, status, selector } = scale else {
        return definition.strategy.scale(object);
    };
    let count = |path: &str| json_path_first(path, object).and_then(Value::as_i64);
    let selector = selector.as_deref().and_then(|path| json_path_first(path, object));
    Ok(ScaleValues {
        desired: count(spec).unwrap_or(UNSET),
        observed: count(status).unwrap_or(0),
        selector: selector.map(selector_text).unwrap_or_default(),
    })
}

/// Whether the object says how many replicas it wants.
pub(in crate::registry) fn has_replicas(scale: &Scale, object: &Value) -> bool {
    match scale {
        Scale::Paths { spec, .. } => json_path_first(spec, object).is_some_and(Value::is_i64),
        Scale::Strategy => true,
    }
}

/// A selector in the form that a list takes: custom resources keep it so, built-in kinds as a `LabelSelector`.
fn selector_text(selector: &Value) -> String {
    if let Value::String(text) = selector {
        return text.clone();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| (key.clone(), format!("{key}={}", text(value))));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    let expressions = expressions.map(|expression| {
        let key = text(&expression["key"]);
        let mut values: Vec<String> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        values.sort();
        let values = values.join(",");
        let requirement = match expression["operator"].as_str().unwrap_or_default() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        };
        (key, requirement)
    });
    let mut requirements: Vec<(String, String)> = labels.chain(expressions).collect();
    requirements.sort_by(|a, b| a.0.cmp(&b.0));
    let requirements: Vec<String> = requirements.into_iter().map(|(_, requirement)| requirement).collect();
    requirements.join(",")
}

/// Sets the replicas that a Scale wants.
pub(in crate::registry) fn set_replicas(
    definition: &ResourceDefinition,
    scale: &Scale,
    object: &mut Value,
    replicas: i64,
) -> Result<(), Status> {
    match scale {
        Scale::Paths { spec, .. } => set_path(object, spec, replicas),
        Scale::Strategy => definition.strategy.set_scale(object, replicas),
    }
}

/// Sets the value at a dotted path such as `.spec.replicas`, making objects on the way.
fn set_path(object: &mut Value, path: &str, value: i64) -> Result<(), Status> {
    let mut at = object;
    for field in path.split('.').filter(|field| !field.is_empty()) {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        let fields = at
            .as_object_mut()
            .ok_or_else(|| Status::internal(format!("{path} leads through no object")))?;
        at = fields.entry(field).or_insert(Value::Null);
    }
    *at = value.into();
    Ok(())
}

/// What is wrong with the fields behind `/scale`.
pub(super) fn scale_errors(definition: &ResourceDefinition, object: &Value) -> Vec<FieldError> {
    let Some(Scale::Paths { spec, status, selector }) = &definition.scale else {
        return Vec::new();
    };
    let counts = [spec, status].into_iter().filter_map(|path| count_error(path, object));
    // A built-in kind's is no text.
    let selector = selector.iter().filter(|_| definition.style == Style::Custom);
    counts
        .chain(selector.filter_map(|path| text_error(path, object)))
        .collect()
}

fn count_error(path: &str, object: &Value) -> Option<FieldError> {
    let found = match at(path, object) {
        Ok(found) => found?,
        Err(problem) => return Some(FieldError::invalid(path, 0, problem)),
    };
    match found.as_i64() {
        None => Some(FieldError::invalid(path, 0, misplaced(path, found, "int64"))),
        Some(count) if count < 0 => Some(FieldError::invalid(path, count, "should be a non-negative integer")),
        Some(count) if count > i64::from(i32::MAX) => {
            let detail = format!("should be less than or equal to {}", i32::MAX);
            Some(FieldError::invalid(path, count, detail))
        }
        Some(_) => None,
    }
}

fn text_error(path: &str, object: &Value) -> Option<FieldError> {
    match at(path, object) {
        Err(problem) => Some(FieldError::invalid(path, "", problem)),
        Ok(Some(found)) if !found.is_string() => Some(FieldError::invalid(path, "", misplaced(path, found, "string"))),
        Ok(_) => None,
    }
}

/// The value at a dotted path; an error where the path leads through something else than objects.
fn at<'v>(path: &str, object: &'v Value) -> Result<Option<&'v Value>, String> {
    let mut at = object;
    for field in path.split('.').filter(|field| !field.is_empty()) {
        match at {
            Value::Object(fields) => match fields.get(field) {
                Some(next) => at = next,
                None => return Ok(None),
            },
            other => return Err(misplaced(path, other, "map[string]interface{}")),
        }
    }
    Ok(Some(at))
}

fn misplaced(path: &str, found: &Value, expected: &str) -> String {
    let (shown, kind) = match found {
        Value::Null => ("<nil>".to_owned(), "<nil>"),
        Value::Bool(_) => (found.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (found.to_string().trim_end_matches(".0").to_owned(), "float64"),
        Value::Number(_) => (found.to_string(), "int64"),
        Value::String(text) => (text.clone(), "string"),
        Value::Array(_) => (found.to_string(), "[]interface {}"),
        Value::Object(_) => (found.to_string(), "map[string]interface {}"),
    };
    format!("{path} accessor error: {shown} is of the type {kind}, expected {expected}")
}
