//! The validation keywords of a schema.

use serde_json::{Map, Number, Value};

use super::{Builder, SchemaError};
use crate::schema::{
    Kind, Schema,
    decode::as_whole,
    formats::Format,
    rules::{Bound, DeclaredFormat, Pattern, Rules},
};

impl Builder {
    pub(super) fn rules(&mut self, source: &Map<String, Value>, node: &Schema) -> Result<Rules, SchemaError> {
        Ok(Rules {
            required: self.texts(source, "required")?.into_iter().map(Into::into).collect(),
            enumeration: self.list(source, "enum")?.into(),
            minimum: self.bound(source, "minimum", "exclusiveMinimum")?,
            maximum: self.bound(source, "maximum", "exclusiveMaximum")?,
            multiple_of: self.number(source, "multipleOf")?,
            min_length: self.count(source, "minLength")?,
            max_length: self.count(source, "maxLength")?,
            pattern: match self.text(source, "pattern")? {
                Some(pattern) if !pattern.is_empty() => Some(Pattern(self.pattern(pattern)?)),
                _ => None,
            },
            format: self
                .text(source, "format")?
                .filter(|format| !format.is_empty())
                .map(|name| DeclaredFormat {
                    name: name.into(),
                    check: Format::of(node.kind, name),
                }),
            min_items: self.count(source, "minItems")?,
            max_items: self.count(source, "maxItems")?,
            unique_items: self.flag(source, "uniqueItems")?,
            min_properties: self.count(source, "minProperties")?,
            max_properties: self.count(source, "maxProperties")?,
            all_of: self.schemas(source, "allOf")?,
            any_of: self.schemas(source, "anyOf")?,
            any_of_repeats_type: repeats_int_or_string(source, node),
            one_of: self.schemas(source, "oneOf")?,
            not: match source.get("not") {
                Some(schema) => Some(Box::new(self.branch("not".to_owned(), schema)?)),
                None => None,
            },
        })
    }

    /// A limit; its exclusiveness is a flag (OpenAPI 3.0) or a limit of its own (JSON Schema 2020-12).
    fn bound(&self, source: &Map<String, Value>, key: &str, exclusive: &str) -> Result<Option<Bound>, SchemaError> {
        if let Some(Value::Number(limit)) = source.get(exclusive) {
            return Ok(Some(Bound {
                limit: whole(limit),
                exclusive: true,
            }));
        }
        let exclusive = self.flag(source, exclusive)?;
        Ok(self.number(source, key)?.map(|limit| Bound { limit, exclusive }))
    }

    fn schemas(&mut self, source: &Map<String, Value>, key: &str) -> Result<Box<[Schema]>, SchemaError> {
        self.list(source, key)?
            .iter()
            .enumerate()
            .map(|(at, schema)| self.branch(format!("{key}[{at}]"), schema))
            .collect()
    }

    fn branch(&mut self, step: String, schema: &Value) -> Result<Schema, SchemaError> {
        let outer = std::mem::replace(&mut self.in_branch, true);
        let built = self.below(step, |builder| builder.node(schema));
        self.in_branch = outer;
        built
    }

    pub(super) fn flag(&self, source: &Map<String, Value>, key: &str) -> Result<bool, SchemaError> {
        match source.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Err(self.error(format!("{key} must be true or false"))),
        }
    }

    pub(super) fn text<'a>(&self, source: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, SchemaError> {
        match source.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.error(format!("{key} must be a string"))),
        }
    }

    pub(super) fn texts(&self, source: &Map<String, Value>, key: &str) -> Result<Vec<String>, SchemaError> {
        self.list(source, key)?
            .into_iter()
            .map(|value| match value {
                Value::String(text) => Ok(text),
                _ => Err(self.error(format!("{key} must be a list of strings"))),
            })
            .collect()
    }

    fn list(&self, source: &Map<String, Value>, key: &str) -> Result<Vec<Value>, SchemaError> {
        match source.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list.clone()),
            Some(_) => Err(self.error(format!("{key} must be a list"))),
        }
    }

    fn number(&self, source: &Map<String, Value>, key: &str) -> Result<Option<Number>, SchemaError> {
        match source.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(Some(whole(number))),
            Some(_) => Err(self.error(format!("{key} must be a number"))),
        }
    }

    fn count(&self, source: &Map<String, Value>, key: &str) -> Result<Option<usize>, SchemaError> {
        let Some(number) = self.number(source, key)? else {
            return Ok(None);
        };
        match number.as_u64().and_then(|count| usize::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(self.error(format!("{key} must be a whole number from 0 on"))),
        }
    }
}

/// A whole number as an integer, however it is written.
fn whole(number: &Number) -> Number {
    number
        .as_f64()
        .filter(|_| !number.is_i64())
        .and_then(as_whole)
        .map_or_else(|| number.clone(), Number::from)
}

/// Whether `anyOf` only repeats what `x-kubernetes-int-or-string` says.
fn repeats_int_or_string(source: &Map<String, Value>, node: &Schema) -> bool {
    let Some(Value::Array(branches)) = source.get("anyOf") else {
        return false;
    };
    let is_type = |branch: &Value, name: &str| {
        branch.as_object().is_some_and(|branch| branch.len() == 1)
            && branch.get("type").and_then(Value::as_str) == Some(name)
    };
    node.int_or_string
        && node.kind == Kind::Any
        && matches!(&branches[..], [first, second] if is_type(first, "integer") && is_type(second, "string"))
}
