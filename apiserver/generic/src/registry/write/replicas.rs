//! The numbers that `/scale` shows, on every write of the object: they must be numbers that a Scale can have.

use serde_json::Value;

use crate::{
    FieldError,
    registry::{ResourceDefinition, Scale},
};

/// What is wrong with the fields behind `/scale`.
pub(super) fn scale_errors(definition: &ResourceDefinition, object: &Value) -> Vec<FieldError> {
    let Some(Scale::Paths { spec, status, selector }) = &definition.scale else {
        return Vec::new();
    };
    let counts = [spec, status].into_iter().filter_map(|path| count_error(path, object));
    counts
        .chain(selector.iter().filter_map(|path| text_error(path, object)))
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
