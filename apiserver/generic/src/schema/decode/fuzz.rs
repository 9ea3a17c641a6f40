use near_inputs::near_text;
use proptest::prelude::*;
use serde_json::Value;

const JSON: [&str; 6] = [
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"x":"y"}},"data":{"k":"v\n\u00e9\"\\"}}"#,
    r#"[0,-1,1.5,1e3,true,false,null,"",{},[]]"#,
    r#"{"spec":{"replicas":3,"replicas":4},"list":[{"a":1,"a":2}]}"#,
    r#"{"a":{"b":{"c":[[[[{"d":"\ud83d\ude00"}]]]]}}}"#,
    r#""text""#,
    "  { \"spaced\" : [ 1 , 2 ] }\n",
];
const YAML: [&str; 7] = [
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {x: y}\ndata:\n  text: |\n    line\n    line\n",
    "- 1\n- 0x10\n- 0o7\n- 1.5e3\n- .inf\n- ~\n- yes\n- 'it''s'\n- \"a\\tb\"\n",
    "base: &base {a: 1}\nother:\n  <<: *base\n  b: *base\n",
    "? key\n: value\n? [a, b]\n: {c: d}\n",
    "folded: >-\n  a\n  b\n\n  c\n# comment\n",
    "!!str 5: !!int \"5\"\n",
    "---\na: 1\n...\n",
];
const SIGNS: [&str; 22] = [
    "{", "}", "[", "]", ":", ",", "\"", "'", "\\u", "\\ud800", "&a ", "*a", "- ", "? ", "|", ">-", "!!", "<<: ",
    "\n  ", "#", "---\n", "null",
];

/// No number that only one of two readers has room for.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64(),
        Value::Array(items) => items.iter().all(is_plain),
        Value::Object(fields) => fields.values().all(is_plain),
        _ => true,
    }
}

proptest! {
    #[test]
    fn fuzz_json_is_read_as_serde_json_reads_it(text in near_text(&JSON, &SIGNS)) {
        let expected = serde_json::from_str::<Value>(&text);
        match (super::json(text.as_bytes()), expected) {
            (Ok(found), Ok(expected)) => {
                // Integers beyond 64 bits with a sign are floats here, as in Go.
                prop_assert!(found.value == expected || !is_plain(&expected), "{} and {}", found.value, expected);
                prop_assert_eq!(super::json(found.value.to_string().as_bytes()).map(|again| again.value), Ok(found.value));
            }
            (Err(_), Err(_)) => {}
            (found, expected) => prop_assert!(false, "{found:?} and {expected:?}"),
        }
    }

    #[test]
    fn fuzz_yaml_near_right_documents(text in near_text(&YAML, &SIGNS)) {
        if let Ok(found) = super::yaml(text.as_bytes()) {
            prop_assert!(found.value.to_string().len() < 100 * text.len() + 100, "a document blows up");
        }
    }

    #[test]
    fn fuzz_json_is_yaml_too(text in near_text(&JSON, &["[", "]", "{", "}", "1", "\"a\"", "null", " "])) {
        let Ok(expected) = super::json(text.as_bytes()) else { return Ok(()) };
        // YAML has no pairs of surrogates, other numbers, and fewer characters.
        let only_in_json = |letter: char| letter != '\n' && letter.is_control() || "\u{feff}\u{2028}".contains(letter);
        if text.contains("\\ud8") || text.contains(only_in_json) || !is_plain(&expected.value) {
            return Ok(());
        }
        let found = super::yaml(text.as_bytes()).map(|found| found.value);
        prop_assert_eq!(found, Ok(expected.value), "{}", text);
    }

    #[test]
    fn fuzz_bytes_that_are_no_text(text in near_text(&JSON, &SIGNS), byte in 0x80..=0xff_u8, at in any::<prop::sample::Index>()) {
        let mut bytes = text.into_bytes();
        bytes.insert(at.index(bytes.len() + 1), byte);
        if std::str::from_utf8(&bytes).is_err() {
            prop_assert!(super::json(&bytes).is_err());
        }
        let _ = super::yaml(&bytes);
    }
}
