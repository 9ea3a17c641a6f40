//! Equality and order of JSON values as server-side apply sees them: numbers compare by value, whatever their notation.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Whether two values are the same; `1` equals `1.0`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b).is_eq(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

/// A value that sorts, to find it among many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderedValue<'v>(pub(crate) &'v Value);

impl Ord for OrderedValue<'_> {
    fn cmp(&self, other: &OrderedValue<'_>) -> Ordering {
        compare(self.0, other.0)
    }
}

impl PartialOrd for OrderedValue<'_> {
    fn partial_cmp(&self, other: &OrderedValue<'_>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OrderedValue<'_> {
    fn eq(&self, other: &OrderedValue<'_>) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OrderedValue<'_> {}

/// A total order: numbers, strings, booleans, lists, maps, null.
pub(super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => a
            .iter()
            .zip(b)
            .map(|(a, b)| compare(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(a.len().cmp(&b.len())),
        (Value::Object(a), Value::Object(b)) => a
            .iter()
            .zip(b)
            .map(|((key_a, a), (key_b, b))| key_a.cmp(key_b).then_with(|| compare(a, b)))
            .find(|order| order.is_ne())
            .unwrap_or(a.len().cmp(&b.len())),
        _ => rank(a).cmp(&rank(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn compare_numbers(a: &Number, b: &Number) -> Ordering {
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a.cmp(&b);
    }
    let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
    // JSON has neither NaN nor -0 as an integer; adding 0.0 makes -0.0 equal 0.
    (a + 0.0).total_cmp(&(b + 0.0))
}

fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_compare_by_value() {
        assert!(same(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(same(&json!(-0.0), &json!(0)));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
        assert_eq!(compare(&json!(2), &json!(10)), Ordering::Less);
        assert_eq!(compare(&json!(-1), &json!(u64::MAX)), Ordering::Less);
    }

    #[test]
    fn kinds_have_an_order() {
        let sorted = [
            json!(3),
            json!("a"),
            json!(false),
            json!([1]),
            json!({"a": 1}),
            json!(null),
        ];
        for (at, a) in sorted.iter().enumerate() {
            for (to, b) in sorted.iter().enumerate() {
                assert_eq!(compare(a, b), at.cmp(&to), "{a} and {b}");
            }
        }
    }
}
