//! The rules of lists and objects, enumerations, and schemas made of schemas.

use std::{borrow::Cow, collections::HashSet};

use serde_json::{Map, Value};

use super::{NO_FIELD, Problems, check, field_at, fits, quote, scalar::should, types};
use crate::{
    schema::{Schema, correlation::Correlation, path::Path, rules::Rules},
    status::FieldError,
};

pub(super) fn check_items<'a>(
    schema: &'a Schema,
    items: &'a [Value],
    path: Path<'_>,
    correlation: Correlation<'a>,
    problems: &mut Problems,
) {
    if let Some(item_schema) = schema.items() {
        let old_items = correlation.old_items();
        for (index, item) in items.iter().enumerate() {
            let correlation = correlation.item(item, &old_items);
            check(item_schema, item, Path::Index(&path, index), correlation, problems);
        }
    }
    let Some(rules) = schema.rules.as_deref() else { return };
    if let Some(min) = rules.min_items
        && items.len() < min
    {
        problems.add(|| {
            should(
                path,
                Value::from(items.len()),
                format_args!("have at least {min} items"),
            )
        });
    }
    if let Some(max) = rules.max_items
        && items.len() > max
    {
        problems.add(|| FieldError::too_many(field_at(path), items.len(), max));
    }
    if rules.unique_items && !are_unique(items) {
        problems.add(|| {
            let detail = format!("{path} in body shouldn't contain duplicates");
            FieldError::invalid(field_at(path), Value::from(""), detail)
        });
    }
}

fn are_unique(items: &[Value]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(item))
}

pub(super) fn check_fields(
    schema: &Schema,
    fields: &Map<String, Value>,
    path: Path<'_>,
    correlation: Correlation<'_>,
    problems: &mut Problems,
) {
    if let Some(rules) = schema.rules.as_deref() {
        check_sizes(rules, fields, path, problems);
    }
    for (name, value) in fields {
        if value.is_null() && schema.null_is_absent {
            continue;
        }
        if let Some(field) = schema.field(name) {
            check(
                field,
                value,
                Path::Field(&path, name),
                correlation.field(name),
                problems,
            );
        }
    }
    if let Some(rules) = schema.rules.as_deref() {
        for name in rules.required.iter().filter(|name| !fields.contains_key(name.as_ref())) {
            problems.add(|| FieldError::required(Path::Field(&path, name).to_string(), ""));
        }
    }
    if schema.embedded_resource {
        check_type_fields(fields, path, problems);
    }
}

fn check_sizes(rules: &Rules, fields: &Map<String, Value>, path: Path<'_>, problems: &mut Problems) {
    if let Some(min) = rules.min_properties
        && fields.len() < min
    {
        problems.add(|| {
            should(
                path,
                Value::from(fields.len()),
                format_args!("have at least {min} properties"),
            )
        });
    }
    if let Some(max) = rules.max_properties
        && fields.len() > max
    {
        problems.add(|| FieldError::too_many(field_at(path), fields.len(), max));
    }
}

/// An embedded object must say what it is.
fn check_type_fields(fields: &Map<String, Value>, path: Path<'_>, problems: &mut Problems) {
    for name in ["apiVersion", "kind"] {
        let Some(text) = fields.get(name).and_then(Value::as_str) else {
            continue;
        };
        if let Some(problem) = type_field_problem(name, text) {
            let field = Path::Field(&path, name);
            problems.add(|| FieldError::invalid(field.to_string(), text, problem));
        }
    }
}

fn type_field_problem(name: &str, text: &str) -> Option<String> {
    let is_kind = name == "kind";
    let is_label = || {
        text.len() <= 63
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && !text.ends_with('-')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if text.is_empty() {
        Some("must not be empty".to_owned())
    } else if !is_kind && text.matches('/').count() > 1 {
        Some(format!("unexpected GroupVersion string: {text}"))
    } else if is_kind && !is_label() {
        Some(KIND_FORM.to_owned())
    } else {
        None
    }
}

const KIND_FORM: &str = "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case \
                         alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric \
                         character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
                         '[a-z]([-a-z0-9]*[a-z0-9])?')";

pub(super) fn check_enum(schema: &Schema, value: &Value, path: Path<'_>, problems: &mut Problems) {
    let Some(rules) = schema.rules.as_deref() else { return };
    if rules.enumeration.is_empty() || rules.enumeration.iter().any(|accepted| is_same(accepted, value)) {
        return;
    }
    problems.add(|| {
        let accepted: Vec<Cow<'_, str>> = rules.enumeration.iter().map(text_of).collect();
        let accepted: Vec<&str> = accepted.iter().map(AsRef::as_ref).collect();
        FieldError::not_supported(field_at(path), value.clone(), &accepted)
    });
}

/// Equal, where `1` and `1.0` are the same. As for kube-apiserver, `null` in the list means nothing.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, _) => false,
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// `anyOf`, `oneOf`, `allOf` and `not`.
pub(super) fn check_branches(schema: &Schema, value: &Value, path: Path<'_>, problems: &mut Problems) {
    let Some(rules) = schema.rules.as_deref() else { return };
    let is_decided = rules.any_of.is_empty() || (rules.any_of_repeats_type && types::is_of_type(schema, value));
    if !is_decided && !rules.any_of.iter().any(|branch| fits(branch, value, path)) {
        problems.add(|| composite(path, "must validate at least one schema (anyOf)"));
        check(
            nearest(&rules.any_of, value),
            value,
            path,
            Correlation::default(),
            problems,
        );
    }
    if !rules.one_of.is_empty() {
        check_one_of(&rules.one_of, value, path, problems);
    }
    check_all_of(&rules.all_of, value, path, problems);
    if let Some(not) = &rules.not
        && fits(not, value, path)
    {
        problems.add(|| composite(path, "must not validate the schema (not)"));
    }
}

fn check_one_of(branches: &[Schema], value: &Value, path: Path<'_>, problems: &mut Problems) {
    let fitting = branches.iter().filter(|branch| fits(branch, value, path)).count();
    match fitting {
        1 => {}
        0 => {
            problems.add(|| composite(path, "must validate one and only one schema (oneOf). Found none valid"));
            check(nearest(branches, value), value, path, Correlation::default(), problems);
        }
        more => {
            let found = format!("Found {more} valid alternatives");
            problems.add(|| {
                composite(
                    path,
                    format_args!("must validate one and only one schema (oneOf). {found}"),
                )
            });
        }
    }
}

/// The branch whose errors tell the most: the first for a value of this type.
fn nearest<'a>(branches: &'a [Schema], value: &Value) -> &'a Schema {
    branches
        .iter()
        .find(|branch| types::is_of_type(branch, value))
        .unwrap_or(&branches[0])
}

fn check_all_of(branches: &[Schema], value: &Value, path: Path<'_>, problems: &mut Problems) {
    let fitting = branches.iter().filter(|branch| fits(branch, value, path)).count();
    if fitting == branches.len() {
        return;
    }
    for branch in branches {
        check(branch, value, path, Correlation::default(), problems);
    }
    let none = if fitting == 0 { ". None validated" } else { "" };
    problems.add(|| composite(path, format_args!("must validate all the schemas (allOf){none}")));
}

/// An error about a value as a whole; kube-apiserver names no field for it.
fn composite(path: Path<'_>, problem: impl std::fmt::Display) -> FieldError {
    let detail = format!("{} {problem}", quote(&path.to_string()));
    FieldError::invalid(NO_FIELD, Value::from(""), detail)
}
