//! JSON bodies.

use serde_json::error::Category;

use super::{DecodeError, Decoded, tree};

/// Decodes one JSON value; what follows it may only be white space.
pub fn json(body: &[u8]) -> Result<Decoded, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = tree::read(&mut deserializer).and_then(|decoded| deserializer.end().map(|()| decoded));
    read.map_err(|error| DecodeError::Json(explain(&error, body)))
}

/// The decoder's problem in the words of Go's.
fn explain(error: &serde_json::Error, body: &[u8]) -> String {
    if error.classify() == Category::Eof {
        return "unexpected end of JSON input".to_owned();
    }
    let text = error.to_string();
    let problem = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(problem, _)| problem);
    if problem == "recursion limit exceeded" {
        return "exceeded max depth".to_owned();
    }
    if problem == "expected ident" {
        return literal_problem(error, body).unwrap_or(text);
    }
    let place = match problem {
        "expected value" | "trailing comma" => "looking for beginning of value",
        "key must be a string" => "looking for beginning of object key string",
        "expected `:`" => "after object key",
        "expected `,` or `}`" => "after object key:value pair",
        "expected `,` or `]`" => "after array element",
        "trailing characters" => "after top-level value",
        "invalid escape" => "in string escape code",
        _ if problem.starts_with("control character") => "in string literal",
        _ => return text,
    };
    match byte_at(body, error.line(), error.column()) {
        Some(byte) => format!("invalid character {} {place}", quoted(byte)),
        None => text,
    }
}

/// Where a word that begins as `true`, `false` or `null` goes on as another.
fn literal_problem(error: &serde_json::Error, body: &[u8]) -> Option<String> {
    let line = body.split(|byte| *byte == b'\n').nth(error.line().checked_sub(1)?)?;
    let at = error.column().checked_sub(1)?;
    let wrong = *line.get(at)?;
    ["true", "false", "null"].iter().find_map(|literal| {
        let begin = (1..literal.len())
            .rev()
            .find(|&length| line[..at].ends_with(&literal.as_bytes()[..length]))?;
        let expected = quoted(literal.as_bytes()[begin]);
        Some(format!(
            "invalid character {} in literal {literal} (expecting {expected})",
            quoted(wrong)
        ))
    })
}

/// The byte at a line and column, both counted from 1.
fn byte_at(body: &[u8], line: usize, column: usize) -> Option<u8> {
    let line = body.split(|byte| *byte == b'\n').nth(line.checked_sub(1)?)?;
    match column.checked_sub(1) {
        Some(at) if at == line.len() => Some(b'\n'),
        Some(at) => line.get(at).copied(),
        None => Some(b'\n'),
    }
}

/// A character as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        byte @ 0x80..=0x9f => format!(r"'\u{byte:04x}'"),
        byte if byte.is_ascii_control() => format!(r"'\x{byte:02x}'"),
        byte => format!("'{}'", char::from(byte)),
    }
}
