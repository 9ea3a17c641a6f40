use near_inputs::near_text;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::apply::{fields_v1, managers::Managers, path::PathElement};

const FIELDS: [&str; 5] = [
    r#"{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:n":{}}}"#,
    r#"{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}"#,
    r#"{"f:ids":{"v:\"a\"":{},"v:1":{},"v:1.5":{},"i:0":{}}}"#,
    r#"{"f:a":{"f:b":{"f:c":{"f:d":{}}}},"x:future":{}}"#,
    "{}",
];
const ENTRIES: [&str; 2] = [
    r#"[{"manager":"m","operation":"Apply","apiVersion":"v1","time":"2026-11-27T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:a":{}}}]"#,
    r#"[{"manager":"m","operation":"Update","subresource":"status","fieldsV1":{"f:status":{".":{},"f:n":{}}}},{}]"#,
];
const WORDS: [&str; 14] = [
    "\"f:x\":",
    "\"k:{\\\"a\\\":1}\":",
    "\"v:null\":",
    "\"i:9\":",
    "\".\":{}",
    "{}",
    ",",
    "{",
    "}",
    "null",
    "\"time\":",
    "\"Apply\"",
    "\"f:\":",
    "k:{",
];

proptest! {
    #[test]
    fn fuzz_field_sets_near_right_ones_come_back(text in near_text(&FIELDS, &WORDS)) {
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        if let Ok(set) = fields_v1::parse(Some(&value)) {
            let written = fields_v1::serialize(&set);
            prop_assert_eq!(fields_v1::parse(Some(&written)), Ok(set), "{}", written);
        }
    }

    #[test]
    fn fuzz_path_elements_near_right_ones_come_back(
        text in near_text(&["f:name", "k:{\"port\":80,\"protocol\":\"TCP\"}", "v:\"x\"", "v:-1.5", "i:7", "v:[1,{}]"], &["k:", "{", "\"", "1e99", ":"]),
    ) {
        if let Ok(element) = PathElement::parse(&text) {
            let written = element.serialize();
            prop_assert_eq!(PathElement::parse(&written).ok(), Some(element), "{}", written);
        }
    }

    #[test]
    fn fuzz_managed_fields_near_right_ones_settle(text in near_text(&ENTRIES, &WORDS)) {
        let Ok(entries) = serde_json::from_str::<Value>(&text) else { return Ok(()) };
        let mut object = json!({"metadata": {"managedFields": entries}});
        let Ok(managers) = Managers::decode(&object) else { return Ok(()) };
        managers.encode(&mut object);
        let once = object.clone();
        let managers = Managers::decode(&object).map_err(|_| TestCaseError::fail(format!("{once} can't be read")))?;
        managers.encode(&mut object);
        prop_assert_eq!(object, once);
    }
}
