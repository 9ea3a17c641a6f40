//! Indented JSON, for people who look at answers with curl or a browser.

use bytes::Bytes;
use http::{HeaderMap, header::USER_AGENT};

use crate::request::Query;

/// Whether the client wants indentation: `?pretty=`, or a tool that shows answers as they are.
pub(super) fn is_wanted(query: &Query, headers: &HeaderMap) -> bool {
    if let Some(wanted) = query.first("pretty").filter(|wanted| !wanted.is_empty()) {
        return matches!(wanted, "1" | "t" | "T" | "true" | "TRUE" | "True");
    }
    let agent = headers.get(USER_AGENT).map_or(&b""[..], |agent| agent.as_bytes());
    [&b"curl"[..], b"Wget", b"Mozilla/5.0"]
        .iter()
        .any(|prefix| agent.starts_with(prefix))
}

/// Indents by two spaces, keeping the order and the spelling of everything. Works on bytes: only strings matter.
pub(super) fn indent(json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut rest = json.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => copy_string(&mut rest, &mut out),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' => {
                while rest.next_if(u8::is_ascii_whitespace).is_some() {}
                out.push(byte);
                if let Some(close) = rest.next_if(|next| matches!(next, b'}' | b']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(depth, &mut out);
                }
            }
            b'}' | b']' => {
                depth = usize::saturating_sub(depth, 1);
                new_line(depth, &mut out);
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(depth, &mut out);
            }
            b':' => out.extend_from_slice(b": "),
            other => out.push(other),
        }
    }
    out.push(b'\n');
    out.into()
}

/// Copies up to the closing quote; the opening one was read.
fn copy_string(rest: &mut impl Iterator<Item = u8>, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut escaped = false;
    for byte in rest {
        out.push(byte);
        if byte == b'"' && !escaped {
            return;
        }
        escaped = byte == b'\\' && !escaped;
    }
}

fn new_line(depth: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn keeps_strings_and_empty_containers() {
        let indented = indent(br#"{"b":[],"a":{"x":"{\"y\":[1]}, \\"},"c":[1, {}]}"#);
        let expected = "{\n  \"b\": [],\n  \"a\": {\n    \"x\": \"{\\\"y\\\":[1]}, \\\\\"\n  },\n  \"c\": [\n    1,\n    {}\n  ]\n}\n";
        assert_eq!(std::str::from_utf8(&indented).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn the_document_stays_the_same(text in "[ \\[\\]{},:\"\\\\a1]{0,40}", strings in proptest::collection::vec(".*", 0..4)) {
            let _ = indent(text.as_bytes());
            let document = serde_json::json!({"a": strings, "b": {"c": [1, null, {}]}});
            let indented = indent(document.to_string().as_bytes());
            prop_assert_eq!(serde_json::from_slice::<Value>(&indented).unwrap(), document.clone());
            prop_assert_eq!(std::str::from_utf8(&indented).unwrap(), format!("{document:#}\n"));
        }
    }

    #[test]
    fn tools_for_people_get_it_unless_they_say_no() {
        let agent = |agent: &str| HeaderMap::from_iter([(USER_AGENT, agent.parse().unwrap())]);
        assert!(is_wanted(&Query::default(), &agent("curl/8.5.0")));
        assert!(!is_wanted(&Query::parse("pretty=false"), &agent("curl/8.5.0")));
        assert!(!is_wanted(&Query::default(), &agent("kubectl/v1.37.1")));
        assert!(is_wanted(&Query::parse("pretty=1"), &HeaderMap::new()));
    }
}
