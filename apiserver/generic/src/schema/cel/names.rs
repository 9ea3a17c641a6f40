//! Field names as identifiers of expressions.

use std::borrow::Cow;

/// Words that are no identifiers.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
/// What stands for a character that no identifier has.
const ESCAPES: [(&str, &str); 4] = [
    ("__underscores__", "__"),
    ("__dot__", "."),
    ("__dash__", "-"),
    ("__slash__", "/"),
];

/// The identifier of a field; none where it can have none.
pub(super) fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let mut escaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if let Some((escape, plain)) = ESCAPES.iter().find(|(_, plain)| rest.starts_with(plain)) {
            escaped.push_str(escape);
            rest = &rest[plain.len()..];
        } else if first.is_ascii_alphanumeric() || first == '_' {
            escaped.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            return None;
        }
    }
    Some(escaped)
}

/// The field of an identifier; none for an escape that stands for nothing.
pub(super) fn unescape(name: &str) -> Option<Cow<'_, str>> {
    if !name.contains("__") {
        return Some(Cow::Borrowed(name));
    }
    let reserved = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    if let Some(reserved) = reserved.filter(|name| RESERVED.contains(name)) {
        return Some(Cow::Owned(reserved.to_owned()));
    }
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("__") {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (escape, character) = ESCAPES.iter().find(|(escape, _)| rest.starts_with(escape))?;
        plain.push_str(character);
        rest = &rest[escape.len()..];
    }
    plain.push_str(rest);
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_to_identifiers_and_back() {
        let table = [
            ("replicas", "replicas"),
            ("a-b", "a__dash__b"),
            ("example.com/a", "example__dot__com__slash__a"),
            ("a__b", "a__underscores__b"),
            ("namespace", "__namespace__"),
            ("_a", "_a"),
        ];
        for (name, identifier) in table {
            assert_eq!(escape(name).as_deref(), Some(identifier));
            assert_eq!(unescape(identifier).as_deref(), Some(name));
        }
        for name in ["", "1a", "a b", "ä"] {
            assert_eq!(escape(name), None, "{name}");
        }
        assert_eq!(unescape("a__bogus__b"), None);
    }
}
