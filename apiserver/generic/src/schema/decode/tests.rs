use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn json_error(body: &str) -> String {
    super::json(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn json_errors_read_as_gos() {
    let table = [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        (r#"{"a":"#, "unexpected end of JSON input"),
        ("bogus", "invalid character 'b' looking for beginning of value"),
        (
            "{a: 1}",
            "invalid character 'a' looking for beginning of object key string",
        ),
        (r#"{"a" 1}"#, "invalid character '1' after object key"),
        (r#"{"a":1 "b"}"#, "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("{} x", "invalid character 'x' after top-level value"),
        (
            "{\n  \"a\": x\n}",
            "invalid character 'x' looking for beginning of value",
        ),
    ];
    for (body, problem) in table {
        assert_eq!(
            json_error(body),
            format!("couldn't get version/kind; json parse error: {problem}"),
            "{body}"
        );
    }
}

#[test]
fn duplicates_are_told_with_their_path_and_the_last_counts() {
    let body = br#"{"spec":{"replicas":1,"replicas":2,"list":[{"x":1,"x":2}]},"spec":{"replicas":3}}"#;
    let decoded = super::json(body).unwrap();
    assert_eq!(decoded.value, json!({"spec": {"replicas": 3}}));
    assert_eq!(decoded.duplicates, ["spec.replicas", "spec.list[0].x", "spec"]);
}

#[test]
fn yaml_is_read_as_json_would_be() {
    let body = b"spec:\n  replicas: 1\n  replicas: 2\n  name: \"1\"\n  on: true\n  list: [{a: 1.5}, null, ~]\n  1: x\n";
    let decoded = super::yaml(body).unwrap();
    let expected =
        json!({"spec": {"replicas": 2, "name": "1", "on": true, "list": [{"a": 1.5}, null, null], "1": "x"}});
    assert_eq!(decoded.value, expected);
    assert_eq!(decoded.duplicates, ["spec.replicas"]);
    assert_eq!(
        super::yaml(br#"{"a": [1, "b"]}"#).unwrap().value,
        json!({"a": [1, "b"]})
    );
}

#[test]
fn yaml_errors_are_one_line() {
    for body in ["a: [1", "a: b: c", "a: *unknown", "--- 1\n--- 2\n"] {
        let error = super::yaml(body.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("error converting YAML to JSON: yaml: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn numbers_beyond_64_bits_become_floats_or_are_refused() {
    let decoded =
        super::json(b"[9223372036854775807, 9223372036854775808, 18446744073709551616, -9223372036854775809]");
    let Value::Array(numbers) = decoded.unwrap().value else {
        panic!("a list")
    };
    assert!(numbers[0].is_i64());
    assert!(numbers[1..3].iter().all(Value::is_f64), "{numbers:?}");
    assert!(json_error("1e999").contains("number out of range"));
    assert!(super::yaml(b"[1e999]").is_err());
}

#[test]
fn numbers_keep_their_value() {
    let written = ["1.0", "-3e2", "6.689293686550755e-66", "0.1", "123456789.125"];
    let read = super::json(format!("[{}]", written.join(",")).as_bytes())
        .unwrap()
        .value;
    assert_eq!(read.to_string(), "[1,-300,6.689293686550755e-66,0.1,123456789.125]");
}

#[test]
fn depth_is_limited_before_the_stack_is() {
    let deep = |open: &str, close: &str, depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
    assert!(super::json(deep("[", "]", MAX_DEPTH).as_bytes()).is_ok());
    let error = json_error(&deep("[", "]", 100_000));
    assert!(error.ends_with("exceeded max depth"), "{error}");
    assert!(json_error(&r#"{"a":"#.repeat(100_000)).ends_with("exceeded max depth"));
    assert!(super::yaml(deep("[", "]", yaml::MAX_DEPTH).as_bytes()).is_ok());
    assert!(super::yaml(deep("[", "]", 100_000).as_bytes()).is_err());
    let blocks = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect::<String>();
    assert!(super::yaml(blocks.as_bytes()).is_err());
}

#[test]
fn aliases_can_not_blow_a_document_up() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{inner}]").unwrap();
    }
    assert!(super::yaml(bomb.as_bytes()).is_err());
}

#[test]
fn very_many_duplicates_are_reported_in_part() {
    let body = format!("{{{}}}", vec![r#""a":1"#; 100_000].join(","));
    let duplicates = super::json(body.as_bytes()).unwrap().duplicates.len();
    assert!((1..=1000).contains(&duplicates), "{duplicates}");
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::json(&body);
        let _ = super::yaml(&body);
    }

    #[test]
    fn text_near_json_is_decoded_or_refused(body in r#"[\[\]{}:,"\\a-c0-9eE.+\- \n&*!|>'#]{0,60}"#) {
        let _ = super::json(body.as_bytes());
        let _ = super::yaml(body.as_bytes());
    }

    #[test]
    fn json_without_duplicates_comes_back_as_it_was(text in r#"\{("[a-d]{1,3}":("[a-z]{0,4}"|[1-9]{1,5}|null|true|\[\]|\{\}),)*"e":1\}"#) {
        let decoded = super::json(text.as_bytes()).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&decoded.value, &expected);
        let again = super::json(expected.to_string().as_bytes()).unwrap();
        prop_assert_eq!(again.value, expected);
        prop_assert!(again.duplicates.is_empty());
    }
}
