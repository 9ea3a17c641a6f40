//! What an event must say. Both versions are judged as one: refusals name the fields as `core/v1` does.

use generic_apiserver::{FieldError, registry::naming::qualified_name_problems};
use serde_json::Value;

use super::about;
use crate::kinds::cells::{or, text};

const MOST_NAME: usize = 128;
const MOST_MESSAGE: usize = 1024;

/// Of any event. Those without an event time are of an older form, of which less is asked.
pub(super) fn any(event: &Value, is_core: bool) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let namespace = text(event, "/metadata/namespace");
    let involved = text(about(event), "/namespace");
    let allowed = match (involved, event["eventTime"].is_null()) {
        ("", true) => namespace == "default",
        ("", false) => matches!(namespace, "default" | "kube-system"),
        (involved, true) => involved == namespace,
        (_, false) => true,
    };
    if !allowed {
        let detail = "does not match event.namespace";
        errors.push(FieldError::invalid("involvedObject.namespace", involved, detail));
    }
    if event["eventTime"].is_null() {
        return errors;
    }
    let reporter = if is_core {
        "reportingComponent"
    } else {
        "reportingController"
    };
    let name = text(event, &format!("/{reporter}"));
    if name.is_empty() {
        errors.push(FieldError::required(reporter, ""));
    }
    let problems = qualified_name_problems(name).into_iter();
    errors.extend(problems.map(|problem| FieldError::invalid(reporter, name, problem)));
    for field in ["reportingInstance", "action", "reason"] {
        let value = text(event, &format!("/{field}"));
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        }
        errors.extend(limited(field, value, MOST_NAME));
    }
    errors.extend(limited("message", message(event), MOST_MESSAGE));
    errors
}

/// Of a new `events.k8s.io/v1` event, beside that.
pub(super) fn new(event: &Value) -> Vec<FieldError> {
    let mut errors = series(event);
    if event["eventTime"].is_null() {
        errors.push(FieldError::required("eventTime", ""));
    }
    let r#type = text(event, "/type");
    if !matches!(r#type, "Normal" | "Warning") {
        errors.push(FieldError::invalid("type", "", format!("has invalid value: {type}")));
    }
    let source = &event["deprecatedSource"];
    let set = [
        ("firstTimestamp", !event["deprecatedFirstTimestamp"].is_null()),
        ("lastTimestamp", !event["deprecatedLastTimestamp"].is_null()),
        ("count", event["deprecatedCount"].as_i64().unwrap_or_default() != 0),
        (
            "source",
            !or(text(source, "/component"), text(source, "/host")).is_empty(),
        ),
    ];
    let set = set.into_iter().filter(|(_, is_set)| *is_set);
    errors.extend(set.map(|(field, _)| FieldError::invalid(field, "", "needs to be unset")));
    errors
}

/// Of a changed `events.k8s.io/v1` event: only its series goes on.
pub(super) fn changed(event: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if event["series"] != old["series"] {
        errors.extend(series(event));
    }
    for (field, shown) in [
        ("reason", "reason"),
        ("note", "message"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
        ("type", "type"),
        ("eventTime", "eventTime"),
        ("action", "action"),
        ("reportingController", "reportingController"),
        ("reportingInstance", "reportingInstance"),
    ] {
        if event[field] != old[field] {
            errors.push(FieldError::invalid(shown, event[field].clone(), "field is immutable"));
        }
    }
    for (field, shown) in [("regarding", "involvedObject"), ("related", "related")] {
        if event[field] != old[field] {
            errors.push(FieldError::invalid(shown, "", "field is immutable").showing(&reference(&event[field])));
        }
    }
    errors
}

fn series(event: &Value) -> Vec<FieldError> {
    let series = &event["series"];
    let mut errors = Vec::new();
    if series.is_object() {
        if series["count"].as_i64().unwrap_or_default() < 2 {
            errors.push(FieldError::invalid("series.count", "", "should be at least 2"));
        }
        if series["lastObservedTime"].is_null() {
            errors.push(FieldError::required("series.lastObservedTime", ""));
        }
    }
    errors
}

/// A reference as kube-apiserver shows it: with the names that its fields have in Go.
fn reference(value: &Value) -> String {
    if !value.is_object() {
        return "null".to_owned();
    }
    let fields = [
        ("Kind", "/kind"),
        ("Namespace", "/namespace"),
        ("Name", "/name"),
        ("UID", "/uid"),
        ("APIVersion", "/apiVersion"),
        ("ResourceVersion", "/resourceVersion"),
        ("FieldPath", "/fieldPath"),
    ];
    let fields = fields.map(|(name, pointer)| format!("\"{name}\":{}", Value::from(text(value, pointer))));
    format!("{{{}}}", fields.join(","))
}

fn message(event: &Value) -> &str {
    or(text(event, "/message"), text(event, "/note"))
}

fn limited(field: &str, value: &str, most: usize) -> Option<FieldError> {
    let detail = || format!("can have at most {most} characters");
    (value.len() > most).then(|| FieldError::invalid(field, "", detail()))
}
