//! Objects inside of objects, `x-kubernetes-embedded-resource`: their metadata is as that of whole objects.

use serde_json::Value;

use super::{typed_metadata, write::validate_metadata};
use crate::{schema::Schema, status::FieldError};

/// The first thing in embedded objects that kube-apiserver's types can't hold.
pub(super) fn problem(schema: &Schema, object: &Value) -> Option<FieldError> {
    let mut found = None;
    each(schema, object, &mut |path, embedded| {
        found = found.take().or_else(|| problem_of(path, embedded));
    });
    found
}

fn problem_of(path: &str, embedded: &Value) -> Option<FieldError> {
    let mistyped = ["apiVersion", "kind"].into_iter().find_map(|field| {
        let value = embedded.get(field).filter(|value| !value.is_string())?;
        let field = format!("{path}.{field}");
        Some(FieldError::invalid(field, value.clone(), "must be a string"))
    });
    mistyped.or_else(|| {
        let problem = typed_metadata::problem(embedded)?;
        Some(FieldError::invalid(
            format!("{path}.metadata"),
            embedded["metadata"].clone(),
            problem,
        ))
    })
}

/// What is wrong with the metadata of embedded objects.
pub(super) fn validate(schema: &Schema, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    each(schema, object, &mut |path, embedded| {
        let found = validate_metadata(embedded);
        errors.extend(found.into_iter().map(|mut error| {
            error.field = format!("{path}.{}", error.field);
            error
        }));
        if let Some(generation) = embedded["metadata"]["generation"]
            .as_i64()
            .filter(|generation| *generation < 0)
        {
            let field = format!("{path}.metadata.generation");
            errors.push(FieldError::invalid(
                field,
                generation,
                "must be greater than or equal to 0",
            ));
        }
    });
    errors
}

/// Calls `found` for each embedded object that is there, with its path.
fn each(schema: &Schema, object: &Value, found: &mut impl FnMut(&str, &Value)) {
    if schema.has_embedded_resources() {
        walk(schema, object, String::new(), found);
    }
}

fn walk(schema: &Schema, value: &Value, path: String, found: &mut impl FnMut(&str, &Value)) {
    if !schema.has_embedded_resources() {
        return;
    }
    match value {
        Value::Object(fields) => {
            if schema.embedded_resource() {
                found(&path, value);
            }
            for (name, value) in fields {
                if let Some(schema) = schema.property(name) {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    walk(schema, value, path, found);
                } else if let Some(schema) = schema.additional_properties() {
                    walk(schema, value, format!("{path}[{name}]"), found);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items() else { return };
            for (index, item) in items.iter().enumerate() {
                walk(schema, item, format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}
