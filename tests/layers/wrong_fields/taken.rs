//! The edges of what a schema takes.

use serde_json::{Value, json};

use super::sample::{fits, number};

/// Times as RFC 3339 lets them be written.
const TIMES: &[&str] = &[
    "2026-01-01T00:00:00.123456789012Z",
    "2026-01-01T00:00:00+23:59",
    "2026-01-01t00:00:00z",
    "2026-06-30T23:59:60Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-12:00",
    "2026-01-01 00:00:00Z",
];
/// Quantities, and what else a number in a text can look like.
const NUMBERS: &[&str] = &[
    "1",
    "-1",
    "+1",
    "1.5",
    ".5",
    "1.",
    "1e3",
    "1E-3",
    "100m",
    "9Ei",
    "99999999999999999999",
    "10%",
    "x",
];

/// Values that a definition may take; one that is refused is none of them.
pub(super) fn all(schema: &Value, may_be_null: bool) -> Vec<Value> {
    let mut all = vec![];
    if may_be_null {
        all.push(Value::Null);
    }
    all.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    if schema["x-kubernetes-int-or-string"] == true {
        all.extend([json!(0), json!(-1), json!(i32::MAX), json!(i64::MAX), json!(1.0)]);
        all.extend(NUMBERS.iter().map(|text| json!(text)));
        return all;
    }
    match schema["type"].as_str() {
        Some("integer") => {
            let bounds = ["minimum", "maximum"]
                .iter()
                .filter_map(|bound| schema[*bound].as_i64());
            all.extend(bounds.map(Value::from));
            all.extend([
                json!(1.0),
                json!(1e2),
                json!(i32::MAX),
                json!(i32::MIN),
                json!(i64::MAX),
            ]);
        }
        Some("string") if schema["format"] == "date-time" => all.extend(TIMES.iter().map(|text| json!(text))),
        Some("string") => {
            let longest = "a".repeat(number(schema, "maxLength"));
            let texts = ["", "§", "a b\n", &longest];
            all.extend(texts.iter().filter(|text| fits(schema, text)).map(|text| json!(text)));
        }
        Some("array") => all.push(json!([])),
        Some("object") => all.push(json!({})),
        _ => all.extend([json!("text"), json!(1), json!(true), json!([])]),
    }
    all
}
