//! One step of a path into an object, in the notations of `FieldsV1` and of messages.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::value;

/// One step from a value to a part of it.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of an object: `f:name`.
    Field(Arc<str>),
    /// The item of an associative list with these key fields, sorted by name: `k:{"port":80}`.
    Key(Arc<[(Arc<str>, Value)]>),
    /// This item of a set: `v:"x"`.
    Value(Arc<Value>),
    /// The item at this index: `i:0`.
    Index(i64),
}

/// A `FieldsV1` key that is no path element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A kind of element that this version does not know: skipped, as newer servers may write it.
    UnknownKind,
    /// Broken.
    Malformed,
}

impl PathElement {
    /// A field of an object.
    pub fn field(name: &str) -> PathElement {
        PathElement::Field(name.into())
    }

    /// The item of an associative list with these key fields.
    pub fn key(mut fields: Vec<(Arc<str>, Value)>) -> PathElement {
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        PathElement::Key(fields.into())
    }

    /// Reads a key of `FieldsV1`.
    pub(super) fn parse(text: &str) -> Result<PathElement, Unreadable> {
        let (kind, content) = text.split_once(':').ok_or(Unreadable::Malformed)?;
        match kind {
            "f" => Ok(PathElement::field(content)),
            "v" => parse_json(content).map(|value| PathElement::Value(Arc::new(value))),
            "k" => match parse_json(content)? {
                Value::Object(fields) => Ok(PathElement::key(
                    fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                )),
                _ => Err(Unreadable::Malformed),
            },
            "i" => content
                .parse()
                .map(PathElement::Index)
                .map_err(|_| Unreadable::Malformed),
            _ if kind.chars().count() == 1 => Err(Unreadable::UnknownKind),
            _ => Err(Unreadable::Malformed),
        }
    }

    /// The key of `FieldsV1`.
    pub(super) fn serialize(&self) -> String {
        match self {
            PathElement::Field(name) => ["f:", name].concat(),
            PathElement::Key(fields) => {
                let fields: Map<String, Value> = fields
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.clone()))
                    .collect();
                format!("k:{}", html_safe(&Value::Object(fields).to_string()))
            }
            PathElement::Value(value) => format!("v:{}", html_safe(&value.to_string())),
            PathElement::Index(index) => format!("i:{index}"),
        }
    }
}

fn parse_json(text: &str) -> Result<Value, Unreadable> {
    serde_json::from_str(text).map_err(|_| Unreadable::Malformed)
}

/// Go escapes these characters in JSON strings, so stored keys carry the escapes. They occur only inside strings.
pub(super) fn html_safe(json: &str) -> String {
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return json.to_owned();
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match character {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            other => safe.push(other),
        }
    }
    safe
}

impl fmt::Display for PathElement {
    /// As messages name it: `.name`, `[name="x",port=80]`, `[="x"]`, `[0]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathElement::Field(name) => write!(f, ".{name}"),
            PathElement::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{name}={}", Shown(value))?;
                }
                f.write_str("]")
            }
            PathElement::Value(value) => write!(f, "[={}]", Shown(value)),
            PathElement::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A value inside a path.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => write_quoted(f, text),
            Value::Array(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "" } else { "," }, Shown(item))?;
                }
                f.write_str("]")
            }
            Value::Object(fields) => fields
                .iter()
                .try_for_each(|(name, value)| write!(f, "{name}={}", Shown(value))),
            other => write!(f, "{other}"),
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            control if control.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(control))?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => write!(f, "{other}")?,
        }
    }
    f.write_str("\"")
}

impl Ord for PathElement {
    /// Fields, then keys, values and indexes.
    fn cmp(&self, other: &PathElement) -> Ordering {
        match (self, other) {
            (PathElement::Field(a), PathElement::Field(b)) => a.cmp(b),
            (PathElement::Key(a), PathElement::Key(b)) => compare_keys(a, b),
            (PathElement::Value(a), PathElement::Value(b)) => value::compare(a, b),
            (PathElement::Index(a), PathElement::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

fn compare_keys(a: &[(Arc<str>, Value)], b: &[(Arc<str>, Value)]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|((name_a, a), (name_b, b))| name_a.cmp(name_b).then_with(|| value::compare(a, b)))
        .find(|order| order.is_ne())
        .unwrap_or(a.len().cmp(&b.len()))
}

impl PathElement {
    fn rank(&self) -> u8 {
        match self {
            PathElement::Field(_) => 0,
            PathElement::Key(_) => 1,
            PathElement::Value(_) => 2,
            PathElement::Index(_) => 3,
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &PathElement) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &PathElement) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notations() {
        let port = PathElement::key(vec![("protocol".into(), json!("TCP")), ("port".into(), json!(80))]);
        for (element, stored, shown) in [
            (PathElement::field("spec"), "f:spec", ".spec"),
            (PathElement::field("a:b/c"), "f:a:b/c", ".a:b/c"),
            (port, r#"k:{"port":80,"protocol":"TCP"}"#, r#"[port=80,protocol="TCP"]"#),
            (PathElement::Value(Arc::new(json!("x"))), r#"v:"x""#, r#"[="x"]"#),
            (
                PathElement::Value(Arc::new(json!("a<b"))),
                r#"v:"a\u003cb""#,
                r#"[="a<b"]"#,
            ),
            (PathElement::Value(Arc::new(json!(true))), "v:true", "[=true]"),
            (PathElement::Index(3), "i:3", "[3]"),
        ] {
            assert_eq!(element.serialize(), stored);
            assert_eq!(PathElement::parse(stored), Ok(element.clone()));
            assert_eq!(element.to_string(), shown);
        }
    }

    #[test]
    fn unreadable_keys() {
        assert_eq!(PathElement::parse("z:x"), Err(Unreadable::UnknownKind));
        for broken in ["", "f", "spec", "k:", "k:[]", "k:{", "v:", "v:{} x", "i:x"] {
            assert_eq!(PathElement::parse(broken), Err(Unreadable::Malformed), "{broken}");
        }
    }

    #[test]
    fn strings_are_quoted_for_people() {
        let element = PathElement::Value(Arc::new(json!("a\"b\\c\n\u{7}é")));
        assert_eq!(element.to_string(), "[=\"a\\\"b\\\\c\\n\\x07é\"]");
    }
}
