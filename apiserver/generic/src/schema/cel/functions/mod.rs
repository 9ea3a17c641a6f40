//! The functions of expressions: their names, what they take and give, and how they run.

// All functions have one form, also those that never fail.
#[expect(clippy::unnecessary_wraps)]
mod conversions;
mod library;
mod lists;
#[expect(clippy::unnecessary_wraps)]
mod optionals;
mod quantities;
mod table;
mod texts;
mod times;
mod urls;

use super::{
    fault::{Budget, Fault},
    types::Type,
    value::Value,
};
pub(super) use table::{is_known, rows};

/// One overload of a function.
pub(super) struct Row {
    /// Such as `startsWith` or `sets.contains`.
    pub(super) name: &'static str,
    pub(super) style: Style,
    /// Of a method, the first is what it is called on.
    pub(super) takes: &'static [Kind],
    pub(super) gives: Kind,
    run: Run,
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `size(a)`
    Function,
    /// `a.size()`
    Method,
}

/// What an argument may be, or a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Duration,
    Timestamp,
    List,
    Map,
    Optional,
    Type,
    Quantity,
    Url,
    /// A value of kube-cel.
    Foreign,
    /// Of a result: the type of the first argument.
    Same,
    /// Of a result: the type of the first argument's items.
    ItemOfFirst,
    /// Of a result: a list of texts.
    Texts,
    /// Of a result: what the first argument holds, if anything.
    Held,
}

/// How a function runs.
#[derive(Clone, Copy)]
enum Run {
    Own(for<'a> fn(&[Value<'a>], &mut Budget) -> Result<Value<'a>, Fault>),
    /// By kube-cel.
    Library,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.name, self.takes)
    }
}

/// A call: the overloads that may be meant, and the arguments.
#[derive(Debug)]
pub(super) struct Call {
    overloads: Vec<&'static Row>,
    pub(super) arguments: Vec<super::expression::Expression>,
    /// The call as kube-cel reads it, where one of the overloads is its.
    foreign: Option<library::Foreign>,
}

impl Call {
    pub(super) fn new(overloads: Vec<&'static Row>, arguments: Vec<super::expression::Expression>) -> Call {
        let foreign = overloads.iter().find(|row| matches!(row.run, Run::Library));
        Call {
            foreign: foreign.map(|row| library::Foreign::new(row.name, row.style, arguments.len())),
            overloads,
            arguments,
        }
    }

    pub(super) fn run<'a>(&self, arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Fault> {
        let row = self
            .overloads
            .iter()
            .find(|row| row.takes.iter().zip(arguments).all(|(kind, value)| kind.has(value)))
            .ok_or(Fault::NoSuchOverload)?;
        match (row.run, &self.foreign) {
            (Run::Own(run), _) => run(arguments, budget),
            (Run::Library, Some(foreign)) => foreign.run(arguments, budget),
            (Run::Library, None) => Err(Fault::NoSuchOverload),
        }
    }
}

impl Kind {
    /// Whether a value is one of these.
    fn has(self, value: &Value<'_>) -> bool {
        match self {
            Kind::Any | Kind::Same | Kind::ItemOfFirst | Kind::Held => true,
            Kind::Bool => matches!(value, Value::Bool(_)),
            Kind::Int => matches!(value, Value::Int(_)),
            Kind::Uint => matches!(value, Value::Uint(_)),
            Kind::Double => matches!(value, Value::Double(_)),
            Kind::Text => matches!(value, Value::Text(_)),
            Kind::Bytes => matches!(value, Value::Bytes(_)),
            Kind::Duration => matches!(value, Value::Duration(_)),
            Kind::Timestamp => matches!(value, Value::Timestamp(_)),
            Kind::List | Kind::Texts => value.length().is_some(),
            Kind::Map => matches!(value, Value::Object(..) | Value::Map(_)),
            Kind::Optional => matches!(value, Value::Optional(_)),
            Kind::Type => matches!(value, Value::Type(_)),
            Kind::Quantity => matches!(value, Value::Quantity(_)),
            Kind::Url => matches!(value, Value::Url(_)),
            Kind::Foreign => matches!(value, Value::Foreign(_)),
        }
    }

    /// Whether a value of this type may be one of these, as far as is known before it is there.
    pub(super) fn may_have(self, of: &Type<'_>) -> bool {
        match (self, of) {
            (Kind::Any | Kind::Same | Kind::ItemOfFirst | Kind::Held, _) | (_, Type::Dyn | Type::Any) => true,
            (Kind::Bool, of) => *of == Type::Bool,
            (Kind::Int, of) => *of == Type::Int,
            (Kind::Uint, of) => *of == Type::Uint,
            (Kind::Double, of) => *of == Type::Double,
            (Kind::Text, of) => *of == Type::Text,
            (Kind::Bytes, of) => *of == Type::Bytes,
            (Kind::Duration, of) => *of == Type::Duration,
            (Kind::Timestamp, of) => *of == Type::Timestamp,
            (Kind::List | Kind::Texts, of) => matches!(of, Type::List(_)),
            (Kind::Map, of) => matches!(of, Type::Map(..) | Type::Object(_)),
            (Kind::Optional, of) => matches!(of, Type::Optional(_)),
            (Kind::Type, of) => *of == Type::Meta,
            (Kind::Quantity, of) => *of == Type::Quantity,
            (Kind::Url, of) => *of == Type::Url,
            (Kind::Foreign, of) => *of == Type::Foreign,
        }
    }

    /// The type of a result, of arguments of these types.
    pub(super) fn result<'s>(self, arguments: &[Type<'s>]) -> Type<'s> {
        let first = arguments.first();
        match self {
            Kind::Any | Kind::Map => Type::Dyn,
            Kind::Bool => Type::Bool,
            Kind::Int => Type::Int,
            Kind::Uint => Type::Uint,
            Kind::Double => Type::Double,
            Kind::Text => Type::Text,
            Kind::Bytes => Type::Bytes,
            Kind::Duration => Type::Duration,
            Kind::Timestamp => Type::Timestamp,
            Kind::List => Type::List(Box::new(Type::Dyn)),
            Kind::Optional => Type::Optional(Box::new(Type::Dyn)),
            Kind::Type => Type::Meta,
            Kind::Quantity => Type::Quantity,
            Kind::Url => Type::Url,
            Kind::Foreign => Type::Foreign,
            Kind::Texts => Type::List(Box::new(Type::Text)),
            Kind::Same => first.cloned().unwrap_or(Type::Dyn),
            Kind::ItemOfFirst => match first {
                Some(Type::List(item)) => (**item).clone(),
                _ => Type::Dyn,
            },
            Kind::Held => match first {
                Some(Type::Optional(held)) => (**held).clone(),
                _ => Type::Dyn,
            },
        }
    }
}
