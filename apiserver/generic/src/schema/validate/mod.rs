//! Validation: types and value rules, with kube-apiserver's texts.

mod compound;
mod scalar;
#[cfg(test)]
mod tests;
mod types;
mod unique;

use serde_json::Value;

pub(super) use types::type_name;

use super::{
    Schema,
    correlation::Correlation,
    path::{Allowance, Path},
};
use crate::status::FieldError;

impl Schema {
    /// Checks types and value rules, and that the items of set and map lists are unique. Of very many errors only the
    /// first are returned.
    pub fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut problems = Problems::reported();
        check(self, object, Path::Root, Correlation::default(), &mut problems);
        unique::check(self, object, Path::Root, &mut problems);
        problems.errors
    }

    /// The same for an object that replaces `old`: what is wrong in a part that was not changed is no error.
    pub fn validate_update(&self, object: &Value, old: &Value) -> Vec<FieldError> {
        // Nearly always nothing is wrong, and nothing needs to be compared.
        if self.validate(object).is_empty() {
            return Vec::new();
        }
        let mut problems = Problems::reported();
        let correlation = Correlation::of(self, object, old);
        check(self, object, Path::Root, correlation, &mut problems);
        if !unique::has_repeated(self, old) {
            unique::check(self, object, Path::Root, &mut problems);
        }
        problems.errors
    }
}

/// Checks one value and what is below it; in an update, what is wrong does not count where nothing was changed.
fn check<'a>(
    schema: &'a Schema,
    value: &'a Value,
    path: Path<'_>,
    correlation: Correlation<'a>,
    problems: &mut Problems,
) {
    if problems.is_decided() {
        return;
    }
    let before = problems.errors.len();
    check_value(schema, value, path, correlation, problems);
    if problems.errors.len() > before && correlation.is_unchanged() {
        problems.errors.truncate(before);
    }
}

fn check_value<'a>(
    schema: &'a Schema,
    value: &'a Value,
    path: Path<'_>,
    correlation: Correlation<'a>,
    problems: &mut Problems,
) {
    types::check(schema, value, path, problems);
    match value {
        Value::Null => {
            compound::check_enum(schema, value, path, problems);
            return;
        }
        Value::String(text) => scalar::check_text(schema, text, path, problems),
        Value::Number(number) => scalar::check_number(schema, number, path, problems),
        Value::Array(items) => compound::check_items(schema, items, path, correlation, problems),
        Value::Object(fields) => compound::check_fields(schema, fields, path, correlation, problems),
        Value::Bool(_) => {}
    }
    compound::check_enum(schema, value, path, problems);
    compound::check_branches(schema, value, path, problems);
}

/// What was found: the errors, or only whether there are any.
struct Problems {
    errors: Vec<FieldError>,
    found: bool,
    reporting: bool,
    allowance: Allowance,
}

impl Problems {
    fn reported() -> Problems {
        Problems {
            errors: Vec::new(),
            found: false,
            reporting: true,
            allowance: Allowance::new(),
        }
    }

    /// Only says whether there are any, and stops at the first.
    fn counted() -> Problems {
        Problems {
            reporting: false,
            ..Problems::reported()
        }
    }

    fn is_decided(&self) -> bool {
        self.found && !(self.reporting && self.allowance.is_left())
    }

    /// Adds a problem; its text is only made when somebody will read it.
    fn add(&mut self, error: impl FnOnce() -> FieldError) {
        self.found = true;
        if !self.reporting || !self.allowance.is_left() {
            return;
        }
        let error = error();
        self.allowance.take(error.field.len() + error.detail.len());
        self.errors.push(error);
    }
}

/// Whether the value fits, without making texts.
fn fits(schema: &Schema, value: &Value, path: Path<'_>) -> bool {
    let mut problems = Problems::counted();
    check(schema, value, path, Correlation::default(), &mut problems);
    !problems.found
}

/// The field of an error at this path.
pub(super) fn field_at(path: Path<'_>) -> String {
    match path {
        Path::Root => NO_FIELD.to_owned(),
        path => path.to_string(),
    }
}

/// The field of an error about a value as a whole: kube-apiserver names none.
const NO_FIELD: &str = "<nil>";

/// A string in quotes, as messages show it.
fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
