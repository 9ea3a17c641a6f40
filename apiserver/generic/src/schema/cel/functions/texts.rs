//! Strings. Places in them are counted in characters.

use std::{borrow::Cow, sync::Arc};

use regex::Regex;

use super::{Budget, Fault, Value};
use crate::schema::patterns;

type Outcome<'a> = Result<Value<'a>, Fault>;

/// What `matches` costs for each four characters of its pattern, in tenths for each character of the text.
const PATTERN_STEP: usize = 4;

fn text<'v>(arguments: &'v [Value<'_>], at: usize) -> Result<&'v str, Fault> {
    match arguments.get(at) {
        Some(Value::Text(text)) => Ok(text),
        _ => Err(Fault::NoSuchOverload),
    }
}

fn number(arguments: &[Value<'_>], at: usize) -> Result<Option<i64>, Fault> {
    match arguments.get(at) {
        None => Ok(None),
        Some(Value::Int(value)) => Ok(Some(*value)),
        Some(_) => Err(Fault::NoSuchOverload),
    }
}

/// The first text, paid for.
fn first<'v>(arguments: &'v [Value<'_>], budget: &mut Budget) -> Result<&'v str, Fault> {
    let text = text(arguments, 0)?;
    budget.traverse(text.len())?;
    Ok(text)
}

fn int<'a>(number: usize) -> Outcome<'a> {
    i64::try_from(number)
        .map(Value::Int)
        .map_err(|_| Fault::error("integer overflow"))
}

fn out_of_range(index: i64) -> Fault {
    Fault::error(format!("index out of range: {index}"))
}

pub(super) fn size<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    match &arguments[0] {
        Value::Bytes(bytes) => int(bytes.len()),
        _ => int(first(arguments, budget)?.chars().count()),
    }
}

pub(super) fn contains<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(first(arguments, budget)?.contains(text(arguments, 1)?)))
}

pub(super) fn starts_with<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(text(arguments, 0)?.starts_with(text(arguments, 1)?)))
}

pub(super) fn ends_with<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(text(arguments, 0)?.ends_with(text(arguments, 1)?)))
}

/// The text and the compiled pattern, paid for.
fn searched<'v>(arguments: &'v [Value<'_>], budget: &mut Budget) -> Result<(&'v str, Arc<Regex>), Fault> {
    let (text, pattern) = (text(arguments, 0)?, text(arguments, 1)?);
    budget.traverse((text.len() + 1).saturating_mul(pattern.len() / PATTERN_STEP + 1))?;
    if let Some(known) = patterns::known(pattern) {
        return Ok((text, known));
    }
    // One from the object, as those of rules are known. Compiling takes far longer than matching.
    budget.charge(100)?;
    budget.traverse(pattern.len().saturating_mul(10))?;
    let pattern = patterns::compile(pattern).map_err(|error| Fault::error(format!("Illegal regex: {error}")))?;
    Ok((text, Arc::new(pattern)))
}

pub(super) fn matches<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (text, pattern) = searched(arguments, budget)?;
    Ok(Value::Bool(pattern.is_match(text)))
}

pub(super) fn find<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (text, pattern) = searched(arguments, budget)?;
    Ok(Value::text(pattern.find(text).map_or("", |found| found.as_str())))
}

pub(super) fn find_all<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let most = number(arguments, 2)?
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    let (text, pattern) = searched(arguments, budget)?;
    let found = pattern.find_iter(text).take(most);
    Ok(Value::list(found.map(|found| Value::text(found.as_str())).collect()))
}

/// Where in bytes a character begins; the end for the place after the last.
fn offset(text: &str, index: usize) -> Option<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(index)
}

pub(super) fn char_at<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let text = first(arguments, budget)?;
    let index = number(arguments, 1)?.unwrap_or_default();
    let at = usize::try_from(index).ok().and_then(|index| offset(text, index));
    let rest = &text[at.ok_or_else(|| out_of_range(index))?..];
    Ok(Value::text(rest.chars().next().map(String::from).unwrap_or_default()))
}

pub(super) fn index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (text, wanted) = (first(arguments, budget)?, text(arguments, 1)?);
    let from = number(arguments, 2)?.unwrap_or(0);
    let start = usize::try_from(from).map_err(|_| out_of_range(from))?;
    let Some(begin) = offset(text, start) else {
        return match wanted.is_empty() {
            true => int(text.chars().count()),
            false => Ok(Value::Int(-1)),
        };
    };
    match text[begin..].find(wanted) {
        Some(found) => int(start + text[begin..begin + found].chars().count()),
        None => Ok(Value::Int(-1)),
    }
}

pub(super) fn last_index_of<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (text, wanted) = (first(arguments, budget)?, text(arguments, 1)?);
    let length = text.chars().count();
    let Some(last) = number(arguments, 2)? else {
        return match text.rfind(wanted) {
            Some(found) => int(text[..found].chars().count()),
            None => Ok(Value::Int(-1)),
        };
    };
    let last = usize::try_from(last).map_err(|_| out_of_range(last))?;
    if wanted.is_empty() {
        return int(last.min(length));
    }
    // The highest place that a match may begin at is given; it may go on beyond.
    let end = offset(text, last.saturating_add(wanted.chars().count())).unwrap_or(text.len());
    match text[..end].rfind(wanted).filter(|_| last < length) {
        Some(found) => int(text[..found].chars().count()),
        None => Ok(Value::Int(-1)),
    }
}

pub(super) fn lower<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::text(first(arguments, budget)?.to_ascii_lowercase()))
}

pub(super) fn upper<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::text(first(arguments, budget)?.to_ascii_uppercase()))
}

pub(super) fn replace<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (whole, from, to) = (first(arguments, budget)?, text(arguments, 1)?, text(arguments, 2)?);
    let most = number(arguments, 3)?
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    // What it makes can be much longer than what it is made of.
    let times = whole.matches(from).take(most).count();
    budget.traverse(times.saturating_mul(to.len()))?;
    Ok(Value::text(whole.replacen(from, to, most)))
}

pub(super) fn split<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let (text, separator) = (first(arguments, budget)?, text(arguments, 1)?);
    budget.traverse(text.len())?;
    let most = match number(arguments, 2)? {
        Some(most) if most >= 0 => usize::try_from(most).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let parts: Vec<&str> = match (most, separator) {
        (0, _) => Vec::new(),
        // Into characters.
        (_, "") => {
            let cut = offset(text, most - 1).unwrap_or(text.len());
            let whole = text[..cut].char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
            whole.chain((cut < text.len()).then(|| &text[cut..])).collect()
        }
        (most, separator) => text.splitn(most, separator).collect(),
    };
    Ok(Value::list(parts.into_iter().map(Value::text).collect()))
}

pub(super) fn join<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let separator = match arguments.get(1) {
        Some(_) => text(arguments, 1)?,
        None => "",
    };
    let mut joined = String::new();
    for (at, item) in arguments[0].items().enumerate() {
        let Value::Text(item) = item? else {
            return Err(Fault::NoSuchOverload);
        };
        budget.traverse(item.len() + separator.len())?;
        if at > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&item);
    }
    Ok(Value::text(joined))
}

pub(super) fn substring<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let text = first(arguments, budget)?;
    let start = number(arguments, 1)?.unwrap_or_default();
    let end = number(arguments, 2)?;
    if let Some(end) = end.filter(|end| *end < start) {
        let problem = format!("invalid substring range. start: {start}, end: {end}");
        return Err(Fault::Error(problem));
    }
    let place = |index: i64| {
        let at = usize::try_from(index).ok().and_then(|index| offset(text, index));
        at.ok_or_else(|| out_of_range(index))
    };
    let begin = place(start)?;
    let end = end.map_or(Ok(text.len()), place)?;
    Ok(Value::text(&text[begin..end]))
}

pub(super) fn trim<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::text(first(arguments, budget)?.trim()))
}

pub(super) fn quote<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let mut quoted = String::from("\"");
    for character in first(arguments, budget)?.chars() {
        let escaped = match character {
            '\x07' => Cow::Borrowed("\\a"),
            '\x08' => Cow::Borrowed("\\b"),
            '\x0c' => Cow::Borrowed("\\f"),
            '\n' => Cow::Borrowed("\\n"),
            '\r' => Cow::Borrowed("\\r"),
            '\t' => Cow::Borrowed("\\t"),
            '\x0b' => Cow::Borrowed("\\v"),
            '\\' => Cow::Borrowed("\\\\"),
            '"' => Cow::Borrowed("\\\""),
            other => Cow::Owned(other.to_string()),
        };
        quoted.push_str(&escaped);
    }
    quoted.push('"');
    Ok(Value::text(quoted))
}
