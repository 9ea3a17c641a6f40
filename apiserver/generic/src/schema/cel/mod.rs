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
mod macros;
mod names;
#[cfg(test)]
mod tests;
mod time;
mod types;
mod url;
mod value;

use std::sync::Arc;

pub(super) use fault::{Budget, Fault};
pub(super) use value::Value;

use self::{evaluate::Evaluation, expression::Expression};

/// A compiled expression over `self` and `oldSelf`.
#[derive(Debug)]
pub(super) struct Program {
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
        let mut evaluation = Evaluation {
            stack: vec![value.clone(), old],
            budget,
        };
        evaluation.value(&self.expression)
    }
}

/// The old value as [`OldSelf::Optional`] has it.
pub(super) fn optional<'a>(old: Option<&Value<'a>>) -> Value<'a> {
    Value::Optional(old.cloned().map(Arc::new))
}
