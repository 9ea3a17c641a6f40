//! Tables: the columns that kubectl prints, and where their cells come from.

mod age;
mod json_path;
mod render;

use serde_json::{Value, json};

pub use age::human_age;
pub use json_path::first as json_path_first;
pub use render::{RowSource, write_row};

use crate::registry::{Cell, Column, ResourceDefinition, Style};

/// The cells of an object for the columns after NAME, each as JSON on a line of its own, which JSON never breaks: one small
/// allocation that is written as it is. A date cell holds the timestamp, so that ages are right when read.
pub fn cells(definition: &ResourceDefinition, object: &Value) -> Box<str> {
    if definition.columns.is_empty() {
        return object["metadata"]["creationTimestamp"].to_string().into();
    }
    let cells = definition.columns.iter().map(|column| cell(column, object).to_string());
    cells.collect::<Vec<_>>().join("\n").into()
}

/// `columnDefinitions` of a table.
pub fn column_definitions(definition: &ResourceDefinition) -> Value {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": "Name of the object, unique in its namespace.",
    });
    let mut columns = if names_itself(definition) {
        Vec::new()
    } else {
        vec![name]
    };
    if definition.columns.is_empty() {
        columns.push(json!({
            "name": "Age", "type": "date", "format": "", "priority": 0,
            "description": "Time since the object was created.",
        }));
    }
    // The tables of built-in kinds are written by hand, with ready ages; a date is a time as it is stored.
    let shown = |r#type: &str| match (definition.style, r#type) {
        (Style::BuiltIn { .. }, "date") => "string".to_owned(),
        (Style::BuiltIn { .. }, "time") => "date".to_owned(),
        _ => r#type.to_owned(),
    };
    columns.extend(definition.columns.iter().map(|column| {
        json!({
            "name": column.name, "type": shown(&column.r#type), "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    }));
    Value::Array(columns)
}

/// Whether the definition has a column of its own for the name, which then need not be the first.
fn names_itself(definition: &ResourceDefinition) -> bool {
    definition.columns.iter().any(|column| column.name == "Name")
}

/// Whether a built-in kind has the table of kinds for which nobody wrote one: with the time at which objects were created.
pub fn is_usual(definition: &ResourceDefinition) -> bool {
    definition.columns.iter().any(|column| column.r#type == "time")
}

/// Whether the column after NAME at this position shows an age.
fn is_date(definition: &ResourceDefinition, position: usize) -> bool {
    definition
        .columns
        .get(position)
        .is_none_or(|column| column.r#type == "date")
}

/// One cell: a value of the column's type, or null.
fn cell(column: &Column, object: &Value) -> Value {
    let found = match &column.cell {
        Cell::Path(path) => json_path::first(path, object).cloned().unwrap_or_default(),
        Cell::Compute(compute) => compute(object),
    };
    match (column.r#type.as_str(), found) {
        ("string", Value::Null) => Value::Null,
        ("string" | "date" | "time", text @ Value::String(_)) => text,
        // Written by hand, a cell of a built-in kind may be something else.
        ("string", other @ (Value::Number(_) | Value::Bool(_))) if matches!(column.cell, Cell::Compute(_)) => other,
        ("string", other) => Value::String(other.to_string()),
        ("integer", Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.into(),
            // A column of integers shows the whole part, as kube-apiserver's conversion does.
            #[allow(clippy::cast_possible_truncation)]
            (None, Some(float)) => (float as i64).into(),
            (None, None) => Value::Null,
        },
        ("number", number @ Value::Number(_)) => number,
        ("boolean", boolean @ Value::Bool(_)) => boolean,
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(r#type: &str, path: &str) -> Column {
        Column {
            name: "C".into(),
            r#type: r#type.into(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            cell: Cell::Path(path.into()),
        }
    }

    #[test]
    fn cells_have_the_type_of_their_column() {
        let object =
            json!({"spec": {"n": 3, "f": 2.5, "s": "x", "b": true, "o": {"a": 1}}, "at": "2026-01-01T00:00:00Z"});
        let cases = [
            ("integer", ".spec.n", json!(3)),
            ("integer", ".spec.f", json!(2)),
            ("number", ".spec.f", json!(2.5)),
            ("string", ".spec.n", json!("3")),
            ("string", ".spec.s", json!("x")),
            ("string", ".spec.o", json!("{\"a\":1}")),
            ("boolean", ".spec.b", json!(true)),
            ("boolean", ".spec.s", json!(null)),
            ("date", ".at", json!("2026-01-01T00:00:00Z")),
            ("string", ".spec.missing", json!(null)),
        ];
        for (r#type, path, expected) in cases {
            assert_eq!(cell(&column(r#type, path), &object), expected, "{type} {path}");
        }
    }
}
