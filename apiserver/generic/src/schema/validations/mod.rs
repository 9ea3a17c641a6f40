//! `x-kubernetes-validations`: rules in the Common Expression Language, at any level of a schema.
//!
//! They are a tree of their own beside the schema, so that a schema without rules holds and costs nothing.

mod check;
mod rule;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::rule::ValidationRule;
use super::{
    Schema, SchemaError,
    node::{Additional, DeclaredListType},
};
use crate::status::FieldError;

/// The rules at and below one node of a schema.
#[derive(Debug, Default)]
pub(super) struct Validations {
    rules: Vec<ValidationRule>,
    properties: Vec<(Box<str>, Validations)>,
    additional: Option<Box<Validations>>,
    items: Option<Box<Validations>>,
}

/// What the rules of a schema say of an object.
#[derive(Debug, Default)]
pub struct RuleFindings {
    /// Any refuses the object.
    pub errors: Vec<FieldError>,
    /// What would be an error, had the value been changed.
    pub warnings: Vec<String>,
}

impl Schema {
    /// Whether there are rules in `x-kubernetes-validations` anywhere.
    pub fn has_validation_rules(&self) -> bool {
        self.validations.is_some()
    }

    /// Checks an object by the rules in `x-kubernetes-validations`; its structure must be valid already. `old` is the stored
    /// object that it replaces.
    pub fn check_validation_rules(&self, object: &Value, old: Option<&Value>) -> RuleFindings {
        match &self.validations {
            Some(validations) => check::check(validations, self, object, old),
            None => RuleFindings::default(),
        }
    }
}

impl Validations {
    /// Compiles the rules in the JSON of a schema; none where there are none. `path` names the place in errors.
    pub(super) fn compile(source: &Value, schema: &Schema, path: &str) -> Result<Option<Validations>, SchemaError> {
        Compiler {
            source,
            schema,
            path,
            correlatable: true,
        }
        .compile()
    }

    fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.properties.is_empty() && self.additional.is_none() && self.items.is_none()
    }
}

/// Whether there are rules anywhere in the JSON of a schema.
fn has_rules(source: &Value) -> bool {
    match source {
        Value::Object(fields) => fields.contains_key("x-kubernetes-validations") || fields.values().any(has_rules),
        Value::Array(items) => items.iter().any(has_rules),
        _ => false,
    }
}

/// One place of a schema: its JSON, and the node made of it.
struct Compiler<'a> {
    source: &'a Value,
    schema: &'a Schema,
    path: &'a str,
    /// Whether the values here have old ones that correspond to them.
    correlatable: bool,
}

impl Compiler<'_> {
    fn compile(&self) -> Result<Option<Validations>, SchemaError> {
        let mut found = Validations {
            rules: self.rules()?,
            ..Validations::default()
        };
        for (name, source) in self.source["properties"].as_object().into_iter().flatten() {
            if let Some(schema) = self.schema.property(name)
                && let Some(below) = self.below(source, schema, &format!("properties[{name}]"), true)?
            {
                found.properties.push((name.as_str().into(), below));
            }
        }
        if let Additional::Schema(schema) = &self.schema.additional {
            let below = self.below(
                &self.source["additionalProperties"],
                schema,
                "additionalProperties",
                true,
            )?;
            found.additional = below.map(Box::new);
        }
        if let Some(schema) = self.schema.items() {
            let by_key = matches!(self.schema.list_type, Some(DeclaredListType::Map(_)));
            let below = self.below(&self.source["items"], schema, "items", by_key)?;
            found.items = below.map(Box::new);
        }
        for keyword in ["allOf", "anyOf", "oneOf", "not"] {
            if has_rules(&self.source[keyword]) {
                return Err(self.error(keyword, "x-kubernetes-validations must be empty to be structural"));
            }
        }
        Ok((!found.is_empty()).then_some(found))
    }

    fn below(
        &self,
        source: &Value,
        schema: &Schema,
        step: &str,
        correlatable: bool,
    ) -> Result<Option<Validations>, SchemaError> {
        let path = if self.path.is_empty() {
            step.to_owned()
        } else {
            format!("{}.{step}", self.path)
        };
        let correlatable = self.correlatable && correlatable;
        Compiler {
            source,
            schema,
            path: &path,
            correlatable,
        }
        .compile()
    }

    fn rules(&self) -> Result<Vec<ValidationRule>, SchemaError> {
        let declared = match &self.source["x-kubernetes-validations"] {
            Value::Null => return Ok(Vec::new()),
            Value::Array(declared) => declared,
            _ => return Err(self.error("x-kubernetes-validations", "must be a list")),
        };
        let compiled = declared.iter().enumerate().map(|(at, declared)| {
            ValidationRule::compile(declared, self.schema, self.correlatable).map_err(|problem| {
                let field = format!("x-kubernetes-validations[{at}].{}", problem.field);
                self.error(&field, problem.message)
            })
        });
        compiled.collect()
    }

    fn error(&self, field: &str, message: impl Into<String>) -> SchemaError {
        let path = if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        };
        SchemaError {
            path,
            message: message.into(),
        }
    }
}
