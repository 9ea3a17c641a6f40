//! Runs an expression.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    arithmetic, compare,
    expression::{Expression, Loop, LoopKind, Operator},
    fault::{Budget, Fault},
    named::Named,
    value::{Key, Value},
};

/// A run: the variables in sight, and what may still be spent.
pub(super) struct Evaluation<'e, 'a> {
    stack: Vec<Value<'a>>,
    budget: &'e mut Budget,
    /// What `variables` holds, if there is such a variable.
    named: Option<&'e mut Named<'a>>,
    depth: usize,
}

/// How deep a run may go: deeper than one expression can be, as named expressions use one another.
const MAX_DEPTH: usize = 150;

type Outcome<'a> = Result<Value<'a>, Fault>;

impl<'e, 'a> Evaluation<'e, 'a> {
    pub(super) fn new(
        stack: Vec<Value<'a>>,
        budget: &'e mut Budget,
        named: Option<&'e mut Named<'a>>,
    ) -> Evaluation<'e, 'a> {
        Evaluation {
            stack,
            budget,
            named,
            depth: 0,
        }
    }

    pub(super) fn value(&mut self, expression: &Expression) -> Outcome<'a> {
        if self.depth > MAX_DEPTH {
            return Err(Fault::error("expressions are nested too deeply"));
        }
        self.depth += 1;
        let outcome = self.value_of(expression);
        self.depth -= 1;
        outcome
    }

    fn value_of(&mut self, expression: &Expression) -> Outcome<'a> {
        match expression {
            Expression::Constant(value) => return Ok(value.clone()),
            Expression::Conditional(parts) => return self.conditional(parts),
            Expression::And(parts) => return self.either(parts, false),
            Expression::Or(parts) => return self.either(parts, true),
            _ => self.budget.charge(1)?,
        }
        match expression {
            Expression::Variable(place) => self.stack.get(*place).cloned().ok_or(Fault::NoSuchOverload),
            Expression::Named(place) => self.named(*place),
            Expression::Select(of, name) => {
                let of = self.value(of)?;
                select(&of, name)
            }
            Expression::OptionalSelect(of, name) => {
                let of = self.value(of)?;
                optional(&of, |of| of.field(name))
            }
            Expression::Has(of, name) => {
                let of = self.value(of)?;
                has(&of, name)
            }
            Expression::Index(parts) => {
                let (of, at) = self.pair(parts)?;
                index(&of, &at)
            }
            Expression::OptionalIndex(parts) => {
                let (of, at) = self.pair(parts)?;
                optional(&of, |of| of.at(&at))
            }
            Expression::Not(part) => match self.value(part)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                _ => Err(Fault::NoSuchOverload),
            },
            Expression::Negate(part) => arithmetic::negate(&self.value(part)?),
            Expression::Binary(operator, parts) => self.binary(*operator, parts),
            Expression::List(items) => self.list(items),
            Expression::Map(entries) => self.map(entries),
            Expression::Loop(looped) => self.looped(looped),
            Expression::MapOptional { parts, flat } => self.map_optional(parts, *flat),
            Expression::Call(call) => {
                let arguments = call
                    .arguments
                    .iter()
                    .map(|argument| self.value(argument))
                    .collect::<Result<Vec<_>, Fault>>()?;
                call.run(&arguments, self.budget)
            }
            Expression::Constant(_) | Expression::Conditional(_) | Expression::And(_) | Expression::Or(_) => {
                Err(Fault::NoSuchOverload)
            }
        }
    }

    fn pair(&mut self, parts: &[Expression; 2]) -> Result<(Value<'a>, Value<'a>), Fault> {
        Ok((self.value(&parts[0])?, self.value(&parts[1])?))
    }

    /// The value of an expression with more variables in sight. They are out of sight afterwards, also after a fault, which
    /// `&&` and `||` may get over.
    fn with(&mut self, variables: &[Value<'a>], expression: &Expression) -> Outcome<'a> {
        let depth = self.stack.len();
        self.stack.extend_from_slice(variables);
        let outcome = self.value(expression);
        self.stack.truncate(depth);
        outcome
    }

    /// A named expression, run when it is first used: over the variables that it was compiled with, which are the lowest ones.
    fn named(&mut self, place: usize) -> Outcome<'a> {
        let Some(named) = &self.named else {
            return Err(Fault::NoSuchOverload);
        };
        if let Some(known) = named.known(place) {
            return known.clone();
        }
        let (program, roots) = (named.program(place)?, named.roots);
        let above = self.stack.split_off(roots.min(self.stack.len()));
        let outcome = self.value(&program.expression);
        self.stack.truncate(roots);
        self.stack.extend(above);
        match &mut self.named {
            Some(named) => named.learn(place, outcome),
            None => outcome,
        }
    }

    fn conditional(&mut self, parts: &[Expression; 3]) -> Outcome<'a> {
        match self.value(&parts[0])? {
            Value::Bool(true) => self.value(&parts[1]),
            Value::Bool(false) => self.value(&parts[2]),
            _ => Err(Fault::NoSuchOverload),
        }
    }

    /// `&&` and `||`: one `decisive` side decides, whatever is wrong with the other.
    fn either(&mut self, parts: &[Expression; 2], decisive: bool) -> Outcome<'a> {
        let left = self.condition(&parts[0])?;
        if left == Ok(decisive) {
            return Ok(Value::Bool(decisive));
        }
        let right = self.condition(&parts[1])?;
        if right == Ok(decisive) {
            return Ok(Value::Bool(decisive));
        }
        left.and(right).map(Value::Bool)
    }

    /// A condition that may be at fault, unless the budget is at its end.
    fn condition(&mut self, expression: &Expression) -> Result<Result<bool, Fault>, Fault> {
        match self.value(expression) {
            Ok(Value::Bool(value)) => Ok(Ok(value)),
            Ok(_) => Ok(Err(Fault::NoSuchOverload)),
            Err(Fault::TooExpensive) => Err(Fault::TooExpensive),
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn binary(&mut self, operator: Operator, parts: &[Expression; 2]) -> Outcome<'a> {
        let (a, b) = self.pair(parts)?;
        let budget = &mut *self.budget;
        Ok(Value::Bool(match operator {
            Operator::Add => return arithmetic::add(a, b, budget),
            Operator::Subtract => return arithmetic::subtract(&a, &b),
            Operator::Multiply => return arithmetic::multiply(&a, &b),
            Operator::Divide => return arithmetic::divide(&a, &b),
            Operator::Remainder => return arithmetic::remainder(&a, &b),
            Operator::Equal => compare::equal(&a, &b, budget)?,
            Operator::NotEqual => !compare::equal(&a, &b, budget)?,
            Operator::Less => compare::order(&a, &b, budget)?.is_lt(),
            Operator::LessOrEqual => compare::order(&a, &b, budget)?.is_le(),
            Operator::Greater => compare::order(&a, &b, budget)?.is_gt(),
            Operator::GreaterOrEqual => compare::order(&a, &b, budget)?.is_ge(),
            Operator::In => compare::is_in(&a, &b, budget)?,
        }))
    }

    fn list(&mut self, items: &[super::expression::Item]) -> Outcome<'a> {
        self.budget.charge(10)?;
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let value = self.value(&item.value)?;
            if let Some(value) = present(value, item.optional)? {
                list.push(value);
            }
        }
        Ok(Value::list(list))
    }

    fn map(&mut self, entries: &[super::expression::Entry]) -> Outcome<'a> {
        self.budget.charge(30)?;
        let mut map = BTreeMap::new();
        for entry in entries {
            let key = Key::of(&self.value(&entry.key)?).ok_or_else(|| Fault::error("unsupported key type"))?;
            let value = self.value(&entry.value)?;
            if let Some(value) = present(value, entry.optional)? {
                map.insert(key, value);
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn map_optional(&mut self, parts: &[Expression; 2], flat: bool) -> Outcome<'a> {
        match self.value(&parts[0])? {
            Value::Optional(None) => Ok(Value::Optional(None)),
            Value::Optional(Some(held)) => {
                let mapped = self.with(&[(*held).clone()], &parts[1])?;
                Ok(if flat { mapped } else { Value::some(mapped) })
            }
            _ => Err(Fault::NoSuchOverload),
        }
    }

    fn looped(&mut self, looped: &Loop) -> Outcome<'a> {
        let range = self.value(&looped.range)?;
        let keys = range.keys();
        let length = keys
            .as_ref()
            .map(Vec::len)
            .or(range.length())
            .ok_or(Fault::NoSuchOverload)?;
        self.budget.traverse(length)?;
        let mut result = LoopResult::default();
        for at in 0..length {
            self.budget.charge(2)?;
            let variables = variables(&range, keys.as_deref(), at, looped.pairs)?;
            if let Some(filter) = &looped.filter {
                match self.with(&variables, filter)? {
                    Value::Bool(true) => {}
                    Value::Bool(false) => continue,
                    _ => return Err(Fault::NoSuchOverload),
                }
            }
            let value = self.with(&variables, &looped.body);
            if result.take(looped.kind, variables, value)? {
                break;
            }
        }
        result.end(looped.kind, self.budget)
    }
}

/// What a loop has found so far.
#[derive(Default)]
struct LoopResult<'a> {
    fault: Option<Fault>,
    decided: bool,
    found: usize,
    list: Vec<Value<'a>>,
    sorted_by: Vec<Value<'a>>,
    map: BTreeMap<Key, Value<'a>>,
}

impl<'a> LoopResult<'a> {
    /// Takes one round's value; says whether the rest can't change anything.
    fn take(&mut self, kind: LoopKind, variables: Vec<Value<'a>>, value: Outcome<'a>) -> Result<bool, Fault> {
        match kind {
            LoopKind::All | LoopKind::Exists => {
                let decisive = kind == LoopKind::Exists;
                match value {
                    Ok(Value::Bool(value)) => self.decided = value == decisive,
                    Ok(_) => self.fault = self.fault.take().or(Some(Fault::NoSuchOverload)),
                    Err(Fault::TooExpensive) => return Err(Fault::TooExpensive),
                    Err(fault) => self.fault = self.fault.take().or(Some(fault)),
                }
                return Ok(self.decided);
            }
            LoopKind::ExistsOne => match value? {
                Value::Bool(value) => self.found += usize::from(value),
                _ => return Err(Fault::NoSuchOverload),
            },
            LoopKind::List => self.list.push(value?),
            LoopKind::SortBy => {
                self.sorted_by.push(value?);
                self.list.extend(variables.into_iter().next());
            }
            LoopKind::Map => {
                let key = variables.first().and_then(Key::of);
                self.map.insert(key.ok_or(Fault::NoSuchOverload)?, value?);
            }
            LoopKind::Entries => self.add_entries(&value?)?,
        }
        Ok(false)
    }

    fn add_entries(&mut self, entries: &Value<'a>) -> Result<(), Fault> {
        for key in entries.keys().ok_or(Fault::NoSuchOverload)? {
            let value = entries.at(&key)?.ok_or(Fault::NoSuchOverload)?;
            let key = Key::of(&key).ok_or(Fault::NoSuchOverload)?;
            if self.map.contains_key(&key) {
                return Err(Fault::error(format!(
                    "insert failed: key {} already exists",
                    shown(&key)
                )));
            }
            self.map.insert(key, value);
        }
        Ok(())
    }

    fn end(self, kind: LoopKind, budget: &mut Budget) -> Outcome<'a> {
        match kind {
            LoopKind::All | LoopKind::Exists => match self.fault {
                Some(fault) if !self.decided => Err(fault),
                _ => Ok(Value::Bool(self.decided == (kind == LoopKind::Exists))),
            },
            LoopKind::ExistsOne => Ok(Value::Bool(self.found == 1)),
            LoopKind::List => Ok(Value::list(self.list)),
            LoopKind::Map | LoopKind::Entries => Ok(Value::Map(Arc::new(self.map))),
            LoopKind::SortBy => {
                let mut pairs: Vec<_> = self.sorted_by.into_iter().zip(self.list).collect();
                sort(&mut pairs, |(key, _)| key, budget)?;
                Ok(Value::list(pairs.into_iter().map(|(_, item)| item).collect()))
            }
        }
    }
}

/// Sorts by the order of keys; the first fault of a comparison ends it.
pub(super) fn sort<'a, T>(items: &mut [T], key: impl Fn(&T) -> &Value<'a>, budget: &mut Budget) -> Result<(), Fault> {
    let mut fault = None;
    items.sort_by(|a, b| {
        let compared = match &fault {
            None => compare::order(key(a), key(b), budget),
            Some(_) => return std::cmp::Ordering::Equal,
        };
        compared.unwrap_or_else(|found| {
            fault = Some(found);
            std::cmp::Ordering::Equal
        })
    });
    fault.map_or(Ok(()), Err)
}

/// The variables of one round: the item or key, or index and item, or key and value.
fn variables<'a>(
    range: &Value<'a>,
    keys: Option<&[Value<'a>]>,
    at: usize,
    pairs: bool,
) -> Result<Vec<Value<'a>>, Fault> {
    let missing = || Fault::NoSuchOverload;
    match (keys, pairs) {
        (Some(keys), false) => Ok(vec![keys[at].clone()]),
        (Some(keys), true) => Ok(vec![keys[at].clone(), range.at(&keys[at])?.ok_or_else(missing)?]),
        (None, false) => Ok(vec![range.item(at).ok_or_else(missing)??]),
        (None, true) => {
            let index = i64::try_from(at).map_err(|_| missing())?;
            Ok(vec![Value::Int(index), range.item(at).ok_or_else(missing)??])
        }
    }
}

/// What of a list or map element is there.
fn present(value: Value<'_>, optional: bool) -> Result<Option<Value<'_>>, Fault> {
    match (optional, value) {
        (false, value) => Ok(Some(value)),
        (true, Value::Optional(held)) => Ok(held.map(|held| (*held).clone())),
        (true, _) => Err(Fault::NoSuchOverload),
    }
}

fn select<'a>(of: &Value<'a>, name: &str) -> Outcome<'a> {
    match of {
        Value::Optional(_) => optional(of, |of| of.field(name)),
        of => of
            .field(name)?
            .ok_or_else(|| Fault::error(format!("no such key: {name}"))),
    }
}

fn index<'a>(of: &Value<'a>, at: &Value<'a>) -> Outcome<'a> {
    match of {
        Value::Optional(_) => optional(of, |of| of.at(at)),
        of => of.at(at)?.ok_or_else(|| match (of.length(), Key::of(at)) {
            (Some(_), Some(key)) => Fault::error(format!("index out of bounds: {}", shown(&key))),
            (_, Some(key)) => Fault::error(format!("no such key: {}", shown(&key))),
            (_, None) => Fault::NoSuchOverload,
        }),
    }
}

fn has<'a>(of: &Value<'a>, name: &str) -> Outcome<'a> {
    match of {
        Value::Optional(None) => Ok(Value::Bool(false)),
        Value::Optional(Some(held)) => has(held, name),
        of => Ok(Value::Bool(of.field(name)?.is_some())),
    }
}

/// A part that may be absent, of a value that may be absent.
fn optional<'a>(of: &Value<'a>, part: impl Fn(&Value<'a>) -> Result<Option<Value<'a>>, Fault>) -> Outcome<'a> {
    let found = match of {
        Value::Optional(None) => None,
        Value::Optional(Some(held)) => part(held)?,
        of => part(of)?,
    };
    Ok(Value::Optional(found.map(Arc::new)))
}

fn shown(key: &Key) -> String {
    match key {
        Key::Bool(value) => value.to_string(),
        Key::Int(value) => value.to_string(),
        Key::Uint(value) => value.to_string(),
        Key::Text(text) => text.to_string(),
    }
}
