//! Whether a configuration fits the schema closely enough to be merged. Full validation comes after the merge.

use std::fmt;

use serde_json::Value;

use super::{path::PathElement, typed::Type};
use crate::schema::{Kind, ListType, Schema};

/// One problem of a configuration.
struct Problem {
    path: String,
    text: String,
}

/// The problems of a configuration in one message; `None` where it fits.
pub(super) fn problems(r#type: Type<'_>, config: &Value) -> Option<String> {
    let mut found = Vec::new();
    check(r#type, config, &mut Path::default(), &mut found);
    let shown = |problem: &Problem| match problem.path.as_str() {
        "" => problem.text.clone(),
        path => format!("{path}: {}", problem.text),
    };
    match found.as_slice() {
        [] => None,
        [only] => Some(shown(only)),
        several => {
            let lines: Vec<String> = several.iter().map(|problem| format!("  {}", shown(problem))).collect();
            Some(format!("errors:\n{}", lines.join("\n")))
        }
    }
}

/// Where the walk is; text is made only for problems.
#[derive(Default)]
struct Path<'a> {
    steps: Vec<Step<'a>>,
}

enum Step<'a> {
    Field(&'a str),
    Element(PathElement),
}

impl Path<'_> {
    fn problem(&self, text: impl Into<String>) -> Problem {
        Problem {
            path: self.to_string(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| match step {
            Step::Field(name) => write!(f, ".{name}"),
            Step::Element(element) => write!(f, "{element}"),
        })
    }
}

fn check<'v>(r#type: Type<'_>, value: &'v Value, path: &mut Path<'v>, found: &mut Vec<Problem>) {
    let Some(schema) = r#type.schema() else { return };
    if value.is_null() {
        return;
    }
    match (schema.kind(), value) {
        (Kind::Object | Kind::Any, Value::Object(_)) => check_fields(r#type, value, path, found),
        (Kind::Array | Kind::Any, Value::Array(items)) => check_items(r#type, items, path, found),
        _ => found.extend(mismatch(schema, value).map(|text| path.problem(text))),
    }
}

fn check_fields<'v>(r#type: Type<'_>, value: &'v Value, path: &mut Path<'v>, found: &mut Vec<Problem>) {
    for (name, content) in value.as_object().into_iter().flatten() {
        path.steps.push(Step::Field(name));
        let field = r#type.declared_field(name);
        match &field {
            Some(field) => check(field.r#type, content, path, found),
            None => found.push(path.problem("field not declared in schema")),
        }
        path.steps.pop();
        if field.is_none() {
            // One unknown field per object is enough to refuse it.
            return;
        }
    }
}

fn check_items<'v>(list: Type<'_>, items: &'v [Value], path: &mut Path<'v>, found: &mut Vec<Problem>) {
    let list_type = list.schema().map_or(ListType::Atomic, Schema::list_type);
    let mut seen = std::collections::BTreeSet::new();
    for (at, item) in items.iter().enumerate() {
        let element = if list_type == ListType::Atomic {
            PathElement::Index(i64::try_from(at).unwrap_or(i64::MAX))
        } else {
            let Some(element) = list.item_element(item) else {
                found.push(path.problem(format!("element {at}: {}", no_identity(list_type, item))));
                return;
            };
            if !seen.insert(element.clone()) {
                found.push(path.problem(format!("duplicate entries for key {element}")));
            }
            element
        };
        path.steps.push(Step::Element(element));
        check(list.item(), item, path, found);
        path.steps.pop();
    }
}

/// Why an item can't be told apart from others.
fn no_identity(list_type: ListType<'_>, item: &Value) -> String {
    match (list_type, item) {
        (ListType::Map(_), Value::Null) => "associative list with keys may not have a null element".to_owned(),
        (ListType::Map(keys), Value::Object(_)) => {
            let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default \
                 values for any key fields)",
                keys.join(" ")
            )
        }
        (ListType::Map(_), _) => "associative list with keys may not have non-map elements".to_owned(),
        (_, Value::Object(_)) => "associative list without keys has an element that's a map type".to_owned(),
        (_, Value::Array(_)) => "not supported: associative list with lists as elements".to_owned(),
        _ => "associative list without keys has an element that's an explicit null".to_owned(),
    }
}

/// What is expected instead of this value; `None` where it fits.
fn mismatch(schema: &Schema, value: &Value) -> Option<String> {
    let scalar = value.is_string() || value.is_number() || value.is_boolean();
    match schema.kind() {
        Kind::Object => Some(format!("expected map, got &{{{}}}", Printed(value))),
        Kind::Array => Some(format!("expected list, got &{{{}}}", Printed(value))),
        Kind::Integer | Kind::Number if !value.is_number() => {
            Some(format!("expected numeric (int or float), got {}", type_name(value)))
        }
        Kind::String if !value.is_string() => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            GoSyntax(value)
        )),
        Kind::Boolean if !value.is_boolean() => Some(format!("expected boolean, got &{{{}}}", Printed(value))),
        Kind::Any if !scalar => Some(format!("expected any scalar, got &{{{}}}", Printed(value))),
        _ => None,
    }
}

/// The name that Go has for the type of a decoded JSON value.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A value as Go prints it: `map[a:1 b:[x y]]`.
struct Printed<'a>(&'a Value);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("<nil>"),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { " " }, Printed(item))?;
                }
                f.write_str("]")
            }
            Value::Object(fields) => {
                f.write_str("map[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}:{}", if at == 0 { "" } else { " " }, Printed(value))?;
                }
                f.write_str("]")
            }
            other => write!(f, "{other}"),
        }
    }
}

/// A value as Go source: `map[string]interface {}{"a":1}`.
struct GoSyntax<'a>(&'a Value);

impl fmt::Display for GoSyntax<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comma = |at: usize| if at == 0 { "" } else { ", " };
        match self.0 {
            Value::Null => f.write_str("interface {}(nil)"),
            Value::Array(items) => {
                f.write_str("[]interface {}{")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", comma(at), GoSyntax(item))?;
                }
                f.write_str("}")
            }
            Value::Object(fields) => {
                f.write_str("map[string]interface {}{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name:?}:{}", comma(at), GoSyntax(value))?;
                }
                f.write_str("}")
            }
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apply::tests::schema;

    fn refused(spec: Value) -> Option<String> {
        problems(Type::root(&schema()), &json!({"spec": spec}))
    }

    #[test]
    fn what_fits() {
        for spec in [
            json!(null),
            json!({"n": null, "labels": {"a": "b"}, "free": {"x": [{"y": 1}]}, "any": [1], "list": [1, 1]}),
            json!({"ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}], "ids": [1, 2], "portName": "http"}),
        ] {
            assert_eq!(refused(spec), None);
        }
    }

    #[test]
    fn what_does_not_fit() {
        for (spec, text) in [
            (json!({"bogus": 1}), ".spec.bogus: field not declared in schema"),
            (
                json!({"n": "5"}),
                ".spec.n: expected numeric (int or float), got string",
            ),
            (
                json!({"text": 5}),
                ".spec.text: expected string, got &value.valueUnstructured{Value:5}",
            ),
            (
                json!({"text": {"a": [1, null]}}),
                ".spec.text: expected string, got \
                 &value.valueUnstructured{Value:map[string]interface {}{\"a\":[]interface {}{1, interface {}(nil)}}}",
            ),
            (json!({"labels": ["a"]}), ".spec.labels: expected map, got &{[a]}"),
            (json!({"list": {"a": 1}}), ".spec.list: expected list, got &{map[a:1]}"),
            (
                json!({"list": ["a"]}),
                ".spec.list[0]: expected numeric (int or float), got string",
            ),
            (json!({"ids": [1, 1]}), ".spec.ids: duplicate entries for key [=1]"),
            (
                json!({"ports": [{"port": 1}, {"port": 1, "protocol": "TCP", "name": 4}]}),
                "errors:\n  .spec.ports: duplicate entries for key [port=1,protocol=\"TCP\"]\n  \
                 .spec.ports[port=1,protocol=\"TCP\"].name: expected string, got &value.valueUnstructured{Value:4}",
            ),
            (
                json!({"ports": [5]}),
                ".spec.ports: element 0: associative list with keys may not have non-map elements",
            ),
            (
                json!({"ids": [null]}),
                ".spec.ids: element 0: associative list without keys has an element that's an explicit null",
            ),
        ] {
            assert_eq!(refused(spec).as_deref(), Some(text));
        }
    }
}
