//! What goes to stdout: tables as kubectl prints them, and objects in the forms of `-o`.

use clap::ValueEnum;
use guestcluster_types::columns::Column;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};

/// The forms of `-o` for one object or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// `kind.group/name`
    Name,
    /// A table with more columns
    Wide,
}

/// Prints an object as JSON or YAML.
pub(crate) fn print_object(object: &impl Serialize, format: Format) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::failed(format!("cannot print the object: {error}"));
    // Through a JSON value, so that keys come sorted as kubectl prints them.
    let value = serde_json::to_value(object).map_err(|error| failed(&error))?;
    match format {
        Format::Json | Format::Wide | Format::Name => println!("{value:#}"),
        Format::Yaml => print!("{}", serde_saphyr::to_string(&value).map_err(|error| failed(&error))?),
    }
    Ok(())
}

/// Prints several objects as one list.
pub(crate) fn print_list<T: Serialize>(objects: &[T], format: Format) -> Result<()> {
    print_object(
        &json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": objects}),
        format,
    )
}

/// A table of objects by their columns, times as ages.
pub(crate) fn objects(columns: &[Column], objects: &[Value], namespaces: bool, wide: bool) -> String {
    let columns: Vec<_> = columns.iter().filter(|column| column.priority == 0 || wide).collect();
    let mut headers = vec!["Name"];
    if namespaces {
        headers.insert(0, "Namespace");
    }
    headers.extend(columns.iter().map(|column| column.name));
    let now = jiff::Timestamp::now();
    let text = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    let row = |object: &Value| {
        let mut row = vec![text(object, "name")];
        if namespaces {
            row.insert(0, text(object, "namespace"));
        }
        let cells = columns
            .iter()
            .map(|column| cell(&(column.cell)(object), column.r#type == "date", now));
        row.extend(cells);
        row
    };
    table(&headers, &objects.iter().map(row).collect::<Vec<_>>())
}

fn cell(value: &Value, date: bool, now: jiff::Timestamp) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if date => match text.parse::<jiff::Timestamp>() {
            Ok(time) => age(now.duration_since(time).as_secs()),
            Err(_) => "<unknown>".to_owned(),
        },
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A table as kubectl prints it: capital headers, columns three spaces apart, nothing behind the last.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>]) -> String {
    let upper: Vec<String> = headers.iter().map(|header| header.to_uppercase()).collect();
    let mut widths: Vec<usize> = upper.iter().map(|header| header.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&upper).chain(rows) {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("   ").trim_end());
        text.push('\n');
    }
    text
}

/// An age as kubectl shows it: `45s`, `3m20s`, `5h`, `2d`.
pub(crate) fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..600 if seconds % 60 != 0 => format!("{minutes}m{}s", seconds % 60),
        120..10_800 => format!("{minutes}m"),
        10_800..28_800 if minutes % 60 != 0 => format!("{hours}h{}m", minutes % 60),
        10_800..172_800 => format!("{hours}h"),
        172_800..691_200 if hours % 24 != 0 => format!("{days}d{}h", hours % 24),
        _ => format!("{days}d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_end_with_their_text() {
        let rows = vec![
            vec!["dev".to_owned(), "v1.34.2".to_owned()],
            vec!["production".to_owned(), "-".to_owned()],
        ];
        assert_eq!(
            table(&["Name", "Version"], &rows),
            "NAME         VERSION\ndev          v1.34.2\nproduction   -\n"
        );
    }

    #[test]
    fn ages_are_kubectls() {
        for (seconds, expected) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (200, "3m20s"),
            (600, "10m"),
            (10_800, "3h"),
            (11_400, "3h10m"),
            (90_000, "25h"),
            (176_400, "2d1h"),
            (700_000, "8d"),
        ] {
            assert_eq!(age(seconds), expected, "{seconds}");
        }
    }
}
