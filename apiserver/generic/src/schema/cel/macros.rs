//! The macros: loops over lists and maps, and optional values mapped.
//!
//! The parser has expanded those of the language itself into general loops, and their shape tells which it was; those that
//! libraries add come as calls.

use kube_cel::cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::{
    compile::{Compiled, Compiler, exactly},
    expression::{Expression, Loop, LoopKind},
    types::Type,
};

/// What a call of a method turned out to be.
pub(super) enum Found<'s> {
    Macro((Expression, Type<'s>)),
    Call(IdedExpr, Vec<IdedExpr>),
}

impl<'s> Compiler<'s> {
    /// A macro of the language, as the parser expanded it.
    pub(super) fn comprehension(&mut self, expanded: ComprehensionExpr) -> Compiled<'s> {
        let unknown = || "unknown macro".to_owned();
        let Expr::Call(step) = expanded.loop_step.expr else {
            return Err(unknown());
        };
        let (kind, filter, body) = match (expanded.accu_init.expr, step.func_name.as_str()) {
            (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_AND) => {
                let [_, body] = exactly(step.args)?;
                (LoopKind::All, None, body)
            }
            (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR) => {
                let [_, body] = exactly(step.args)?;
                (LoopKind::Exists, None, body)
            }
            (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL) => {
                let [body, _, _] = exactly(step.args)?;
                (LoopKind::ExistsOne, None, body)
            }
            (Expr::List(_), operators::CONDITIONAL) => {
                let [filter, step, _] = exactly(step.args)?;
                let Expr::Call(step) = step.expr else {
                    return Err(unknown());
                };
                (LoopKind::List, Some(filter), appended(step)?)
            }
            (Expr::List(_), operators::ADD) => (LoopKind::List, None, appended(step)?),
            _ => return Err(unknown()),
        };
        self.looped(kind, expanded.iter_range, &[expanded.iter_var], filter, body)
    }

    /// A macro that a library adds, or a call.
    pub(super) fn macro_call(
        &mut self,
        name: &str,
        target: IdedExpr,
        args: Vec<IdedExpr>,
    ) -> Result<Found<'s>, String> {
        let kind = match (name, args.len()) {
            ("all", 3) => LoopKind::All,
            ("exists", 3) => LoopKind::Exists,
            ("existsOne" | "exists_one", 3) => LoopKind::ExistsOne,
            ("transformList", 3 | 4) => LoopKind::List,
            ("transformMap", 3 | 4) => LoopKind::Map,
            ("transformMapEntry", 3 | 4) => LoopKind::Entries,
            ("sortBy", 2) => LoopKind::SortBy,
            ("optMap", 2) => return self.map_optional(target, args, false).map(Found::Macro),
            ("optFlatMap", 2) => return self.map_optional(target, args, true).map(Found::Macro),
            _ => return Ok(Found::Call(target, args)),
        };
        let mut args = args.into_iter();
        let variables = args
            .by_ref()
            .take(if kind == LoopKind::SortBy { 1 } else { 2 })
            .map(variable)
            .collect::<Result<Vec<_>, String>>()?;
        let mut rest: Vec<_> = args.collect();
        let body = rest.pop().ok_or("a macro without a body")?;
        self.looped(kind, target, &variables, rest.pop(), body)
            .map(Found::Macro)
    }

    fn looped(
        &mut self,
        kind: LoopKind,
        range: IdedExpr,
        variables: &[String],
        filter: Option<IdedExpr>,
        body: IdedExpr,
    ) -> Compiled<'s> {
        let (range, of_range) = self.compile(range)?;
        let types = of_range.variables(variables.len() == 2)?;
        let depth = self.variables.len();
        self.variables.extend(variables.iter().cloned().zip(types));
        let filter = filter.map(|filter| self.condition(filter)).transpose();
        let body = self.compile(body);
        self.variables.truncate(depth);
        let (filter, (body, of_body)) = (filter?, body?);
        let of = match kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => {
                if !matches!(of_body, Type::Bool | Type::Dyn | Type::Any) {
                    return Err(format!("expected type 'bool' but found '{}'", of_body.name()));
                }
                Type::Bool
            }
            LoopKind::List => Type::List(Box::new(of_body)),
            LoopKind::SortBy => of_range,
            LoopKind::Map => Type::Map(Box::new(of_body)),
            LoopKind::Entries => Type::Map(Box::new(Type::Dyn)),
        };
        let pairs = variables.len() == 2;
        let looped = Loop {
            kind,
            range,
            pairs,
            filter,
            body,
        };
        Ok((Expression::Loop(Box::new(looped)), of))
    }

    fn condition(&mut self, condition: IdedExpr) -> Result<Expression, String> {
        match self.compile(condition)? {
            (condition, Type::Bool | Type::Dyn | Type::Any) => Ok(condition),
            (_, of) => Err(format!("expected type 'bool' but found '{}'", of.name())),
        }
    }

    fn map_optional(&mut self, target: IdedExpr, args: Vec<IdedExpr>, flat: bool) -> Compiled<'s> {
        let [name, body] = exactly(args)?;
        let (target, of) = self.compile(target)?;
        let held = match of {
            Type::Optional(held) => *held,
            Type::Dyn | Type::Any => Type::Dyn,
            other => return Err(format!("'{}' is no optional value", other.name())),
        };
        self.variables.push((variable(name)?, held));
        let body = self.compile(body);
        self.variables.pop();
        let (body, of) = body?;
        let of = if flat { of } else { Type::Optional(Box::new(of)) };
        let parts = Box::new([target, body]);
        Ok((Expression::MapOptional { parts, flat }, of))
    }
}

/// What a step adds to the list: `accumulated + [this]`.
fn appended(step: CallExpr) -> Result<IdedExpr, String> {
    let [_, list] = exactly(step.args)?;
    match list.expr {
        Expr::List(list) => {
            let [item] = exactly(list.elements)?;
            Ok(item)
        }
        _ => Err("unknown macro".to_owned()),
    }
}

fn variable(name: IdedExpr) -> Result<String, String> {
    match name.expr {
        Expr::Ident(name) => Ok(name),
        _ => Err("argument must be a simple name".to_owned()),
    }
}
