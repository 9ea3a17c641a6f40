//! What `meta/v1 LabelSelector` and the selectors of access reviews may say.

use generic_apiserver::{
    FieldError,
    registry::naming::{label_value_problems, qualified_name_problems},
};
use serde_json::Value;

use super::cells::{items, text};

/// What is wrong with a label selector.
pub(super) fn validate(path: &str, selector: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let field = format!("{path}.matchLabels");
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        errors.extend(validate_key(&field, key));
        let value = value.as_str().unwrap_or_default();
        let problems = label_value_problems(value).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid(&field, value, problem)));
    }
    for (position, requirement) in items(selector, "/matchExpressions").iter().enumerate() {
        errors.extend(validate_label_requirement(
            &format!("{path}.matchExpressions[{position}]"),
            requirement,
            true,
        ));
    }
    errors
}

/// What is wrong with a requirement for labels; `known_only` when its operator must be one that this server knows.
pub(super) fn validate_label_requirement(path: &str, requirement: &Value, known_only: bool) -> Vec<FieldError> {
    let mut errors: Vec<_> = validate_values(path, requirement, known_only).into_iter().collect();
    errors.extend(validate_key(&format!("{path}.key"), text(requirement, "/key")));
    for (position, value) in items(requirement, "/values").iter().enumerate() {
        let value = value.as_str().unwrap_or_default();
        let problems = label_value_problems(value).into_iter();
        errors
            .extend(problems.map(|problem| FieldError::invalid(format!("{path}.values[{position}]"), value, problem)));
    }
    errors
}

/// What is wrong with a requirement for fields.
pub(super) fn validate_field_requirement(path: &str, requirement: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if text(requirement, "/key").is_empty() {
        errors.push(FieldError::required(format!("{path}.key"), "must be specified"));
    }
    errors.extend(validate_values(path, requirement, false));
    errors
}

fn validate_values(path: &str, requirement: &Value, known_only: bool) -> Option<FieldError> {
    let has_values = !items(requirement, "/values").is_empty();
    match text(requirement, "/operator") {
        "In" | "NotIn" => (!has_values).then(|| {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            FieldError::required(format!("{path}.values"), detail)
        }),
        "Exists" | "DoesNotExist" => has_values.then(|| {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            FieldError::forbidden(format!("{path}.values"), detail)
        }),
        other => {
            known_only.then(|| FieldError::invalid(format!("{path}.operator"), other, "not a valid selector operator"))
        }
    }
}

fn validate_key(field: &str, key: &str) -> Vec<FieldError> {
    let problems = qualified_name_problems(key).into_iter();
    problems
        .map(|problem| FieldError::invalid(field, key, problem))
        .collect()
}
