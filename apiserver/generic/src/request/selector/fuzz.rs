use std::collections::BTreeMap;

use near_inputs::near_text;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

const LABELS: [&str; 9] = [
    "",
    "app=web,tier!=front",
    "a==b, !c ,d",
    "x in (a,b,), y notin (c)",
    "example.com/name in (),n>5,n<7",
    "in in (notin),notin notin (in)",
    "metadata.name=x",
    "a=,b!=,c",
    "!a,!b,!c,!d",
];
const FIELDS: [&str; 6] = [
    "",
    "metadata.name=x",
    "metadata.namespace!=kube-system,spec.nodeName=",
    r"a==b\,c\=d\\e",
    ",,a=b,,",
    "a!=b,c==d,e=f",
];
const SIGNS: [&str; 14] = [
    "=", "==", "!=", "!", "(", ")", ",", "<", ">", " in ", " notin ", "\\", " ", "==",
];

/// A requirement, and how it is written.
fn requirement() -> impl Strategy<Value = (Requirement, String)> {
    let key = || select(vec!["a", "b", "in", "notin", "example.com/n", "x-1_.y"]).prop_map(str::to_owned);
    let value = || select(vec!["", "v", "in", "7", "03", "A.b_c-d"]).prop_map(str::to_owned);
    let listed = |values: &[String]| format!("({})", values.join(" , "));
    prop_oneof![
        key().prop_map(|key| (Requirement::Exists(key.clone()), key)),
        key().prop_map(|key| (Requirement::Absent(key.clone()), format!("! {key}"))),
        (key(), value()).prop_map(|(key, value)| {
            let text = format!("{key}={value}");
            (Requirement::In(key, vec![value]), text)
        }),
        (key(), value()).prop_map(|(key, value)| {
            let text = format!("{key} != {value}");
            (Requirement::NotIn(key, vec![value]), text)
        }),
        (key(), vec(value(), 1..4)).prop_map(move |(key, values)| {
            let text = format!("{key} in {}", listed(&values));
            (Requirement::In(key, values), text)
        }),
        (key(), vec(value(), 1..4)).prop_map(move |(key, values)| {
            let text = format!("{key}\tnotin\n{}", listed(&values));
            (Requirement::NotIn(key, values), text)
        }),
        (key(), 0..9_i64).prop_map(|(key, bound)| (Requirement::Above(key.clone(), bound), format!("{key}>{bound}"))),
        (key(), 0..9_i64).prop_map(|(key, bound)| (Requirement::Below(key.clone(), bound), format!("{key} < {bound}"))),
    ]
}

/// What a requirement says, by the words of the documentation.
fn holds(requirement: &Requirement, labels: &BTreeMap<String, String>) -> bool {
    let number = |key: &String| labels.get(key).and_then(|value| value.parse::<i64>().ok());
    match requirement {
        Requirement::Exists(key) => labels.contains_key(key),
        Requirement::Absent(key) => !labels.contains_key(key),
        Requirement::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
        // Also of those that do not have the label at all.
        Requirement::NotIn(key, values) => !labels.get(key).is_some_and(|value| values.contains(value)),
        Requirement::Above(key, bound) => number(key).is_some_and(|number| number > *bound),
        Requirement::Below(key, bound) => number(key).is_some_and(|number| number < *bound),
    }
}

proptest! {
    #[test]
    fn fuzz_label_selectors_near_right_ones(text in near_text(&LABELS, &SIGNS)) {
        match LabelSelector::parse(&text) {
            Ok(selector) => { selector.matches(|_| Some("7")); }
            Err(why) => prop_assert!(!why.is_empty() && why.len() < 16 * text.len() + 2000, "{why}"),
        }
    }

    #[test]
    fn fuzz_label_selectors_say_what_is_written(
        requirements in vec(requirement(), 0..5),
        labels in proptest::collection::btree_map("a|b|in|notin|example.com/n", "v|in|7|-3|03|", 0..5),
    ) {
        let text = requirements.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ,");
        let selector = LabelSelector::parse(&text).map_err(TestCaseError::fail)?;
        let found = selector.matches(|key| labels.get(key).map(String::as_str));
        let expected = requirements.iter().all(|(requirement, _)| holds(requirement, &labels));
        prop_assert_eq!(found, expected, "{} on {:?}", text, labels);
    }

    #[test]
    fn fuzz_field_selectors_near_right_ones(text in near_text(&FIELDS, &SIGNS)) {
        if let Ok(FieldSelector(terms)) = FieldSelector::parse(&text) {
            prop_assert!(terms.len() <= text.len());
        }
    }

    #[test]
    fn fuzz_field_selectors_come_back(terms in vec(("[a-z.]{1,8}", any::<bool>(), r"[a-z,=\\ é]{0,6}"), 0..5)) {
        let written: Vec<String> = terms
            .iter()
            .map(|(field, equal, value)| {
                let value = value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
                format!("{field}{}{value}", if *equal { "=" } else { "!=" })
            })
            .collect();
        let FieldSelector(found) = FieldSelector::parse(&written.join(",")).map_err(TestCaseError::fail)?;
        let found: Vec<_> = found.into_iter().map(|term| (term.field, term.equal, term.value)).collect();
        prop_assert_eq!(found, terms);
    }
}
