//! What the spec of an access review must say.

use generic_apiserver::FieldError;
use serde_json::{Value, json};

use crate::kinds::{
    cells::{items, text},
    selector::{validate_field_requirement, validate_label_requirement},
};

/// Of a SelfSubjectAccessReview.
pub(super) fn own(review: &Value) -> Vec<FieldError> {
    let mut errors = one_question(review);
    errors.extend(selectors(review));
    errors.extend(no_metadata(review, &[], "must be empty"));
    errors
}

/// Of a SubjectAccessReview.
pub(super) fn others(review: &Value) -> Vec<FieldError> {
    let mut errors = of_somebody(review);
    errors.extend(no_metadata(review, &[], "must be empty"));
    errors
}

/// Of a LocalSubjectAccessReview.
pub(super) fn local(review: &Value) -> Vec<FieldError> {
    let mut errors = of_somebody(review);
    errors.extend(no_metadata(
        review,
        &["namespace"],
        "must be empty except for namespace",
    ));
    let asked = &review["spec"]["resourceAttributes"];
    let namespace = text(asked, "/namespace");
    if asked.is_object() && namespace != text(review, "/metadata/namespace") {
        let field = "spec.resourceAttributes.namespace";
        errors.push(FieldError::invalid(field, namespace, "must match metadata.namespace"));
    }
    if let Some(path) = path_question(review) {
        let field = "spec.nonResourceAttributes";
        errors.push(FieldError::invalid(field, path, "disallowed on this kind of request"));
    }
    errors
}

fn of_somebody(review: &Value) -> Vec<FieldError> {
    let mut errors = one_question(review);
    if text(review, "/spec/user").is_empty() && items(review, "/spec/groups").is_empty() {
        let detail = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", detail));
    }
    errors.extend(selectors(review));
    errors
}

fn one_question(review: &Value) -> Vec<FieldError> {
    const DETAIL: &str = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    match (review["spec"]["resourceAttributes"].is_object(), path_question(review)) {
        (true, Some(path)) => vec![FieldError::invalid("spec", path, DETAIL)],
        (false, None) => vec![FieldError::invalid_absent("spec", DETAIL)],
        _ => Vec::new(),
    }
}

/// `spec.nonResourceAttributes` as refusals show it: with the names that its fields have in Go.
fn path_question(review: &Value) -> Option<Value> {
    let asked = Some(&review["spec"]["nonResourceAttributes"]).filter(|asked| asked.is_object())?;
    Some(json!({"Path": text(asked, "/path"), "Verb": text(asked, "/verb")}))
}

fn selectors(review: &Value) -> Vec<FieldError> {
    let asked = &review["spec"]["resourceAttributes"];
    let mut errors = selector(asked, "fieldSelector", validate_field_requirement);
    errors.extend(selector(asked, "labelSelector", |path, requirement| {
        validate_label_requirement(path, requirement, false)
    }));
    errors
}

fn selector(asked: &Value, name: &str, validate: impl Fn(&str, &Value) -> Vec<FieldError>) -> Vec<FieldError> {
    let selector = &asked[name];
    if !selector.is_object() {
        return Vec::new();
    }
    let path = format!("spec.resourceAttributes.{name}");
    let (raw, requirements) = (text(selector, "/rawSelector"), items(selector, "/requirements"));
    let mut errors = Vec::new();
    if !raw.is_empty() && !requirements.is_empty() {
        let detail = "may not specified at the same time as requirements";
        errors.push(FieldError::invalid(format!("{path}.rawSelector"), raw, detail));
    }
    if raw.is_empty() && requirements.is_empty() {
        let detail = format!("when {path} is specified, requirements or rawSelector is required");
        errors.push(FieldError::required(format!("{path}.requirements"), detail));
    }
    let requirements = requirements.iter().enumerate();
    errors.extend(
        requirements
            .flat_map(|(position, requirement)| validate(&format!("{path}.requirements[{position}]"), requirement)),
    );
    errors
}

/// A review is not kept, so nothing of it can be named or labelled.
fn no_metadata(review: &Value, allowed: &[&str], detail: &str) -> Option<FieldError> {
    let fields = review["metadata"].as_object()?;
    let is_empty = fields.keys().all(|field| allowed.contains(&field.as_str()));
    (!is_empty).then(|| FieldError::invalid("metadata", review["metadata"].clone(), detail))
}
