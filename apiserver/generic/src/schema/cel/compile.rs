//! From the text of an expression to one that is ready to run.

use std::collections::BTreeSet;

use kube_cel::cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, ListExpr, LiteralValue, MapExpr, SelectExpr, operators,
};

use super::{
    OldSelf, Program, Wanted,
    expression::{Entry, Expression, Item, Operator},
    functions::{self, Call, Style},
    names, parse,
    types::Type,
    value::{Text, Value},
};
use crate::schema::{Schema, patterns};

pub(super) fn program(source: &str, schema: &Schema, old_self: OldSelf, wanted: Wanted) -> Result<Program, String> {
    let seen = Type::of(schema).ok_or("the schema has nothing that expressions can see")?;
    let old = match old_self {
        OldSelf::Value => seen.clone(),
        OldSelf::Optional => Type::Optional(Box::new(seen.clone())),
    };
    let mut compiler = Compiler {
        variables: vec![("self".to_owned(), seen), ("oldSelf".to_owned(), old)],
        named: &[],
        uses_old: false,
        selected: None,
    };
    parse::parsed(source, |parsed| {
        let (expression, of) = compiler.compile(parsed)?;
        match (wanted, of) {
            (Wanted::Bool, Type::Bool | Type::Dyn) | (Wanted::Text, Type::Text | Type::Dyn) => Ok(Program {
                expression,
                uses_old: compiler.uses_old,
            }),
            (Wanted::Bool, _) => Err("cel expression must evaluate to a bool".to_owned()),
            (Wanted::Text, _) => Err("messageExpression must evaluate to a string".to_owned()),
        }
    })
}

/// Compiles an expression over variables of which nothing is known; what it comes to is known when it ran.
pub(super) fn over(source: &str, variables: &[&str], named: &[Box<str>]) -> Result<Program, String> {
    let mut compiler = Compiler {
        variables: variables.iter().map(|name| ((*name).to_owned(), Type::Dyn)).collect(),
        named,
        uses_old: false,
        selected: None,
    };
    parse::parsed(source, |parsed| {
        let (expression, _) = compiler.compile(parsed)?;
        Ok(Program {
            expression,
            uses_old: false,
        })
    })
}

/// Where the old value is among the variables.
const OLD: usize = 1;
/// The variable that holds named expressions.
const NAMED: &str = "variables";

pub(super) struct Compiler<'s> {
    /// The variables in sight, in the order of the stack.
    pub(super) variables: Vec<(String, Type<'s>)>,
    /// The names of what `variables` holds, if there is such a variable.
    named: &'s [Box<str>],
    uses_old: bool,
    /// The fields of the first variable that are selected. Where they are asked for, identifiers stand for names that are none.
    pub(super) selected: Option<BTreeSet<Box<str>>>,
}

pub(super) type Compiled<'s> = Result<(Expression, Type<'s>), String>;

impl<'s> Compiler<'s> {
    /// One over this variable, which notes what is selected of it.
    pub(super) fn over(name: &str, of: Type<'s>) -> Compiler<'s> {
        Compiler {
            variables: vec![(name.to_owned(), of)],
            named: &[],
            uses_old: false,
            selected: Some(BTreeSet::new()),
        }
    }

    pub(super) fn compile(&mut self, parsed: IdedExpr) -> Compiled<'s> {
        match parsed.expr {
            Expr::Literal(literal) => Ok(constant(literal)),
            Expr::Ident(name) => self.ident(&name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.list(list),
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(comprehension) => self.comprehension(*comprehension),
            Expr::Struct(_) => Err("messages can't be made".to_owned()),
            Expr::Unspecified => Err("incomplete expression".to_owned()),
        }
    }

    fn ident(&mut self, name: &str) -> Compiled<'s> {
        if let Some(place) = self.variables.iter().rposition(|(variable, _)| variable == name) {
            self.uses_old |= place == OLD;
            return Ok((Expression::Variable(place), self.variables[place].1.clone()));
        }
        match type_named(name) {
            Some(of) => Ok((Expression::Constant(Value::Type(of)), Type::Meta)),
            None => Err(format!("undeclared reference to '{name}' (in container '')")),
        }
    }

    fn is_variable(&self, name: &str) -> bool {
        self.variables.iter().any(|(variable, _)| variable == name)
    }

    fn select(&mut self, select: SelectExpr) -> Compiled<'s> {
        if let Some(place) = self.named_expression(&select) {
            return Ok(match select.test {
                true => (Expression::Constant(Value::Bool(true)), Type::Bool),
                false => (Expression::Named(place), Type::Dyn),
            });
        }
        if let Some(name) = self.qualified_name(&select)
            && let Some(of) = type_named(&name)
        {
            return Ok((Expression::Constant(Value::Type(of)), Type::Meta));
        }
        let (operand, of) = self.compile(*select.operand)?;
        let field = of.field(&select.field)?;
        let name = self.selected(&operand, &select.field);
        let operand = Box::new(operand);
        Ok(match select.test {
            true => (Expression::Has(operand, name), Type::Bool),
            false => (Expression::Select(operand, name), field),
        })
    }

    /// The place of the named expression that is meant by `variables.name`.
    fn named_expression(&self, select: &SelectExpr) -> Option<usize> {
        match &select.operand.expr {
            Expr::Ident(root) if root == NAMED && !self.is_variable(root) => {
                self.named.iter().position(|name| **name == *select.field)
            }
            _ => None,
        }
    }

    /// `google.protobuf.Timestamp` as one name, unless it begins with a variable.
    fn qualified_name(&self, select: &SelectExpr) -> Option<String> {
        let root = match &select.operand.expr {
            Expr::Ident(name) if !self.is_variable(name) => name.clone(),
            Expr::Select(inner) => self.qualified_name(inner)?,
            _ => return None,
        };
        Some(format!("{root}.{}", select.field))
    }

    fn list(&mut self, list: ListExpr) -> Compiled<'s> {
        let mut item_type: Option<Type<'s>> = None;
        let mut items = Vec::with_capacity(list.elements.len());
        for (at, element) in list.elements.into_iter().enumerate() {
            let optional = list.optional_indices.contains(&at);
            let (value, mut of) = self.compile(element)?;
            if let (true, Type::Optional(held)) = (optional, &of) {
                of = (**held).clone();
            }
            item_type = Some(match item_type {
                Some(known) if known == of => known,
                Some(known) if known == Type::Any || of == Type::Any => {
                    return Err(format!("expected type '{}' but found '{}'", known.name(), of.name()));
                }
                Some(_) => Type::Dyn,
                None => of,
            });
            items.push(Item { value, optional });
        }
        Ok((
            Expression::List(items),
            Type::List(Box::new(item_type.unwrap_or(Type::Dyn))),
        ))
    }

    fn map(&mut self, map: MapExpr) -> Compiled<'s> {
        let mut entries = Vec::with_capacity(map.entries.len());
        for entry in map.entries {
            let EntryExpr::MapEntry(entry) = entry.expr else {
                return Err("messages can't be made".to_owned());
            };
            entries.push(Entry {
                key: self.compile(entry.key)?.0,
                value: self.compile(entry.value)?.0,
                optional: entry.optional,
            });
        }
        Ok((Expression::Map(entries), Type::Map(Box::new(Type::Dyn))))
    }

    fn call(&mut self, call: CallExpr) -> Compiled<'s> {
        let CallExpr {
            func_name,
            target,
            mut args,
        } = call;
        if let Some(target) = target {
            return self.method(&func_name, *target, args);
        }
        match (func_name.as_str(), args.len()) {
            (operators::CONDITIONAL, 3) => self.conditional(args),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, 2) => {
                let parts = self.conditions(args)?;
                let [left, right] = parts;
                let parts = Box::new([left, right]);
                let is_and = func_name == operators::LOGICAL_AND;
                let both = if is_and {
                    Expression::And(parts)
                } else {
                    Expression::Or(parts)
                };
                Ok((both, Type::Bool))
            }
            (operators::LOGICAL_NOT, 1) => {
                let [part] = self.conditions(args)?;
                Ok((Expression::Not(Box::new(part)), Type::Bool))
            }
            (operators::NEGATE, 1) => {
                let (part, of) = self.compile(args.remove(0))?;
                Ok((Expression::Negate(Box::new(part)), of))
            }
            (operators::INDEX | operators::OPT_INDEX, 2) => self.index(args, func_name == operators::OPT_INDEX),
            (operators::OPT_SELECT, 2) => self.optional_select(args),
            (name, 2) if operator(name).is_some() => self.binary(name, args),
            (name, _) => self.function(name, Style::Function, args),
        }
    }

    fn conditional(&mut self, args: Vec<IdedExpr>) -> Compiled<'s> {
        let [condition, yes, no] = exactly(args)?;
        let [condition] = self.conditions(vec![condition])?;
        let (yes, of_yes) = self.compile(yes)?;
        let (no, of_no) = self.compile(no)?;
        if !of_yes.agrees_with(&of_no) {
            return Err(no_overload("_?_:_", &[Type::Bool, of_yes, of_no]));
        }
        let of = match (of_yes, of_no) {
            (yes, no) if yes == no => yes,
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            _ => Type::Dyn,
        };
        Ok((Expression::Conditional(Box::new([condition, yes, no])), of))
    }

    fn conditions<const N: usize>(&mut self, args: Vec<IdedExpr>) -> Result<[Expression; N], String> {
        let mut parts = Vec::with_capacity(N);
        for arg in args {
            let (part, of) = self.compile(arg)?;
            if !matches!(of, Type::Bool | Type::Dyn | Type::Any) {
                return Err(format!("expected type 'bool' but found '{}'", of.name()));
            }
            parts.push(part);
        }
        parts.try_into().map_err(|_| "wrong number of operands".to_owned())
    }

    fn index(&mut self, args: Vec<IdedExpr>, optional: bool) -> Compiled<'s> {
        let [of, at] = exactly(args)?;
        let (of, of_type) = self.compile(of)?;
        let (at, _) = self.compile(at)?;
        let (parts, part) = (Box::new([of, at]), of_type.index()?);
        Ok(match (optional, part) {
            (false, part) => (Expression::Index(parts), part),
            (true, part @ Type::Optional(_)) => (Expression::OptionalIndex(parts), part),
            (true, part) => (Expression::OptionalIndex(parts), Type::Optional(Box::new(part))),
        })
    }

    fn optional_select(&mut self, args: Vec<IdedExpr>) -> Compiled<'s> {
        let [of, name] = exactly(args)?;
        let Expr::Literal(LiteralValue::String(name)) = name.expr else {
            return Err("a field is selected by its name".to_owned());
        };
        let (of, of_type) = self.compile(of)?;
        let field = match of_type.field(name.inner())? {
            field @ Type::Optional(_) => field,
            field => Type::Optional(Box::new(field)),
        };
        let name = self.selected(&of, name.inner());
        Ok((Expression::OptionalSelect(Box::new(of), name), field))
    }

    /// The name of a field that is selected.
    fn selected(&mut self, of: &Expression, name: &str) -> Box<str> {
        let Some(selected) = &mut self.selected else {
            return name.into();
        };
        if matches!(of, Expression::Variable(0)) {
            selected.insert(name.into());
        }
        names::unescape(name).map_or_else(|| name.into(), Into::into)
    }

    fn binary(&mut self, name: &str, args: Vec<IdedExpr>) -> Compiled<'s> {
        let operator = operator(name).ok_or("unknown operator")?;
        let [left, right] = exactly(args)?;
        let (left, of_left) = self.compile(left)?;
        let (right, of_right) = self.compile(right)?;
        let Some(of) = result_of(operator, &of_left, &of_right) else {
            return Err(no_overload(name, &[of_left, of_right]));
        };
        Ok((Expression::Binary(operator, Box::new([left, right])), of))
    }

    fn method(&mut self, name: &str, target: IdedExpr, args: Vec<IdedExpr>) -> Compiled<'s> {
        if let Expr::Ident(library) = &target.expr
            && !self.is_variable(library)
            && functions::is_known(&format!("{library}.{name}"))
        {
            return self.function(&format!("{library}.{name}"), Style::Function, args);
        }
        match self.macro_call(name, target, args)? {
            super::macros::Found::Macro(compiled) => Ok(compiled),
            super::macros::Found::Call(target, mut args) => {
                args.insert(0, target);
                self.function(name, Style::Method, args)
            }
        }
    }

    fn function(&mut self, name: &str, style: Style, args: Vec<IdedExpr>) -> Compiled<'s> {
        let mut arguments = Vec::with_capacity(args.len());
        let mut types = Vec::with_capacity(args.len());
        for arg in args {
            let (argument, of) = self.compile(arg)?;
            arguments.push(argument);
            types.push(of);
        }
        let fits = |row: &&functions::Row| row.takes.iter().zip(&types).all(|(kind, of)| kind.may_have(of));
        let overloads: Vec<_> = functions::rows(name, style, types.len())
            .into_iter()
            .filter(fits)
            .collect();
        let Some(first) = overloads.first() else {
            return Err(match functions::is_known(name) {
                true => no_overload(name, &types),
                false => format!("undeclared reference to '{name}' (in container '')"),
            });
        };
        let of = match overloads.iter().all(|row| row.gives == first.gives) {
            true => first.gives.result(&types),
            false => Type::Dyn,
        };
        learn_pattern(name, &arguments)?;
        Ok((Expression::Call(Call::new(overloads, arguments)), of))
    }
}

/// Patterns that a rule brings along are compiled once.
fn learn_pattern(name: &str, arguments: &[Expression]) -> Result<(), String> {
    if let ("matches" | "find" | "findAll", Some(Expression::Constant(Value::Text(pattern)))) = (name, arguments.get(1))
    {
        patterns::learn(pattern).map_err(|error| format!("invalid {name} argument: {error}"))?;
    }
    Ok(())
}

fn constant<'s>(literal: LiteralValue) -> (Expression, Type<'s>) {
    let (value, of) = match literal {
        LiteralValue::Boolean(value) => (Value::Bool(value.into_inner()), Type::Bool),
        LiteralValue::Bytes(value) => (Value::Bytes(value.into_inner().into()), Type::Bytes),
        LiteralValue::Double(value) => (Value::Double(value.into_inner()), Type::Double),
        LiteralValue::Int(value) => (Value::Int(value.into_inner()), Type::Int),
        LiteralValue::Null => (Value::Null, Type::Null),
        LiteralValue::String(value) => (Value::Text(Text::Shared(value.into_inner().into())), Type::Text),
        LiteralValue::UInt(value) => (Value::Uint(value.into_inner()), Type::Uint),
    };
    (Expression::Constant(value), of)
}

fn type_named(name: &str) -> Option<&'static str> {
    const NAMES: [&str; 13] = [
        "null_type",
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
        "map",
        "list",
        "optional_type",
        "type",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return None,
    })
}

/// The type of `a operator b`; none where there is no such operator.
fn result_of<'s>(operator: Operator, a: &Type<'s>, b: &Type<'s>) -> Option<Type<'s>> {
    let is_number = |of: &Type<'_>| matches!(of, Type::Int | Type::Uint | Type::Double);
    match operator {
        Operator::Equal | Operator::NotEqual => a.agrees_with(b).then_some(Type::Bool),
        Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
            (a.agrees_with(b) || is_number(a) && is_number(b)).then_some(Type::Bool)
        }
        Operator::In => match b {
            Type::Dyn | Type::Any | Type::Map(_) | Type::Object(_) => Some(Type::Bool),
            Type::List(item) => a.agrees_with(item).then_some(Type::Bool),
            _ => None,
        },
        Operator::Add | Operator::Subtract => match (a, b) {
            (a, b) if a.is_open() || b.is_open() => Some(Type::Dyn),
            (Type::Timestamp, Type::Duration) => Some(Type::Timestamp),
            (Type::Duration, Type::Timestamp) if operator == Operator::Add => Some(Type::Timestamp),
            (Type::Timestamp, Type::Timestamp) if operator == Operator::Subtract => Some(Type::Duration),
            (Type::Duration, Type::Duration) => Some(Type::Duration),
            (Type::Text, Type::Text) | (Type::Bytes, Type::Bytes) if operator == Operator::Add => Some(a.clone()),
            (Type::List(_), Type::List(_)) if operator == Operator::Add && a.agrees_with(b) => Some(a.clone()),
            (a, b) => (is_number(a) && a == b).then(|| a.clone()),
        },
        Operator::Multiply | Operator::Divide | Operator::Remainder => match (a, b) {
            (a, b) if a.is_open() || b.is_open() => Some(Type::Dyn),
            (a, b) => (is_number(a) && a == b).then(|| a.clone()),
        },
    }
}

fn no_overload(name: &str, of: &[Type<'_>]) -> String {
    let names: Vec<_> = of.iter().map(Type::name).collect();
    format!(
        "found no matching overload for '{name}' applied to '({})'",
        names.join(", ")
    )
}

pub(super) fn exactly<const N: usize>(args: Vec<IdedExpr>) -> Result<[IdedExpr; N], String> {
    args.try_into().map_err(|_| "wrong number of operands".to_owned())
}
