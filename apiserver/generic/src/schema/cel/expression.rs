//! An expression that is ready to run: names are resolved, macros expanded, functions found.

use super::{functions::Call, value::Value};

/// An expression.
#[derive(Debug)]
pub(super) enum Expression {
    Constant(Value<'static>),
    /// The variable at this place of the stack.
    Variable(usize),
    /// `variables.name`: the named expression at this place.
    Named(usize),
    /// `a.b`
    Select(Box<Expression>, Box<str>),
    /// `a.?b`
    OptionalSelect(Box<Expression>, Box<str>),
    /// `has(a.b)`
    Has(Box<Expression>, Box<str>),
    /// `a[b]`
    Index(Box<[Expression; 2]>),
    /// `a[?b]`
    OptionalIndex(Box<[Expression; 2]>),
    List(Vec<Item>),
    Map(Vec<Entry>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    And(Box<[Expression; 2]>),
    Or(Box<[Expression; 2]>),
    /// `a ? b : c`
    Conditional(Box<[Expression; 3]>),
    Binary(Operator, Box<[Expression; 2]>),
    Loop(Box<Loop>),
    /// `optMap` and `optFlatMap`: the second sees what the first holds, if anything.
    MapOptional {
        parts: Box<[Expression; 2]>,
        flat: bool,
    },
    Call(Call),
}

/// An item of a list; an optional one is left out when it has no value.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) value: Expression,
    pub(super) optional: bool,
}

/// An entry of a map.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Expression,
    pub(super) value: Expression,
    pub(super) optional: bool,
}

/// Operators of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// A macro over the items of a list or the keys of a map.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Expression,
    /// Whether there are two variables: index and item, or key and value.
    pub(super) pairs: bool,
    /// Which items take part in `map` and its like; all without it.
    pub(super) filter: Option<Expression>,
    pub(super) body: Expression,
}

/// What a loop makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    /// A list of the body's values.
    List,
    /// A list of the items, sorted by the body's values.
    SortBy,
    /// A map of the range's keys to the body's values.
    Map,
    /// A map of the entries that the body makes.
    Entries,
}
