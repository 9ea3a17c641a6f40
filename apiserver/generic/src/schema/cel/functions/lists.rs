//! Lists, and lists as sets.

use super::{Budget, Fault, Value};
use crate::schema::{
    Kind,
    cel::{arithmetic, compare, evaluate},
};

type Outcome<'a> = Result<Value<'a>, Fault>;

/// Lists that `lists.range` may make.
const MAX_RANGE: usize = 100_000;
/// How deep `flatten` goes.
const MAX_LEVEL: usize = 100;

pub(super) fn size<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let size = match &arguments[0] {
        Value::Object(fields, _) => fields.len(),
        Value::Map(map) => map.len(),
        list => list.length().ok_or(Fault::NoSuchOverload)?,
    };
    int(size)
}

fn int<'a>(number: usize) -> Outcome<'a> {
    i64::try_from(number)
        .map(Value::Int)
        .map_err(|_| Fault::error("integer overflow"))
}

/// A number of items as it was asked for; none for a negative one.
fn count(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::Int(value) => usize::try_from(*value).ok(),
        _ => None,
    }
}

fn items<'a>(list: &Value<'a>, budget: &mut Budget) -> Result<Vec<Value<'a>>, Fault> {
    budget.traverse(list.length().unwrap_or(0))?;
    list.items().collect()
}

pub(super) fn is_sorted<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let items = items(&arguments[0], budget)?;
    for pair in items.windows(2) {
        if compare::order(&pair[0], &pair[1], budget)?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

pub(super) fn sum<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut items = items(&arguments[0], budget)?.into_iter();
    let Some(mut sum) = items.next() else {
        let of_floats = matches!(&arguments[0], Value::Array(_, schema)
            if schema.items().is_some_and(|items| items.kind() == Kind::Number));
        return Ok(if of_floats { Value::Double(0.0) } else { Value::Int(0) });
    };
    for item in items {
        sum = arithmetic::add(sum, item, budget)?;
    }
    Ok(sum)
}

pub(super) fn min<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    extreme(&arguments[0], "min", std::cmp::Ordering::Greater, budget)
}

pub(super) fn max<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    extreme(&arguments[0], "max", std::cmp::Ordering::Less, budget)
}

fn extreme<'a>(list: &Value<'a>, name: &str, worse: std::cmp::Ordering, budget: &mut Budget) -> Outcome<'a> {
    let mut best: Option<Value<'a>> = None;
    for item in items(list, budget)? {
        best = match best {
            Some(best) if compare::order(&best, &item, budget)? != worse => Some(best),
            _ => Some(item),
        };
    }
    best.ok_or_else(|| Fault::error(format!("{name} called on empty list")))
}

fn places(list: &Value<'_>, item: &Value<'_>, budget: &mut Budget) -> Result<Vec<bool>, Fault> {
    items(list, budget)?
        .iter()
        .map(|other| compare::equal(other, item, budget))
        .collect()
}

pub(super) fn index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let found = places(&arguments[0], &arguments[1], budget)?
        .iter()
        .position(|same| *same);
    found.map_or(Ok(Value::Int(-1)), int)
}

pub(super) fn last_index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let found = places(&arguments[0], &arguments[1], budget)?
        .iter()
        .rposition(|same| *same);
    found.map_or(Ok(Value::Int(-1)), int)
}

pub(super) fn includes<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    compare::contains(&arguments[0], &arguments[1], budget).map(Value::Bool)
}

pub(super) fn slice<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut items = items(&arguments[0], budget)?;
    let cannot = |why: String| {
        let (Value::Int(start), Value::Int(end)) = (&arguments[1], &arguments[2]) else {
            return Fault::NoSuchOverload;
        };
        Fault::error(format!("cannot slice({start}, {end}), {why}"))
    };
    let (Some(start), Some(end)) = (count(&arguments[1]), count(&arguments[2])) else {
        return Err(cannot("negative indexes not supported".to_owned()));
    };
    if start > end {
        return Err(cannot("start index must be less than or equal to end index".to_owned()));
    }
    if end > items.len() {
        return Err(cannot(format!("list is length {}", items.len())));
    }
    Ok(Value::list(items.drain(start..end).collect()))
}

pub(super) fn flatten<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let level = match arguments.get(1) {
        None => 1,
        Some(level) => count(level).ok_or_else(|| Fault::error("level must be non-negative"))?,
    };
    let mut flat = Vec::new();
    flatten_into(&mut flat, &arguments[0], level.min(MAX_LEVEL), budget)?;
    Ok(Value::list(flat))
}

fn flatten_into<'a>(
    flat: &mut Vec<Value<'a>>,
    list: &Value<'a>,
    level: usize,
    budget: &mut Budget,
) -> Result<(), Fault> {
    for item in items(list, budget)? {
        match (item.length(), level.checked_sub(1)) {
            (Some(_), Some(level)) => flatten_into(flat, &item, level, budget)?,
            _ => flat.push(item),
        }
    }
    Ok(())
}

pub(super) fn distinct<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut distinct: Vec<Value<'a>> = Vec::new();
    'items: for item in items(&arguments[0], budget)? {
        for other in &distinct {
            if compare::equal(other, &item, budget)? {
                continue 'items;
            }
        }
        distinct.push(item);
    }
    Ok(Value::list(distinct))
}

pub(super) fn reverse<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut items = items(&arguments[0], budget)?;
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn sort<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut items = items(&arguments[0], budget)?;
    evaluate::sort(&mut items, |item| item, budget)?;
    Ok(Value::list(items))
}

pub(super) fn first<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let first = arguments[0].item(0).transpose()?;
    Ok(Value::Optional(first.map(std::sync::Arc::new)))
}

pub(super) fn last<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let at = arguments[0].length().and_then(|length| length.checked_sub(1));
    let last = at.and_then(|at| arguments[0].item(at)).transpose()?;
    Ok(Value::Optional(last.map(std::sync::Arc::new)))
}

pub(super) fn range<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let Value::Int(asked) = &arguments[0] else {
        return Err(Fault::NoSuchOverload);
    };
    let Some(length) = count(&arguments[0]) else {
        return Err(Fault::error(format!(
            "lists.range: size must be non-negative, got {asked}"
        )));
    };
    if length > MAX_RANGE {
        let problem = format!("lists.range: size {length} exceeds maximum allowed ({MAX_RANGE})");
        return Err(Fault::Error(problem));
    }
    budget.traverse(length)?;
    Ok(Value::list((0..*asked).map(Value::Int).collect()))
}

pub(super) fn set_contains<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    holds_all(&arguments[0], &arguments[1], budget).map(Value::Bool)
}

pub(super) fn set_equivalent<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (a, b) = (&arguments[0], &arguments[1]);
    Ok(Value::Bool(holds_all(a, b, budget)? && holds_all(b, a, budget)?))
}

pub(super) fn set_intersects<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    for item in items(&arguments[1], budget)? {
        if compare::contains(&arguments[0], &item, budget)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn holds_all(list: &Value<'_>, wanted: &Value<'_>, budget: &mut Budget) -> Result<bool, Fault> {
    for item in items(wanted, budget)? {
        if !compare::contains(list, &item, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}
