//! The JSONPath subset of printer columns: `.a.b`, `.a\.b`, `['a']`, `[0]`, `[*]` and `[?(@.type=="Ready")]`.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

/// The first value that a path finds; none when it finds nothing or makes no sense.
pub fn first<'a>(path: &str, value: &'a Value) -> Option<&'a Value> {
    let path = path.trim().trim_start_matches('{').trim_end_matches('}');
    walk(path.strip_prefix('$').unwrap_or(path), value)
}

fn walk<'a>(path: &str, value: &'a Value) -> Option<&'a Value> {
    if path.is_empty() || path == "." {
        return Some(value);
    }
    let (step, rest) = Step::parse(path)?;
    match step {
        Step::Field(name) => walk(rest, value.get(name.as_ref())?),
        Step::Index(index) => walk(rest, at(value.as_array()?, index)?),
        Step::All => children(value).find_map(|child| walk(rest, child)),
        Step::Where(condition) => value
            .as_array()?
            .iter()
            .filter(|item| condition.holds(item))
            .find_map(|item| walk(rest, item)),
    }
}

fn at(items: &[Value], index: i64) -> Option<&Value> {
    let from_end = usize::try_from(index.unsigned_abs()).ok()?;
    let position = if index < 0 {
        items.len().checked_sub(from_end)?
    } else {
        from_end
    };
    items.get(position)
}

fn children(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => Box::new(std::iter::empty()),
    }
}

enum Step<'p> {
    Field(Cow<'p, str>),
    Index(i64),
    All,
    Where(Condition<'p>),
}

impl<'p> Step<'p> {
    fn parse(path: &'p str) -> Option<(Step<'p>, &'p str)> {
        if let Some(inside) = path.strip_prefix('[') {
            let end = closing_bracket(inside)?;
            return Some((Step::parse_bracket(inside[..end].trim())?, &inside[end + 1..]));
        }
        let name = path.strip_prefix('.').unwrap_or(path);
        let end = end_of_name(name);
        match &name[..end] {
            "" => None,
            "*" => Some((Step::All, &name[end..])),
            field if field.contains('\\') => Some((Step::Field(field.replace('\\', "").into()), &name[end..])),
            field => Some((Step::Field(field.into()), &name[end..])),
        }
    }

    fn parse_bracket(inside: &'p str) -> Option<Step<'p>> {
        if inside == "*" {
            return Some(Step::All);
        }
        if let Some(condition) = inside.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
            return Condition::parse(condition).map(Step::Where);
        }
        match unquote(inside) {
            Some(name) => Some(Step::Field(name.into())),
            None => inside.parse().ok().map(Step::Index),
        }
    }
}

/// Where the bracket that is open at the start closes; brackets in quotes don't count.
fn closing_bracket(inside: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (index, character) in inside.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(index),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn end_of_name(name: &str) -> usize {
    let mut escaped = false;
    for (index, character) in name.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '.' | '[' => return index,
            _ => {}
        }
    }
    name.len()
}

fn unquote(text: &str) -> Option<&str> {
    ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
}

/// `@.type=="Ready"`; without an operator, that the field is there.
struct Condition<'p> {
    path: &'p str,
    comparison: Option<(&'p str, &'p str)>,
}

impl<'p> Condition<'p> {
    fn parse(text: &'p str) -> Option<Condition<'p>> {
        let text = text.trim().strip_prefix('@')?;
        for operator in ["==", "!=", "<=", ">=", "<", ">"] {
            if let Some((path, literal)) = text.split_once(operator) {
                return Some(Condition {
                    path: path.trim(),
                    comparison: Some((operator, literal.trim())),
                });
            }
        }
        Some(Condition {
            path: text.trim(),
            comparison: None,
        })
    }

    fn holds(&self, item: &Value) -> bool {
        let Some(found) = walk(self.path, item) else {
            return false;
        };
        let Some((operator, literal)) = self.comparison else {
            return true;
        };
        let equal = match unquote(literal) {
            Some(text) => found.as_str() == Some(text),
            None => serde_json::from_str::<Value>(literal).is_ok_and(|literal| literal == *found),
        };
        let order = || {
            found
                .as_f64()
                .zip(literal.parse::<f64>().ok())
                .and_then(|(a, b)| a.partial_cmp(&b))
        };
        match operator {
            "==" => equal,
            "!=" => !equal,
            "<=" => order().is_some_and(Ordering::is_le),
            ">=" => order().is_some_and(Ordering::is_ge),
            "<" => order().is_some_and(Ordering::is_lt),
            _ => order().is_some_and(Ordering::is_gt),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_first_match() {
        let object = json!({
            "spec": {"a.b/c": 1, "list": [{"n": 1}, {"n": 2, "x": "]"}], "odd key": true},
            "status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Ready", "status": "True"}]},
        });
        let cases = [
            (".spec.list[0].n", json!(1)),
            (".spec.list[-1].n", json!(2)),
            ("$.spec.list[*].n", json!(1)),
            ("{.spec.list[?(@.n>1)].x}", json!("]")),
            (".spec.a\\.b/c", json!(1)),
            (".spec['odd key']", json!(true)),
            (".status.conditions[?(@.type==\"Ready\")].status", json!("True")),
            (".status.conditions[?(@.type=='Ready')].status", json!("True")),
            (".status.conditions[?(@.type!=\"A\")].type", json!("Ready")),
            (".spec.list[?(@.x==\"]\")].n", json!(2)),
            (".spec.list[?(@.x)].n", json!(2)),
        ];
        for (path, expected) in cases {
            assert_eq!(first(path, &object), Some(&expected), "{path}");
        }
        for path in [
            ".spec.missing",
            ".spec.list[9]",
            ".spec.list[",
            ".spec..a",
            ".status.conditions[?(@.type==\"X\")].status",
            "[?(]",
        ] {
            assert_eq!(first(path, &object), None, "{path}");
        }
    }
}
