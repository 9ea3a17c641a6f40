//! Expressions with a name, which others use as `variables.name`: each runs when it is first used, and once.

use super::{Fault, Program, Value};

/// An expression that others may use by its name.
#[derive(Debug)]
pub(crate) struct NamedProgram {
    /// Its name.
    pub(crate) name: Box<str>,
    /// It, or why it could not be compiled.
    pub(crate) program: Result<Program, String>,
}

/// What named expressions came to in one run.
pub(crate) struct Named<'a> {
    programs: &'a [NamedProgram],
    /// How many variables they are over.
    pub(super) roots: usize,
    known: Vec<Option<Result<Value<'a>, Fault>>>,
}

impl<'a> Named<'a> {
    /// Expressions over this many variables, none of which ran yet.
    pub(crate) fn new(programs: &'a [NamedProgram], roots: usize) -> Named<'a> {
        Named {
            programs,
            roots,
            known: vec![None; programs.len()],
        }
    }

    pub(super) fn known(&self, place: usize) -> Option<&Result<Value<'a>, Fault>> {
        self.known.get(place)?.as_ref()
    }

    pub(super) fn program(&self, place: usize) -> Result<&'a Program, Fault> {
        let named = self.programs.get(place).ok_or(Fault::NoSuchOverload)?;
        let failed = |why| Fault::error(format!("composited variable {:?} fails to compile: {why}", named.name));
        named.program.as_ref().map_err(failed)
    }

    /// Remembers what one came to, in the words of whoever uses it.
    pub(super) fn learn(&mut self, place: usize, outcome: Result<Value<'a>, Fault>) -> Result<Value<'a>, Fault> {
        let name = &self.programs[place].name;
        let outcome = outcome.map_err(|fault| match fault {
            Fault::TooExpensive => fault,
            fault => Fault::error(format!("composited variable {name:?} fails to evaluate: {fault}")),
        });
        self.known[place] = Some(outcome.clone());
        outcome
    }
}
