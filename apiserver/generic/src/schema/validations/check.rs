//! Runs the rules over an object, as kube-apiserver does: every rule at every value that has one, within a budget.

use serde_json::Value as Json;

use super::{
    super::{
        ListType, Schema,
        cel::{self, Budget, Fault, OldSelf, Value},
        correlation::{Correlation, ListIndex},
        path::{Allowance, Path},
        validate::{field_at, type_name},
    },
    RuleFindings, Validations,
    rule::{MessageExpression, Reason, ValidationRule},
};
use crate::{
    schema::Kind,
    status::{FieldError, FieldErrorKind},
};

/// Longest message that an expression may make, in bytes.
const MAX_MESSAGE: usize = 5 * 1024;
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

pub(super) fn check(validations: &Validations, schema: &Schema, object: &Json, old: Option<&Json>) -> RuleFindings {
    let mut check = Check {
        findings: RuleFindings::default(),
        budget: Budget::new(),
        allowance: Allowance::new(),
    };
    let correlation = old.map_or_else(Correlation::default, |old| Correlation::of(schema, object, old));
    let place = Place {
        schema,
        value: object,
        old,
        correlation,
        path: Path::Root,
    };
    // Running out of the budget ends the walk; what it found says so.
    let _ended = check.walk(validations, place);
    check.findings
}

struct Check {
    findings: RuleFindings,
    budget: Budget,
    allowance: Allowance,
}

/// Where the walk stands.
#[derive(Clone, Copy)]
struct Place<'a, 'p> {
    schema: &'a Schema,
    value: &'a Json,
    /// The old value that `oldSelf` is.
    old: Option<&'a Json>,
    correlation: Correlation<'a>,
    path: Path<'p>,
}

/// Nothing more is checked.
struct Ended;

impl Check {
    fn walk(&mut self, validations: &Validations, place: Place<'_, '_>) -> Result<(), Ended> {
        if place.value.is_null() {
            return Ok(());
        }
        self.rules(&validations.rules, place)?;
        match place.value {
            Json::Array(items) => self.items(validations, items, place),
            Json::Object(fields) => {
                if let (Some(below), Some(schema)) = (&validations.additional, place.schema.additional_properties()) {
                    for (name, value) in fields {
                        self.walk(below, field(place, schema, name, value, Path::Key(&place.path, name)))?;
                    }
                }
                for (name, below) in &validations.properties {
                    if let (Some(value), Some(schema)) = (fields.get(&**name), place.schema.property(name)) {
                        self.walk(below, field(place, schema, name, value, Path::Field(&place.path, name)))?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn items(&mut self, validations: &Validations, items: &[Json], place: Place<'_, '_>) -> Result<(), Ended> {
        let (Some(below), Some(schema)) = (&validations.items, place.schema.items()) else {
            return Ok(());
        };
        let old_items = match place.old {
            Some(old) if place.schema.list_type() != ListType::Atomic => ListIndex::of(place.schema, old),
            _ => ListIndex::default(),
        };
        let correlated = place.correlation.old_items();
        for (at, value) in items.iter().enumerate() {
            let item = Place {
                schema,
                value,
                old: old_items.get(value),
                correlation: place.correlation.item(value, &correlated),
                path: Path::Index(&place.path, at),
            };
            self.walk(below, item)?;
        }
        Ok(())
    }

    fn rules(&mut self, rules: &[ValidationRule], place: Place<'_, '_>) -> Result<(), Ended> {
        if rules.is_empty() {
            return Ok(());
        }
        if !self.budget.is_left() {
            return Err(self.end(place, OUT_OF_BUDGET));
        }
        let value = Value::read(place.value, place.schema);
        let old = place
            .old
            .filter(|old| !old.is_null())
            .map(|old| Value::read(old, place.schema));
        let old = old.transpose();
        for rule in rules {
            if rule.program.uses_old() && rule.old_self == OldSelf::Value && matches!(old, Ok(None)) {
                continue;
            }
            self.rule(rule, &value, &old, place)?;
        }
        Ok(())
    }

    fn rule<'a>(
        &mut self,
        rule: &ValidationRule,
        value: &Result<Value<'a>, Fault>,
        old: &Result<Option<Value<'a>>, Fault>,
        place: Place<'a, '_>,
    ) -> Result<(), Ended> {
        self.budget.begin();
        let values = value.as_ref().and_then(|value| Ok((value, old.as_ref()?.as_ref())));
        let values = values.map(|(value, old)| match rule.old_self {
            OldSelf::Value => (value.clone(), old.cloned()),
            OldSelf::Optional => (value.clone(), Some(cel::optional(old))),
        });
        let outcome = values
            .clone()
            .map_err(Clone::clone)
            .and_then(|(value, old)| rule.program.run(&value, old.as_ref(), &mut self.budget));
        if !self.budget.end() {
            return Err(self.end(place, OUT_OF_BUDGET));
        }
        let name = rule.name();
        match outcome {
            Ok(Value::Bool(true)) => return Ok(()),
            Ok(Value::Bool(false)) => {}
            Ok(_) | Err(Fault::NoSuchOverload) => {
                let what = "call arguments did not match a supported operator, function or macro signature for rule";
                self.add(place, format!("'no such overload': {what}: {name}"));
                return Ok(());
            }
            Err(fault @ Fault::TooExpensive) => {
                let what = "no further validation rules will be run due to call cost exceeds limit for rule";
                return Err(self.end(place, &format!("'{fault}': {what}: {name}")));
            }
            Err(fault) => {
                self.add(place, format!("{fault} evaluating rule: {name}"));
                return Ok(());
            }
        }
        let message = match (&rule.message_expression, values) {
            // As kube-apiserver has it, the old value is never optional here.
            (Some(expression), Ok((value, _))) => {
                let old = old.as_ref().ok().and_then(Option::as_ref);
                self.message(expression, &value, old, place)?
            }
            _ => None,
        };
        let error = failed(rule, message.unwrap_or_else(|| rule.message()), place);
        if !rule.program.uses_old() && place.correlation.is_within_unchanged() {
            self.findings.warnings.push(error.to_string());
        } else {
            self.push(error);
        }
        Ok(())
    }

    /// The message that an expression makes; none when it makes nothing of use.
    fn message<'a>(
        &mut self,
        expression: &MessageExpression,
        value: &Value<'a>,
        old: Option<&Value<'a>>,
        place: Place<'_, '_>,
    ) -> Result<Option<String>, Ended> {
        self.budget.begin();
        let outcome = expression.program.run(value, old, &mut self.budget);
        let covered = self.budget.end();
        let source = quoted(&expression.source);
        if !covered {
            let why = "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run";
            return Err(self.end(place, why));
        }
        match outcome {
            Ok(Value::Text(text)) => {
                let text = text.trim();
                let is_of_use = !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n');
                Ok(is_of_use.then(|| text.to_owned()))
            }
            Err(Fault::TooExpensive) => {
                let why =
                    "no further validation rules will be run due to call cost exceeds limit for messageExpression";
                Err(self.end(place, &format!("{why}: {source}")))
            }
            _ => Ok(None),
        }
    }

    /// Says why nothing more is checked.
    fn end(&mut self, place: Place<'_, '_>, why: &str) -> Ended {
        self.add(place, why.to_owned());
        Ended
    }

    /// An error of a rule itself, which names the type of the value.
    fn add(&mut self, place: Place<'_, '_>, detail: String) {
        let type_name = type_name(place.schema);
        self.push(FieldError::invalid(field_at(place.path), type_name, detail));
    }

    fn push(&mut self, error: FieldError) {
        if self.allowance.is_left() {
            self.allowance.take(error.field.len() + error.detail.len());
            self.findings.errors.push(error);
        }
    }
}

fn field<'a, 'p>(
    place: Place<'a, '_>,
    schema: &'a Schema,
    name: &str,
    value: &'a Json,
    path: Path<'p>,
) -> Place<'a, 'p> {
    Place {
        schema,
        value,
        old: place.old.and_then(|old| old.get(name)),
        correlation: place.correlation.field(name),
        path,
    }
}

/// The error of a rule that came to false.
fn failed(rule: &ValidationRule, message: String, place: Place<'_, '_>) -> FieldError {
    let field = match (&rule.field_path, place.path) {
        (None, path) => field_at(path),
        (Some(field), Path::Root) => field.clone(),
        (Some(field), path) => format!("{path}.{field}"),
    };
    let kind = match rule.reason {
        Reason::Invalid => FieldErrorKind::Invalid,
        // A duplicate has no message.
        Reason::Duplicate => FieldErrorKind::Duplicate,
        Reason::Forbidden => return FieldError::forbidden(field, message),
        Reason::Required => return FieldError::required(field, message),
    };
    // Objects and lists are not shown.
    let shown = !matches!(place.schema.kind(), Kind::Object | Kind::Array);
    FieldError {
        kind,
        field,
        value: shown.then(|| place.value.clone()),
        detail: if kind == FieldErrorKind::Duplicate {
            String::new()
        } else {
            message
        },
    }
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}
