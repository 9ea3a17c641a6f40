//! The rules of strings and numbers.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::{NO_FIELD, Problems, quote};
use crate::{
    schema::{
        Kind, Schema,
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
            let field = path.to_string();
            let detail = format!("{field} in body must be of type {}: {}", format.name, quote(text));
            FieldError::type_invalid(field, Value::from(text), detail)
        });
    }
}

/// Reports the first of too long, too short, and no match.
fn check_length_and_pattern(rules: &Rules, text: &str, path: Path<'_>, problems: &mut Problems) {
    if let Some(max) = rules.max_length
        && is_longer(text, max)
    {
        problems.add(|| FieldError::too_long(path.to_string(), max));
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
    let Some(rules) = schema.rules.as_deref() else { return };
    check_range(schema, rules, number, problems, path);
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

/// An integer must fit its format: 32 bits, or 64 where none is declared.
fn check_range(schema: &Schema, rules: &Rules, number: &Number, problems: &mut Problems, path: Path<'_>) {
    if schema.kind != Kind::Integer {
        return;
    }
    let Some(format) = &rules.format else { return };
    let Some(value) = number.as_i64() else { return };
    if format.check == Format::Int32 && i32::try_from(value).is_err() {
        problems.add(|| {
            let detail = format!(
                "Checked value must be of type integer with format {} in {path}",
                format.name
            );
            FieldError::invalid(NO_FIELD, Value::from(""), detail)
        });
    }
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
    let field = path.to_string();
    let detail = format!("{field} in body should {rule}");
    FieldError::invalid(field, value, detail)
}
