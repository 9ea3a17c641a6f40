//! The Common Expression Language of `x-kubernetes-validations`, as kube-apiserver runs it.
//!
//! The crate `cel` parses, `kube-cel` has functions on addresses, versions and formats; the walk is our own, because it reads
//! the object in place and counts what it costs (docs/decisions/0016).

mod arithmetic;
mod compare;
mod compile;
mod evaluate;
mod expression;
mod fault;
mod functions;
mod identity;
mod macros;
mod named;
mod names;
mod parse;
#[cfg(test)]
mod tests;
mod time;
mod types;
mod url;
mod value;

use std::sync::Arc;

pub(crate) use self::{
    fault::{Budget, Fault},
    identity::{IdentityProgram, Over, user_object},
    named::{Named, NamedProgram},
    value::Value,
};

use self::{evaluate::Evaluation, expression::Expression};

/// A compiled expression: over `self` and `oldSelf`, or over variables of its own.
#[derive(Debug)]
pub(crate) struct Program {
    expression: Expression,
    uses_old: bool,
}

/// What a program must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool,
    Text,
}

/// What `oldSelf` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldSelf {
    /// The old value; without one, a program that uses it does not run.
    Value,
    /// `optional.of` the old value, or `optional.none()`.
    Optional,
}

impl Program {
    /// Compiles an expression over values of this schema. The error says what is wrong with it.
    pub(super) fn compile(
        source: &str,
        schema: &super::Schema,
        old_self: OldSelf,
        wanted: Wanted,
    ) -> Result<Program, String> {
        compile::program(source, schema, old_self, wanted)
    }

    /// Whether it needs `oldSelf`.
    pub(super) fn uses_old(&self) -> bool {
        self.uses_old
    }

    /// Runs it over a value and the old one, as [`OldSelf`] said.
    pub(super) fn run<'a>(
        &self,
        value: &Value<'a>,
        old: Option<&Value<'a>>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, Fault> {
        let old = old.cloned().unwrap_or(Value::Null);
        Evaluation::new(vec![value.clone(), old], budget, None).value(&self.expression)
    }

    /// Compiles an expression over these variables, of which nothing is known before it runs, and over named expressions as
    /// `variables.name`.
    pub(crate) fn over(source: &str, variables: &[&str], named: &[Box<str>]) -> Result<Program, String> {
        compile::over(source, variables, named)
    }

    /// Runs it over its variables, in the order in which it was compiled with them.
    pub(crate) fn run_over<'a>(
        &self,
        variables: &[Value<'a>],
        named: &mut Named<'a>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, Fault> {
        Evaluation::new(variables.to_vec(), budget, Some(named)).value(&self.expression)
    }
}

/// The old value as [`OldSelf::Optional`] has it.
pub(super) fn optional<'a>(old: Option<&Value<'a>>) -> Value<'a> {
    Value::Optional(old.cloned().map(Arc::new))
}
