//! JSON in a form that is short and still diffs well: what fits on a line stays on it.

use serde_json::Value;

const WIDTH: usize = 120;

/// The text of a generated file.
pub(crate) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, indent: usize, out: &mut String) {
    let compact = value.to_string();
    if indent + compact.len() <= WIDTH {
        out.push_str(&compact);
        return;
    }
    match value {
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (Some(key), value));
            block(entries, ('{', '}'), indent, out);
        }
        Value::Array(items) => block(items.iter().map(|value| (None, value)), ('[', ']'), indent, out),
        _ => out.push_str(&compact),
    }
}

fn block<'a>(
    entries: impl Iterator<Item = (Option<&'a String>, &'a Value)>,
    (open, close): (char, char),
    indent: usize,
    out: &mut String,
) {
    out.push(open);
    for (position, (key, value)) in entries.enumerate() {
        out.push_str(if position == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(indent + 1));
        if let Some(key) = key {
            out.push_str(&Value::from(key.as_str()).to_string());
            out.push(':');
        }
        write(value, indent + 1, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push(close);
}
