//! Where two answers differ.

use serde_json::Value;

/// One place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Such as `body.spec.ports[1].name`.
    pub(crate) field: String,
    /// What is there in the real server's answer, if anything.
    pub(crate) theirs: Option<Value>,
    pub(crate) ours: Option<Value>,
}

/// Where two answers differ. When one is an error and the other is not, or another error, that is the one difference.
pub(crate) fn between(theirs: &Value, ours: &Value) -> Vec<Difference> {
    if theirs["status"] != ours["status"] || theirs["failure"] != ours["failure"] {
        return vec![Difference {
            field: "status".to_owned(),
            theirs: Some(outcome(theirs)),
            ours: Some(outcome(ours)),
        }];
    }
    let parts = ["header", "body"].into_iter();
    parts
        .flat_map(|part| differences(part, theirs.get(part), ours.get(part)))
        .collect()
}

/// The status, and what is said about it.
fn outcome(answer: &Value) -> Value {
    let body = &answer["body"];
    let said = [&body["message"], body, &answer["failure"]];
    let said = said.iter().find_map(|said| said.as_str()).unwrap_or_default();
    format!("{} {said}", answer["status"]).into()
}

/// All places below `field` where the two differ.
fn differences(field: &str, theirs: Option<&Value>, ours: Option<&Value>) -> Vec<Difference> {
    match (theirs, ours) {
        (Some(Value::Object(theirs)), Some(Value::Object(ours))) => {
            let more = ours.keys().filter(|key| !theirs.contains_key(*key));
            let keys = theirs.keys().chain(more);
            keys.flat_map(|key| differences(&format!("{field}.{key}"), theirs.get(key), ours.get(key)))
                .collect()
        }
        (Some(Value::Array(theirs)), Some(Value::Array(ours))) => (0..theirs.len().max(ours.len()))
            .flat_map(|i| differences(&format!("{field}[{i}]"), theirs.get(i), ours.get(i)))
            .collect(),
        (theirs, ours) if theirs == ours => Vec::new(),
        (theirs, ours) => vec![Difference {
            field: field.to_owned(),
            theirs: theirs.cloned(),
            ours: ours.cloned(),
        }],
    }
}
