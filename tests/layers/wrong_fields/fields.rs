//! The fields of a spec that a type of ours has, with what the served definition says of each.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

use super::sample::sample;
use crate::upstream::compare::present;

/// A field, by the way to it from the object's root.
pub(super) struct Field<'s> {
    steps: Vec<Step<'s>>,
    /// What is served.
    pub(super) schema: &'s Value,
}

#[derive(Clone)]
enum Step<'s> {
    /// A field of an object, and the object's schema.
    Name(String, &'s Value),
    /// The first item of a list.
    Item(&'s Value),
    /// A key of a map.
    Key,
}

/// The name of the key of each map.
const KEY: &str = "key";

/// The spec and all fields below it: of `ours` those that it names, with what `served` says of them.
pub(super) fn all<'s>(ours: &Value, served: &'s Value) -> Result<Vec<Field<'s>>> {
    let mut fields = vec![];
    add(&ours["properties"]["spec"], "spec", served, &[], &mut fields)?;
    Ok(fields)
}

/// Adds a field of an object that the steps lead to, and all below it.
fn add<'s>(ours: &Value, name: &str, parent: &'s Value, steps: &[Step<'s>], fields: &mut Vec<Field<'s>>) -> Result<()> {
    let schema = parent["properties"].get(name);
    let schema = schema.with_context(|| format!("{name} is not served"))?;
    let steps = [steps, &[Step::Name(name.to_owned(), parent)]].concat();
    add_below(ours, schema, steps, fields)
}

fn add_below<'s>(ours: &Value, schema: &'s Value, steps: Vec<Step<'s>>, fields: &mut Vec<Field<'s>>) -> Result<()> {
    let ours = present(ours);
    fields.push(Field {
        steps: steps.clone(),
        schema,
    });
    for (name, field) in ours["properties"].as_object().into_iter().flatten() {
        add(field, name, schema, &steps, fields)?;
    }
    if let (Some(ours), Some(items)) = (ours.get("items"), schema.get("items")) {
        add_below(ours, items, [&steps[..], &[Step::Item(schema)]].concat(), fields)?;
    }
    if let (None, Some(ours), Some(values)) = (
        ours.get("properties"),
        ours.get("additionalProperties"),
        schema.get("additionalProperties"),
    ) {
        add_below(ours, values, [&steps[..], &[Step::Key]].concat(), fields)?;
    }
    Ok(())
}

impl Field<'_> {
    /// Whether null says the same as nothing: where nothing is required.
    pub(super) fn may_be_null(&self) -> bool {
        match self.steps.last() {
            Some(Step::Name(name, parent)) => {
                let mut required = parent["required"].as_array().into_iter().flatten();
                required.all(|required| required != name)
            }
            Some(Step::Item(_)) => false,
            Some(Step::Key) | None => true,
        }
    }

    /// What is beside `apiVersion`, `kind` and `metadata` of an object that is valid but for this field.
    pub(super) fn object_with(&self, value: Value) -> Value {
        let mut value = value;
        for step in self.steps.iter().rev() {
            value = match step {
                Step::Name(name, schema) => {
                    let mut object = sample(schema);
                    object[name] = value;
                    object
                }
                Step::Item(schema) => {
                    let mut items = sample(schema).as_array().cloned().unwrap_or_default();
                    items.splice(..items.len().min(1), [value]);
                    items.into()
                }
                Step::Key => [(KEY.to_owned(), value)].into_iter().collect(),
            };
        }
        value
    }
}

/// As messages write it.
impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            match step {
                Step::Name(name, _) if index == 0 => f.write_str(name)?,
                Step::Name(name, _) => write!(f, ".{name}")?,
                Step::Item(_) => f.write_str("[0]")?,
                Step::Key => write!(f, ".{KEY}")?,
            }
        }
        Ok(())
    }
}
