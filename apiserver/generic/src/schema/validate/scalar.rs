//! The rules of strings and numbers.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{NO_FIELD, Problems, field_at, quote};
use crate::{
    schema::{
        Kind, Schema,
        decode::as_whole,
        formats::Format,
        path::Path,
        rules::{Bound, Rules},
    },
    status::FieldError,
};

pub(super) fn check_text(schema: &Schema, text: &str, path: Path<'_>, problems: &mut Problems) {
    let Some(rules) = schema.rules.as_deref() else { return };
    check_length_and_pattern(rules, text, path, problems);
    let Some(format) = &rules.format else { return };
    if !format.check.accepts(text) {
        problems.add(|| {
            let detail = format!("{path} in body must be of type {}: {}", format.name, quote(text));
            FieldError::type_invalid(field_at(path), Value::from(text), detail)
        });
    }
}

/// Reports the first of too long, too short, and no match.
fn check_length_and_pattern(rules: &Rules, text: &str, path: Path<'_>, problems: &mut Problems) {
    if let Some(max) = rules.max_length
        && is_longer(text, max)
    {
        problems.add(|| FieldError::too_long(field_at(path), max));
        return;
    }
    if let Some(min) = rules.min_length
        && text.chars().count() < min
    {
        problems.add(|| should(path, Value::from(text), format_args!("be at least {min} chars long")));
        return;
    }
    if let Some(pattern) = &rules.pattern
        && !pattern.0.is_match(text)
    {
        problems.add(|| should(path, Value::from(text), format_args!("match '{}'", pattern.0.as_str())));
    }
}

/// Whether the text has more than `max` characters; the bytes decide nearly always.
fn is_longer(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().count() > max
}

pub(super) fn check_number(schema: &Schema, number: &Number, path: Path<'_>, problems: &mut Problems) {
    check_range(schema, number, path, problems);
    let Some(rules) = schema.rules.as_deref() else { return };
    if let Some(factor) = &rules.multiple_of
        && !is_multiple(number, factor)
    {
        problems.add(|| {
            should(
                path,
                Value::Number(number.clone()),
                format_args!("be a multiple of {factor}"),
            )
        });
    }
    if let Some(Bound { limit, exclusive }) = &rules.minimum
        && breaks(number, limit, Ordering::Less, *exclusive)
    {
        let or_equal = if *exclusive { "" } else { " or equal to" };
        problems.add(|| {
            should(
                path,
                Value::Number(number.clone()),
                format_args!("be greater than{or_equal} {limit}"),
            )
        });
    }
    if let Some(Bound { limit, exclusive }) = &rules.maximum
        && breaks(number, limit, Ordering::Greater, *exclusive)
    {
        let or_equal = if *exclusive { "" } else { " or equal to" };
        problems.add(|| {
            should(
                path,
                Value::Number(number.clone()),
                format_args!("be less than{or_equal} {limit}"),
            )
        });
    }
}

/// An integer must be whole and fit its format: 32 bits, or 64 where none is declared.
fn check_range(schema: &Schema, number: &Number, path: Path<'_>, problems: &mut Problems) {
    if schema.kind != Kind::Integer {
        return;
    }
    let format = schema
        .rules
        .as_deref()
        .and_then(|rules| rules.format.as_ref())
        .map(|format| format.check);
    let whole = number.as_i64().or_else(|| number.as_f64().and_then(as_whole));
    let fits = whole.is_some_and(|value| format != Some(Format::Int32) || i32::try_from(value).is_ok());
    if fits {
        return;
    }
    let form = match format {
        Some(Format::Int32) => "with format int32",
        Some(Format::Int64) => "with format int64",
        _ => "(default format)",
    };
    problems.add(|| {
        let detail = format!("Checked value must be of type integer {form} in {path}");
        FieldError::invalid(NO_FIELD, "", detail)
    });
}

fn breaks(number: &Number, limit: &Number, wrong: Ordering, exclusive: bool) -> bool {
    let order = compare(number, limit);
    order == Some(wrong) || (exclusive && order == Some(Ordering::Equal))
}

/// Compares exactly where both are 64-bit integers, else as floats.
fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}

/// A factor that is not above zero refuses everything, as kube-apiserver's does.
fn is_multiple(number: &Number, factor: &Number) -> bool {
    if let (Some(value), Some(factor)) = (number.as_i64(), factor.as_i64()) {
        return factor > 0 && value % factor == 0;
    }
    let (Some(value), Some(factor)) = (number.as_f64(), factor.as_f64()) else {
        return false;
    };
    factor > 0.0 && (value / factor).fract() == 0.0
}

/// `Invalid value: V: PATH in body should RULE`.
pub(super) fn should(path: Path<'_>, value: Value, rule: std::fmt::Arguments<'_>) -> FieldError {
    let detail = format!("{path} in body should {rule}");
    FieldError::invalid(field_at(path), value, detail)
}
