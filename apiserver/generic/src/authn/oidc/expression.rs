//! Expressions of the configuration: over a token's claims, and over the user that they give.

use serde_json::{Number, Value as Json};

use super::configuration::{InvalidConfiguration, invalid};
use crate::{
    authn::User,
    schema::cel::{Budget, Fault, IdentityProgram, Over, Value, user_object},
};

/// A compiled expression, and how it is written.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) source: String,
    program: IdentityProgram,
}

/// A condition that must hold, and what is said where it does not.
#[derive(Debug)]
pub(super) struct Condition {
    expression: Expression,
    message: String,
}

/// The claims as expressions see them, and what all of them may still cost.
pub(super) struct Claims {
    json: Json,
    budget: Budget,
}

impl Expression {
    /// One over claims, whatever it comes to.
    pub(super) fn of_claims(field: &str, source: String) -> Result<Expression, InvalidConfiguration> {
        Expression::compile(field, source, Over::Claims, false)
    }

    /// Whether it selects `claims.NAME`.
    pub(super) fn selects(&self, name: &str) -> bool {
        self.program.selects(name)
    }

    fn compile(field: &str, source: String, over: Over, wants_bool: bool) -> Result<Expression, InvalidConfiguration> {
        match IdentityProgram::compile(&source, over, wants_bool) {
            Ok(program) => Ok(Expression { source, program }),
            Err(why) => Err(invalid(field, &format!("{source:?}: {why}"))),
        }
    }

    fn failed(&self, fault: &Fault) -> String {
        format!("expression '{}' resulted in error: {fault}", self.source)
    }
}

impl Condition {
    pub(super) fn of_claims(field: &str, source: String, message: String) -> Result<Condition, InvalidConfiguration> {
        Expression::compile(field, source, Over::Claims, true).map(|expression| Condition { expression, message })
    }

    pub(super) fn of_user(field: &str, source: String, message: String) -> Result<Condition, InvalidConfiguration> {
        Expression::compile(field, source, Over::User, true).map(|expression| Condition { expression, message })
    }

    pub(super) fn expression(&self) -> &Expression {
        &self.expression
    }

    fn judged(&self, outcome: Result<Value<'_>, Fault>) -> Result<(), String> {
        match outcome.map_err(|fault| self.expression.failed(&fault))? {
            Value::Bool(true) => Ok(()),
            Value::Bool(false) => Err(format!(
                "validation expression '{}' failed: {}",
                self.expression.source, self.message
            )),
            _ => Err("validation expression must return a boolean".to_owned()),
        }
    }
}

impl Claims {
    /// Claims of a token whose signature is good. All their numbers are floats there, as for kube-apiserver.
    pub(super) fn new(claims: &Json) -> Claims {
        Claims {
            json: in_floats(claims),
            budget: Budget::of_token(),
        }
    }

    /// A text, and nothing else.
    pub(super) fn text(&mut self, what: &str, expression: &Expression) -> Result<String, String> {
        let value = expression.program.over_claims(&self.json, &mut self.budget);
        let value = value.map_err(|fault| expression.failed(&fault))?;
        let text = value.as_text().map(str::to_owned);
        text.ok_or_else(|| format!("{what} claim expression must return a string"))
    }

    /// Texts: one, several, or none where there is nothing or an empty one.
    pub(super) fn texts(&mut self, expression: &Expression) -> Result<Vec<String>, String> {
        let failed = |fault| expression.failed(&fault);
        let value = expression
            .program
            .over_claims(&self.json, &mut self.budget)
            .map_err(failed)?;
        let other = || "expression must return a string or a list of strings".to_owned();
        let texts: Vec<String> = match (value.as_text(), value.as_list()) {
            (Some(text), _) => vec![text.to_owned()],
            (None, Some(items)) => {
                let texts = items.map_err(failed)?;
                let texts = texts
                    .iter()
                    .map(|item| item.as_text().map(str::to_owned).ok_or_else(other));
                texts.collect::<Result<_, _>>()?
            }
            (None, None) if matches!(value, Value::Null) => Vec::new(),
            (None, None) => return Err(other()),
        };
        Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// Whether a condition holds over the claims; else why not.
    pub(super) fn check(&mut self, condition: &Condition) -> Result<(), String> {
        let program = &condition.expression.program;
        condition.judged(program.over_claims(&self.json, &mut self.budget))
    }

    /// Whether conditions hold over the user; else why not.
    pub(super) fn check_user(&mut self, conditions: &[Condition], user: &User) -> Result<(), String> {
        if conditions.is_empty() {
            return Ok(());
        }
        let user = user_object(user);
        for condition in conditions {
            let program = &condition.expression.program;
            condition.judged(program.over_user(&user, &mut self.budget))?;
        }
        Ok(())
    }
}

fn in_floats(json: &Json) -> Json {
    match json {
        Json::Number(number) => number
            .as_f64()
            .and_then(Number::from_f64)
            .map_or(Json::Null, Json::Number),
        Json::Array(items) => items.iter().map(in_floats).collect(),
        Json::Object(fields) => Json::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), in_floats(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
