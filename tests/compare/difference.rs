//! Where two documents differ.

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

/// All places below `field` where the two differ.
pub(crate) fn differences(field: &str, theirs: Option<&Value>, ours: Option<&Value>) -> Vec<Difference> {
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
