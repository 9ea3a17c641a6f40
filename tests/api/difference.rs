//! Where two answers differ.

use serde_json::Value;

use crate::compare::difference::{Difference, differences};

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
