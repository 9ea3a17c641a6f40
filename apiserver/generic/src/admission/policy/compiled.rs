//! Policies and bindings that are ready to be asked.

use serde::Deserialize as _;
use serde_json::Value;

use super::{
    super::{
        expression::{Expression, MatchConditions},
        matching::Matcher,
    },
    definition::{BindingObject, NamedExpression, ParamKind, ParamRef, PolicyObject, ValidationSpec},
};
use crate::schema::cel::NamedProgram;

/// A policy.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) matcher: Matcher,
    /// A failure lets the write through (`failurePolicy: Ignore`).
    pub(super) ignores_failures: bool,
    pub(super) param_kind: Option<ParamKind>,
    pub(super) variables: Vec<NamedProgram>,
    pub(super) conditions: MatchConditions,
    pub(super) validations: Vec<Validation>,
    /// Keys and values.
    pub(super) annotations: Vec<(String, Expression)>,
}

/// What must be true of a write.
#[derive(Debug)]
pub(super) struct Validation {
    pub(super) expression: Expression,
    pub(super) message: String,
    pub(super) message_expression: Option<Expression>,
    pub(super) reason: String,
}

/// A binding.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) policy: String,
    pub(super) matcher: Option<Matcher>,
    pub(super) param_ref: Option<ParamRef>,
    pub(super) actions: Vec<String>,
}

impl Policy {
    /// Reads and compiles a `ValidatingAdmissionPolicy`. An expression that can't be compiled fails when it is asked.
    pub(super) fn read(object: &Value) -> Result<Policy, String> {
        let PolicyObject { metadata, spec } = PolicyObject::deserialize(object).map_err(|error| error.to_string())?;
        let names: Vec<Box<str>> = spec
            .variables
            .iter()
            .map(|variable| variable.name.as_str().into())
            .collect();
        let variables = spec.variables.into_iter().enumerate();
        let variables = variables.map(|(at, NamedExpression { name, expression })| {
            // One uses those before it.
            Expression::compile(expression, &names[..at]).named(name)
        });
        let compile = |source: String| Expression::compile(source, &names);
        Ok(Policy {
            name: metadata.name,
            matcher: Matcher::new(spec.match_constraints.unwrap_or_default()),
            ignores_failures: spec.failure_policy.as_deref() == Some("Ignore"),
            param_kind: spec.param_kind,
            variables: variables.collect(),
            conditions: MatchConditions::new(
                spec.match_conditions
                    .into_iter()
                    .map(|condition| compile(condition.expression)),
            ),
            validations: spec
                .validations
                .into_iter()
                .map(|spec| Validation::new(spec, compile))
                .collect(),
            annotations: spec
                .audit_annotations
                .into_iter()
                .map(|annotation| (annotation.key, compile(annotation.value_expression)))
                .collect(),
        })
    }
}

impl Validation {
    fn new(spec: ValidationSpec, compile: impl Fn(String) -> Expression) -> Validation {
        let message_expression = Some(spec.message_expression).filter(|source| !source.is_empty());
        Validation {
            expression: compile(spec.expression),
            message: spec.message.trim().to_owned(),
            message_expression: message_expression.map(&compile),
            reason: spec.reason,
        }
    }
}

impl Binding {
    /// Reads a `ValidatingAdmissionPolicyBinding`.
    pub(super) fn read(object: &Value) -> Result<Binding, String> {
        let BindingObject { metadata, spec } = BindingObject::deserialize(object).map_err(|error| error.to_string())?;
        Ok(Binding {
            name: metadata.name,
            policy: spec.policy_name,
            matcher: spec.match_resources.map(Matcher::new),
            param_ref: spec.param_ref,
            actions: spec.validation_actions,
        })
    }
}
