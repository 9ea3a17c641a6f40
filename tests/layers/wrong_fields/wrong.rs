//! Each way in which a value can be wrong by its schema.

use serde_json::{Value, json};

use super::sample::{fits, number, object, sample};

/// A value that is not taken.
pub(super) struct Wrong {
    /// In which way.
    pub(super) way: &'static str,
    pub(super) value: Value,
    /// Beyond the field itself, which field below it is named.
    pub(super) below: String,
    /// What the answer says: each value that is accepted, or the bound.
    pub(super) says: Vec<String>,
}

/// A field that no kind has.
const UNKNOWN: &str = "nobodyKnowsThis";

/// Everything that is wrong, and null if that is.
pub(super) fn all(schema: &Value, may_be_null: bool) -> Vec<Wrong> {
    let mut all = types(schema);
    all.retain(|wrong| !(wrong.value.is_null() && may_be_null));
    words(schema, &mut all);
    texts(schema, &mut all);
    numbers(schema, &mut all);
    lists(schema, &mut all);
    objects(schema, &mut all);
    all
}

fn wrong(way: &'static str, value: impl Into<Value>, says: &[&str]) -> Wrong {
    Wrong {
        way,
        value: value.into(),
        below: String::new(),
        says: says.iter().map(|text| (*text).to_owned()).collect(),
    }
}

/// A value of each other type of JSON.
fn types(schema: &Value) -> Vec<Wrong> {
    let takes: &[&str] = match schema["type"].as_str() {
        _ if schema["x-kubernetes-int-or-string"] == true => &["string", "integer"],
        Some("number") => &["number", "integer"],
        Some(type_) => &[type_],
        None => return vec![],
    };
    let values = [
        ("null", Value::Null),
        ("boolean", json!(true)),
        ("integer", json!(1)),
        ("number", json!(1.5)),
        ("string", json!("text")),
        ("array", json!([])),
        ("object", json!({})),
    ];
    let others = values.into_iter().filter(|(type_, _)| !takes.contains(type_));
    others.map(|(type_, value)| wrong(type_, value, &[])).collect()
}

fn words(schema: &Value, all: &mut Vec<Wrong>) {
    let Some(values) = schema["enum"].as_array() else {
        return;
    };
    let accepted: Vec<_> = values.iter().filter_map(Value::as_str).collect();
    all.push(wrong("another word", "Sometimes", &accepted));
    if let Some(word) = accepted.iter().find(|word| !word.is_empty()) {
        let other = word.to_uppercase();
        if !accepted.contains(&other.as_str()) {
            all.push(wrong("a word in capitals", other, &accepted));
        }
    }
}

fn texts(schema: &Value, all: &mut Vec<Wrong>) {
    if let Some(most) = schema["maxLength"].as_u64() {
        let long = "a".repeat(number(schema, "maxLength") + 1);
        all.push(wrong("too long", long, &[&most.to_string()]));
    }
    let least = number(schema, "minLength");
    if least > 0 {
        all.push(wrong("too short", "a".repeat(least - 1), &[&least.to_string()]));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let text = "§".repeat(least.max(1));
        assert!(!fits(schema, &text));
        all.push(wrong("of another form", text, &[pattern]));
    }
    if schema["type"] == "string"
        && let Some(format) = schema["format"].as_str()
    {
        all.push(wrong("of another format", "§", &[format]));
    }
}

fn numbers(schema: &Value, all: &mut Vec<Wrong>) {
    if let Some(least) = schema["minimum"].as_i64() {
        all.push(wrong("too small", least - 1, &[&least.to_string()]));
    }
    if let Some(most) = schema["maximum"].as_i64() {
        all.push(wrong("too large", most + 1, &[&most.to_string()]));
    }
    if schema["type"] == "integer" {
        let most = match schema["format"].as_str() {
            Some("int32") => i64::from(i32::MAX).cast_unsigned(),
            _ => i64::MAX.cast_unsigned(),
        };
        all.push(wrong("too large for the type", most + 1, &[]));
    }
}

fn lists(schema: &Value, all: &mut Vec<Wrong>) {
    let item = || sample(&schema["items"]);
    let (least, most) = (number(schema, "minItems"), number(schema, "maxItems"));
    if least > 0 {
        all.push(wrong(
            "too few items",
            vec![item(); least - 1],
            &[&format!("at least {least} items")],
        ));
    }
    if most > 0 {
        all.push(wrong("too many items", vec![item(); most + 1], &[&most.to_string()]));
    }
    let is_unique = matches!(schema["x-kubernetes-list-type"].as_str(), Some("set" | "map"));
    if is_unique || schema["uniqueItems"] == true {
        all.push(Wrong {
            below: "[1]".to_owned(),
            ..wrong("an item twice", vec![item(); least.max(2)], &["Duplicate value"])
        });
    }
}

fn objects(schema: &Value, all: &mut Vec<Wrong>) {
    let (least, most) = (number(schema, "minProperties"), number(schema, "maxProperties"));
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
    if least > 0 && required.is_empty() {
        all.push(wrong("empty", json!({}), &[&least.to_string()]));
    }
    if most > 0 {
        let fields = (0..=most).map(|index| (format!("k{index}"), sample(&schema["additionalProperties"])));
        all.push(wrong(
            "too many fields",
            fields.collect::<serde_json::Map<_, _>>(),
            &[&most.to_string()],
        ));
    }
    for name in required.iter().filter_map(|name| name.as_str()) {
        let mut fields = object(schema);
        fields.remove(name);
        all.push(Wrong {
            below: format!(".{name}"),
            ..wrong("without a required field", fields, &["Required value"])
        });
    }
    if schema.get("properties").is_some() && schema["x-kubernetes-preserve-unknown-fields"] != true {
        let mut fields = object(schema);
        fields.insert(UNKNOWN.to_owned(), json!(1));
        all.push(Wrong {
            below: format!(".{UNKNOWN}"),
            ..wrong("with an unknown field", fields, &["unknown field"])
        });
    }
}
